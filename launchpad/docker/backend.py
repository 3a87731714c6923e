"""Starts runs as containers, finds and removes them, and watches all of one engine by one event stream."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from weakref import WeakKeyDictionary

from ..core.backend import Backend, Chunk, Spec, Unit
from ..core.cancellation import StopToken
from ..core.deadlines import deadline_of
from ..core.following import output_of
from ..core.retries import LONGEST_OUTAGE
from ..core.starters import Liveness, liveness_of
from ..core.watcher import Watcher
from ..engine import RESULT_VARIABLE
from ..errors import InvalidHandle, LaunchError, RunNotAvailable, RunNotFound
from ..models import Handle, Listed, Run
from ..net.http import StreamingResponse
from ..text import quoted
from .api import DockerApi
from .config import engine_address, read_config, timeout
from .creation import Creation
from .errors import ApiError
from .events import DockerEvents
from .images import Images
from .input import RunInput
from .listing import NEVER_STARTED, handle_of, listed
from .output import RunOutput
from .spec import AUTO_REMOVE, DEADLINE, RUN_ID, STARTER
from .status import Fact, State, paths_in
from .unit import DockerUnit

_ID = re.compile(r"[0-9a-f]{64}\Z")


class DockerBackend(Backend):
    """The connection to one engine. Thread-safe.

    An engine that is out of reach for more than `max_outage` seconds fails the runs that are followed.
    """

    def __init__(self, api: DockerApi, max_outage: float = LONGEST_OUTAGE) -> None:
        self.engine = api.id
        self.api = api
        self._images = Images(api.open_pull)
        self._lock = threading.Lock()  # guards the next
        # When (monotonic) a launch came first: for its next name it comes again, and its image is new enough by then.
        self._came_at: WeakKeyDictionary[StopToken, float] = WeakKeyDictionary()
        self._unread: list[DockerUnit] = []  # started lately, and maybe never polled
        now = parsedate_to_datetime(api.now).timestamp() if api.now else time.time()
        self._events = DockerEvents(api, f"{now:.0f}", self._release_unread)
        self._watcher: Watcher[Fact] = Watcher(self._events, "docker-events", max_outage)

    @classmethod
    def connect(cls, environ: Mapping[str, str], max_outage: float = LONGEST_OUTAGE) -> DockerBackend:
        """Connects to the engine that `environ` and docker's config name. EngineUnavailable, with the address tried."""
        api = DockerApi(engine_address(environ), timeout(environ), max_outage, read_config(environ))
        return cls(api, max_outage)

    def start(self, spec: Spec, name: str, run: Run, *, output: bool, stop_token: StopToken) -> Unit:
        return self._start(spec, name, run, output, stop_token, to_follow=True)

    def start_detached(
        self, spec: Spec, name: str, run: Run, *, output: bool, grace: float, stop_token: StopToken
    ) -> Unit:
        return self._start(spec, name, run, output, stop_token, to_follow=False)

    def _start(
        self, spec: Spec, name: str, run: Run, output: bool, stop_token: StopToken, *, to_follow: bool
    ) -> DockerUnit:
        """Starts the run. Its input is sent while it is followed, and at once if it is not `to_follow`."""
        stop_token.check()
        with self._lock:
            came_at = self._came_at.setdefault(stop_token, time.monotonic())
        creation = Creation(self.api, self._images, spec, run, stop_token)
        with ExitStack() as undo:
            run_input = RunInput(spec["stdin"], run.name) if "stdin" in spec else None
            if run_input is not None:
                undo.callback(run_input.close)
            container = creation.create(came_at, show_progress=output)
            undo.callback(creation.discard, container)
            creation.connect(container)
            # Nothing reads the output while `start` sends an input: Podman would stop the run. The log has it.
            attached = creation.attach(container) if output and (to_follow or run_input is None) else None
            if attached is not None:
                undo.callback(attached.close)  # by the unit, unless there is none
            if run_input is not None:
                run_input.connect(creation.attach_input(container), gets_output=self.api.is_podman)
            handle = Handle("docker", container, name, self.engine, run.id)
            tty = bool(spec["create"].get("tty"))
            run_output = self._output(handle, tty, attached) if output else None
            paths = paths_in(spec["create"]["environment"].get(RESULT_VARIABLE))
            unit = self._follow(handle, run_output, run_input, auto_remove=spec["auto_remove"], result_paths=paths)
            undo.callback(unit.close)
            creation.start(container)
            if run_input is not None and not to_follow:
                run_input.send_all(unit.has_ended, stop_token)
            self._unread.append(unit)
            undo.pop_all()
        return unit

    def find(self, handle: Handle, *, output: bool) -> Unit:
        return self._find(handle, self._existing(handle), output)

    def adopt(self, handle: Handle, spec: Spec, run: Run, *, output: bool, stop_token: StopToken) -> Unit:
        state = self._existing(handle)
        if state.has_run:
            return self._find(handle, state, output)
        creation = Creation(self.api, self._images, spec, run, stop_token)
        creation.connect(handle.id)
        unit = self._follow(
            handle,
            self._output(handle, state.tty, None) if output else None,
            auto_remove=AUTO_REMOVE in state.labels,
        )
        try:
            creation.start(handle.id)
        except BaseException:
            unit.close()
            raise
        if run.timeout is not None:  # the label has the time since its creation
            unit.deadline = datetime.now(timezone.utc) + timedelta(seconds=run.timeout)
        return unit

    def list_runs(self) -> list[Listed]:
        found = []
        for entry in self.api.retried(lambda: self.api.list({"label": [RUN_ID]})):
            handle = handle_of(entry, self.engine)
            state = None if handle is None else self.state(handle.id)
            if handle is None or state is None or state.status == "removing":
                continue
            being_created = not state.has_run and _is_being_created(state)
            found.append(listed(handle, state, created=entry.get("Created"), being_created=being_created))
        return found

    def logs(self, handle: Handle, *, follow: bool) -> Generator[Chunk, None, None]:
        state = self._existing(handle)
        if follow and not state.ended:
            return output_of(self._find(handle, state, True, passive=True), follow=True)
        return self._output(handle, state.tty, None).read_kept()

    def remove(self, handle: Handle) -> None:
        if self._found(handle) is None:
            return
        try:
            self.api.retried(lambda: self.api.remove(handle.id, force=False))
        except ApiError as error:
            if error.is_still_running:
                raise LaunchError(
                    f"Container {quoted(handle.name)} is still running: stop it before removing it."
                ) from None
            raise

    def close(self) -> None:
        self._watcher.close()
        self.api.close()

    def state(self, container: str) -> State | None:
        """The state of the container; None if there is none."""
        return self.api.through_outage(lambda: self.api.inspect(container))

    def _find(self, handle: Handle, state: State, output: bool, *, passive: bool = False) -> DockerUnit:
        """The unit of a run whose container was in `state`. With `passive`, it leaves the container as it is."""
        if not state.has_run and not _is_being_created(state):
            raise RunNotFound(f"Run {quoted(handle.name)} was not started: {NEVER_STARTED} Remove it (launchpad reap).")
        unit = self._follow(
            handle,
            self._output(handle, state.tty, None) if output else None,
            auto_remove=AUTO_REMOVE in state.labels,
            deadline=deadline_of(state.labels.get(DEADLINE)),
            passive=passive,
            result_paths=state.result_paths,
        )
        unit.attempt = state.attempt
        try:
            now = self.state(handle.id)  # again: it may have ended before its events were followed
        except BaseException:
            unit.close()
            raise
        for fact in [] if now is None else now.facts():
            unit.notify(fact)
        return unit

    def _output(self, handle: Handle, tty: bool, attached: StreamingResponse | None) -> RunOutput:
        return RunOutput(handle.name, tty, lambda follow: self.api.open_log(handle.id, follow), attached)

    def _follow(
        self,
        handle: Handle,
        output: RunOutput | None,
        run_input: RunInput | None = None,
        *,
        auto_remove: bool,
        deadline: datetime | None = None,
        passive: bool = False,
        result_paths: Sequence[str] = (),
    ) -> DockerUnit:
        """A unit that receives the facts of its container from now on."""
        unit = DockerUnit(
            handle,
            self.api,
            output,
            run_input=run_input,
            auto_remove=auto_remove,
            deadline=deadline,
            passive=passive,
            result_paths=result_paths,
            on_close=self._leave,
        )
        try:
            self._events.watch(handle.id)
            self._watcher.register(handle.id, unit)
        except BaseException:
            unit.close()
            raise
        return unit

    def _leave(self, unit: DockerUnit) -> None:
        self._watcher.unregister(unit.handle.id, unit)
        self._events.leave(unit.handle.id)

    def _release_unread(self) -> None:
        """Closes output streams that are not read: they would block their containers, and the log has the output."""
        for unit in list(self._unread):
            if unit.release_output_if_unread():
                self._unread.remove(unit)

    def _existing(self, handle: Handle) -> State:
        """What `_found` returns; RunNotFound if the container is gone."""
        state = self._found(handle)
        if state is None:
            raise RunNotFound(f"Container {quoted(handle.name)} ({handle.id[:12]}) is gone: it was removed.")
        return state

    def _found(self, handle: Handle) -> State | None:
        """The state of the container of the handle's run; None if it is gone.

        A handle may have been changed, or made up: InvalidHandle if its id is not a whole id, or is that of a container
        that is not the run's.
        """
        if handle.engine != self.engine:
            raise RunNotAvailable(
                f"Container {quoted(handle.name)} is on the engine {quoted(handle.engine)}, and this one, at "
                f"{self.api.address.shown}, is {self.engine}: connect to that (DOCKER_HOST, DOCKER_CONTEXT)."
            )
        if not _ID.match(handle.id):
            raise InvalidHandle(
                f"The handle of {quoted(handle.name)} is not valid: its id {quoted(handle.id)} is not that of a "
                "container (64 hexadecimal digits)."
            )
        state = self.state(handle.id)
        if state is not None and (state.id != handle.id or state.labels.get(RUN_ID) != handle.run_id):
            raise InvalidHandle(
                f"Container {handle.id[:12]} is not that of run {quoted(handle.run_id)}: the handle of "
                f"{quoted(handle.name)} is not valid, or was changed."
            )
        return state


def _is_being_created(state: State) -> bool:
    """Whether a container that has not run is about to: its starter is alive."""
    return liveness_of(state.labels.get(STARTER)) is Liveness.ALIVE
