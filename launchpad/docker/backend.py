"""Runs as containers: created, connected, attached to, started and followed; or nothing is left of them."""

from __future__ import annotations

import copy
import logging
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from ..core.backend import Backend, Spec, Unit
from ..core.cancellation import Stopped, StopToken
from ..core.retries import LONGEST_OUTAGE, Transient, reconnecting, transient
from ..core.watcher import Watcher
from ..errors import EngineUnavailable, ImagePullError, LaunchError, NameConflict, RunNotAvailable, RunNotFound
from ..ids import new_id
from ..models import Handle, ImagePullPolicy, Run
from ..net.exchange import StreamingResponse
from . import spec as specs
from .api import DockerApi
from .config import engine_address, timeout
from .errors import ApiError, not_started
from .events import DockerEvents
from .images import Images
from .networks import GATEWAY
from .output import RunOutput
from .status import Fact, State
from .unit import DockerUnit

T = TypeVar("T")

_logger = logging.getLogger("launchpad")


class DockerBackend(Backend):
    """Starts, finds and removes containers on one engine, and watches them by one event stream. Thread-safe."""

    def __init__(self, engine: DockerApi, images: Images, longest_outage: float = LONGEST_OUTAGE) -> None:
        self.engine = engine.id
        self._engine = engine
        self._images = images
        self._longest_outage = longest_outage
        self._stop_token = StopToken()  # stopped when this is closed
        now = parsedate_to_datetime(engine.now).timestamp() if engine.now else time.time()
        self._begun_lock = threading.Lock()  # guards the next
        # When a launch was first seen here: it comes again with another name, and its image is new enough by then.
        self._begun_at: WeakKeyDictionary[StopToken, float] = WeakKeyDictionary()
        self._unread: list[DockerUnit] = []  # started lately, and maybe polled by nobody
        self._events = DockerEvents(engine, f"{now:.0f}", self._let_go_of_unread)
        self._watcher: Watcher[Fact] = Watcher(self._events, "docker-events", longest_outage)

    @classmethod
    def connect(cls, environ: Mapping[str, str]) -> DockerBackend:
        """Connects to the engine that `environ` and docker's config name. EngineUnavailable, with the address tried."""
        engine = DockerApi(engine_address(environ), timeout(environ))
        return cls(engine, Images(engine.client, engine.open))

    def start(self, spec: Spec, name: str, run: Run, *, output: bool, stop_token: StopToken) -> Unit:
        stop_token.check()
        spec = self._completed(spec, run)
        with ExitStack() as undo:
            container = self._created(spec, stop_token, shown=output)
            undo.callback(self._discard_quietly, container, name)
            for network in spec["networks"]:
                self._connect(spec, container, network, stop_token)
            handle = Handle("docker", container, name, self.engine, run.id)
            attached = self._attach(spec, container, stop_token) if output else None
            tty = bool(spec["create"].get("tty"))
            unit = self._unit(handle, tty, attached, output, auto_remove=spec["auto_remove"])
            undo.callback(unit.close)
            self._start(spec, container, stop_token)
            self._unread.append(unit)
            undo.pop_all()
        return unit

    def find(self, handle: Handle, *, output: bool) -> Unit:
        self._check(handle)
        state = self.state(handle.id)
        if state is None:
            raise RunNotFound(f"Container {handle.name!r} ({handle.id[:12]}) is gone: it was removed after its end.")
        unit = self._unit(handle, state.tty, None, output, auto_remove=specs.AUTO_REMOVE in state.labels)
        try:  # asked again, now that its events are heard
            state = self.state(handle.id)
        except BaseException:
            unit.close()
            raise
        for fact in [] if state is None else state.facts():
            unit.notify(fact)
        return unit

    def remove(self, handle: Handle) -> None:
        self._check(handle)
        try:
            self._retried(self._stop_token, lambda: self._engine.remove(handle.id, force=False))
        except ApiError as refused:
            if refused.status == 409:
                raise LaunchError(
                    f"Container {handle.name!r} is still running: stop it before removing it."
                ) from refused
            raise

    def close(self) -> None:
        self._stop_token.stop()
        self._watcher.close()
        self._engine.close()

    @property
    def connected(self) -> DockerApi:
        """The engine that this is connected to."""
        return self._engine

    def listed(self, filters: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        """The engine's list of containers, in any state."""
        return self._retried(self._stop_token, lambda: self._engine.list(filters))

    # What units ask for.

    def state(self, container: str) -> State | None:
        return self._patiently(lambda: self._engine.inspect(container))

    def discard(self, container: str) -> None:
        self._patiently(lambda: self._engine.remove(container, force=True))

    def send(self, container: str, order: str, query: dict[str, str | int | None]) -> StreamingResponse:
        return self._engine.send(container, order, query)

    def leave(self, container: str, unit: DockerUnit) -> None:
        self._watcher.unregister(container, unit)
        self._events.leave(container)

    def _unit(
        self, handle: Handle, tty: bool, attached: StreamingResponse | None, output: bool, *, auto_remove: bool
    ) -> DockerUnit:
        """A unit that hears of its container from now on."""
        transcript = None
        if output:
            transcript = RunOutput(handle.name, tty, lambda follow: self._engine.open_log(handle.id, follow), attached)
        unit = DockerUnit(handle, self, transcript, auto_remove=auto_remove)
        try:
            self._events.watch(handle.id)
            self._watcher.register(handle.id, unit)
        except BaseException:
            unit.close()
            raise
        return unit

    def _let_go_of_unread(self) -> None:
        """A stream that nobody reads would hold its container up: the engine keeps the output, too."""
        for unit in list(self._unread):
            if unit.let_go_if_unread():
                self._unread.remove(unit)

    def _completed(self, spec: Spec, run: Run) -> Spec:
        """The spec with what is known only now."""
        spec = copy.deepcopy(spec)
        labels = spec["create"]["labels"]
        labels[specs.ATTEMPT] = new_id()
        if run.timeout is not None:
            deadline = datetime.now(timezone.utc) + timedelta(seconds=run.timeout)
            labels[specs.DEADLINE] = deadline.isoformat(timespec="seconds")
        hosts = spec["host"].get("extra_hosts")
        if isinstance(hosts, dict) and hosts.get(GATEWAY) == "host-gateway" and not self._engine.has_gateway:
            del hosts[GATEWAY]
            warnings.warn(
                f"Docker Engine {self._engine.version} is older than 20.10, and does not know host-gateway: containers "
                f"cannot reach this machine as {GATEWAY}. To do: update the engine, or use network_mode='host'.",
                UserWarning,
                stacklevel=2,
            )
        return spec

    def _created(self, spec: Spec, stop_token: StopToken, *, shown: bool) -> str:
        """Creates the container, with its image pulled as the policy says."""
        image, policy = spec["create"]["image"], spec["pull"]["policy"]
        platform = spec["create"].get("platform")
        with self._begun_lock:
            since = self._begun_at.setdefault(stop_token, time.monotonic())

        def pull() -> None:
            self._images.pull(image, spec["pull"]["auth"], platform, since, stop_token, shown=shown)

        if policy == ImagePullPolicy.ALWAYS:
            pull()
        try:
            return self._create(spec, stop_token)
        except ApiError as refused:
            if not refused.is_missing_image:
                raise not_started(spec, refused) from refused
            if policy == ImagePullPolicy.NEVER:
                raise ImagePullError(
                    f"The image {image!r} is not there, and image_pull_policy is Never: pull it, or change the policy."
                ) from refused
        pull()
        try:
            return self._create(spec, stop_token)
        except ApiError as refused:
            raise not_started(spec, refused) from refused

    def _create(self, spec: Spec, stop_token: StopToken) -> str:
        name, attempt = spec["create"]["name"], spec["create"]["labels"][specs.ATTEMPT]
        sent = 0

        def create() -> str:
            nonlocal sent
            sent += 1
            try:
                return self._engine.create(spec)
            except ApiError as refused:
                if not refused.is_taken_name:
                    raise
                if sent > 1 and (container := self._ours(name, attempt)) is not None:
                    return container  # the answer before was lost
                raise NameConflict(
                    f"The name {name!r} is taken by another container, and so are those that were tried after it."
                ) from refused

        try:
            return self._retried(stop_token, create)
        except (EngineUnavailable, Stopped):
            if sent:
                self._discard_ours(name, attempt)
            raise

    def _ours(self, name: str, attempt: str) -> str | None:
        """The container of this name, if this very attempt created it."""
        state = self._engine.inspect(name)
        return state.id if state is not None and state.labels.get(specs.ATTEMPT) == attempt else None

    def _discard_ours(self, name: str, attempt: str) -> None:
        try:
            if (container := self._ours(name, attempt)) is not None:
                self._engine.remove(container, force=True)
        except (Transient, LaunchError) as error:
            _logger.warning("Container %r may have been left behind: %s", name, error)

    def _discard_quietly(self, container: str, name: str) -> None:
        try:
            self._retried(StopToken(), lambda: self._engine.remove(container, force=True))
        except LaunchError as error:
            _logger.warning("Container %r could not be removed: %s", name, error)

    def _connect(self, spec: Spec, container: str, network: str, stop_token: StopToken) -> None:
        def connect() -> None:
            try:
                self._engine.connect(container, network)
            except ApiError as refused:
                if "already exists in network" not in refused.words:  # the answer before was lost
                    raise

        try:
            self._retried(stop_token, connect)
        except ApiError as refused:
            raise not_started(spec, refused) from refused

    def _attach(self, spec: Spec, container: str, stop_token: StopToken) -> StreamingResponse:
        try:
            return self._retried(stop_token, lambda: self._engine.attach(container))
        except ApiError as refused:  # Podman prepares the start by now, and finds what stands in its way
            raise not_started(spec, refused) from refused

    def _start(self, spec: Spec, container: str, stop_token: StopToken) -> None:
        sent = 0

        def start() -> None:
            nonlocal sent
            sent += 1
            if sent > 1:  # the answer before was lost: starting it again would run it twice
                state = self._engine.inspect(container)
                if state is None or state.has_run:
                    return
            self._engine.start(container)

        try:
            self._retried(stop_token, start)
        except ApiError as refused:
            raise not_started(spec, refused) from refused

    def _check(self, handle: Handle) -> None:
        if handle.engine != self.engine:
            raise RunNotAvailable(
                f"Container {handle.name!r} is on the engine {handle.engine}, and this one, at "
                f"{self._engine.address.url}, is {self.engine}: connect to that (DOCKER_HOST, DOCKER_CONTEXT)."
            )

    def _retried(self, stop_token: StopToken, call: Callable[[], T]) -> T:
        try:
            return transient(stop_token)(call)
        except Transient as error:
            raise self._out_of_reach(error) from error

    def _patiently(self, call: Callable[[], T]) -> T:
        """For what is asked of a run that has begun: an engine that is restarted is waited for."""
        try:
            return reconnecting(self._stop_token, self._longest_outage)(call)
        except Transient as error:
            raise self._out_of_reach(error) from error
        except Stopped:
            raise EngineUnavailable("The connection to the engine was closed while a run was followed.") from None

    def _out_of_reach(self, error: Transient) -> EngineUnavailable:
        return EngineUnavailable(
            f"The Docker Engine at {self._engine.address.url} cannot be reached any more: {error}. See if it runs."
        )
