"""`FakeBackend`: a fake engine and the connection to it, in one object."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Generator, Mapping

from ..core.backend import Backend, Chunk, Exit, Spec, Unit
from ..core.cancellation import StopToken
from ..core.following import output_of
from ..core.retries import LONGEST_OUTAGE, Transient
from ..core.watcher import Watcher
from ..errors import EngineUnavailable, LaunchError, RunNotAvailable, RunNotFound
from ..models import Handle, Listed, Run
from ..stdin import opened
from .events import FakeStream
from .runs import SUCCEED, FakeRun, Script, Scripts
from .unit import FakeUnit

WAIT_TIMEOUT = 10.0
"""Seconds that a test waits for a run to be launched."""


class FakeBackend(Backend):
    """An engine in memory. Tests script its runs, look at them in `runs`, and end them. Thread-safe.

    `scripts` maps the names of runs to their scripts; a run without one succeeds at once. An event stream reports the
    ends of runs, as on real engines: `break_events` breaks it, and `go_away` makes the engine unreachable. After
    `longest_outage` seconds of that, waiting threads get EngineUnavailable.
    """

    engine = "fake"

    def __init__(self, scripts: Scripts = SUCCEED, *, longest_outage: float = LONGEST_OUTAGE) -> None:
        self.runs: list[FakeRun] = []
        """All that were started, in order, removed ones included."""
        self._scripts = scripts
        self._longest_outage = longest_outage
        self._lock = threading.Lock()  # guards all below
        self._started = threading.Condition(self._lock)
        self._known: dict[str, FakeRun] = {}  # by the handle's id; removed ones too, whose end may not be read yet
        self._removed: set[str] = set()
        self._tries: dict[str, int] = {}  # starts so far, by the run's id
        self._streams: list[FakeStream] = []
        self._away = threading.Event()
        self._watcher: Watcher[Exit] | None = None

    # For tests.

    def wait_for(self, run: Run | str, timeout: float = WAIT_TIMEOUT) -> FakeRun:
        """Blocks until `run`, or a run of that name, was started, and returns the last such run. TimeoutError."""
        with self._lock:
            if not self._started.wait_for(lambda: self._find(run) is not None, timeout):
                raise TimeoutError(f"{run!r} has not been started within {timeout:g} s.")
            found = self._find(run)
        assert found is not None
        return found

    def finish(self, run: Run | str, exit_code: int | Exit = 0) -> None:
        """Ends a run, after waiting for its start."""
        self.wait_for(run).finish(exit_code)

    def break_events(self) -> None:
        """Breaks the event stream; it can be opened again."""
        with self._lock:
            streams = list(self._streams)
            self._streams.clear()
        for stream in streams:
            stream.break_off("The event stream broke.")

    def go_away(self) -> None:
        """Makes the engine unreachable. Its runs go on."""
        self._away.set()
        self.break_events()

    def come_back(self) -> None:
        self._away.clear()

    # For launchers.

    def connect(self) -> FakeBackend:
        """Another connection to the same engine, with a `close` of its own."""
        other = copy.copy(self)  # all is shared but the watcher
        other._watcher = None
        return other

    def start(self, spec: Spec, name: str, run: Run, *, output: bool, stop_token: StopToken) -> Unit:
        stop_token.check()
        self._check_reach()
        with opened(run.stdin):  # LaunchError if there is no such file
            pass
        handle = Handle("fake", uuid.uuid4().hex, name, self.engine, run.id)
        fake = FakeRun(run, name, spec, handle, self._publish)
        script = fake.script = self._script(fake)
        self._refuse(run, script)
        if script.before_start is not None:
            script.before_start(stop_token)
        unit = FakeUnit(fake, self._connected(), self._check_reach, output)
        with self._lock:
            self._known[handle.id] = fake  # before it can end: an event stream that is opened now lists it
        fake.begin()
        with self._lock:
            self.runs.append(fake)
            self._started.notify_all()
        return unit

    def find(self, handle: Handle, *, output: bool) -> Unit:
        self._check_reach()
        fake = self._look_up(handle)
        if fake is None:
            raise RunNotFound(f"Run {handle.name!r} ({handle.id}) is not known any more.")
        unit = FakeUnit(fake, self._connected(), self._check_reach, output)
        if fake.exit is not None:
            unit.notify(fake.exit)
        return unit

    def remove(self, handle: Handle) -> None:
        self._check_reach()
        fake = self._look_up(handle)
        if fake is not None and fake.exit is None:
            raise LaunchError(f"Run {handle.name!r} is still running: stop it before removing it.")
        with self._lock:
            self._removed.add(handle.id)

    def list_runs(self) -> list[Listed]:
        self._check_reach()
        with self._lock:
            known = [fake for id, fake in self._known.items() if id not in self._removed]
        return [fake.listed() for fake in known]

    def logs(self, handle: Handle, *, follow: bool) -> Generator[Chunk, None, None]:
        return output_of(self.find(handle, output=True), follow=follow)

    def close(self) -> None:
        """Closes the connection. The runs go on, and the next call connects again."""
        with self._lock:
            watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.close()

    def open(self) -> FakeStream:
        """Opens an event stream: first the runs that have ended, then those that end."""
        with self._lock:
            if self._away.is_set():
                raise Transient("The engine is out of reach.")
            stream = FakeStream(self._known.values())
            self._streams[:] = [*(open for open in self._streams if not open.closed), stream]
        return stream

    def _check_reach(self) -> None:
        if self._away.is_set():
            raise EngineUnavailable("The fake engine is out of reach: let it come_back().")

    def _find(self, run: Run | str) -> FakeRun | None:
        for fake in reversed(self.runs):
            if fake.run.id == run.id if isinstance(run, Run) else run in (fake.name, fake.run.name):
                return fake
        return None

    def _look_up(self, handle: Handle) -> FakeRun | None:
        if handle.engine != self.engine:
            raise RunNotAvailable(f"Run {handle.name!r} belongs to {handle.engine!r}, and this is {self.engine!r}.")
        with self._lock:
            return None if handle.id in self._removed else self._known.get(handle.id)

    def _script(self, fake: FakeRun) -> Script:
        if isinstance(self._scripts, Script):
            return self._scripts
        if isinstance(self._scripts, Mapping):
            return self._scripts.get(fake.run.name, SUCCEED)
        return self._scripts(fake)

    def _refuse(self, run: Run, script: Script) -> None:
        with self._lock:
            tried = self._tries.get(run.id, 0)
            self._tries[run.id] = tried + 1
        if tried < len(script.refusals):
            raise script.refusals[tried]

    def _connected(self) -> Watcher[Exit]:
        with self._lock:
            if self._watcher is None:
                self._watcher = Watcher(self, "fake", self._longest_outage)
            return self._watcher

    def _publish(self, fake: FakeRun) -> None:
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.report(fake)
