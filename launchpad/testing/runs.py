"""`Script`, what a fake run does on its own, and `FakeRun`, by which a test controls it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs

from .. import engine
from ..core.backend import Chunk, Exit, Spec
from ..core.cancellation import StopToken
from ..core.diagnosis import of_exit_code
from ..core.starters import this_process
from ..errors import LaunchError
from ..models import Handle, Listed, Reason, Run
from ..results import MAX_REPORT, NOT_WRITTEN, RunError
from ..stdin import opened
from ..variables import attempt_number, attempt_of

Output = str | bytes | Chunk
"""What a run writes at once: text or bytes to stdout, or a Chunk, which names the stream."""


def obey(run: FakeRun) -> None:
    """Ends the run as a shell would by SIGTERM."""
    run.finish(143)


def ignore(run: FakeRun) -> None:
    """Does nothing: the run has to be killed."""


@attrs.frozen(kw_only=True)
class Script:
    """What a run does; by default it writes nothing and ends at once with status 0.

    `output` is written as it starts. With `exit_code=None` it goes on until it is finished or stopped; an Exit sets
    more than the code. `on_stop` is called, with the run, when it is asked to stop. `holds_output` leaves its output
    open after its end, as a grandchild would. `value` and `error` are what its function, if it has one, returns or
    raises; an error goes with `exit_code=1`. `refusals` are the errors of its first starts; `before_start` is
    called in the launching thread, where it may block (`stop_token.sleep`) or raise.
    """

    output: Output | Sequence[Output] = ()
    exit_code: int | Exit | None = 0
    on_stop: Callable[[FakeRun], object] = obey
    holds_output: bool = False
    value: Any = None
    error: RunError | None = None
    refusals: Sequence[LaunchError] = ()
    before_start: Callable[[StopToken], object] | None = None


SUCCEED = Script()

Scripts = Script | Mapping[str, Script] | Callable[["FakeRun"], Script]
"""One script for all runs, one for each name, or a function that chooses."""


class FakeRun:
    """A run on a FakeBackend: what was requested, and the methods by which a test controls it. Thread-safe."""

    def __init__(self, run: Run, name: str, spec: Spec, handle: Handle, on_end: Callable[[FakeRun], None]) -> None:
        self.run = run
        self.name = name
        """The name on the engine."""
        self.spec = spec
        """What the launcher sent."""
        self.handle = handle
        self.script = SUCCEED
        self.starter: str | None = str(this_process())
        """The process that started it, as `Listed.starter` has it; a test may set another, or None."""
        self.exit: Exit | None = None
        """How it ended; None while it runs."""
        self.asked_to_stop = threading.Event()
        self.output: list[Chunk] = []
        self.output_open = True
        self.wakes: list[queue.SimpleQueue[None]] = []  # one for each unit of the run, which waits for an item
        self._lock = threading.Lock()  # guards the output and the exit
        self._on_end = on_end
        self._started_at = datetime.now(timezone.utc)

    @property
    def env(self) -> dict[str, str]:
        """The environment that was requested: the launcher's with the run's."""
        return dict(self.spec.get("env", {}))

    @property
    def stdin(self) -> bytes:
        """What the run would read."""
        with opened(self.run.stdin) as descriptor:
            if descriptor is None:
                return b""
            with open(descriptor, "rb", closefd=False) as file:
                return file.read()

    @property
    def parameters(self) -> dict[str, Any]:
        return self.run.parameters

    def listed(self) -> Listed:
        """The run as `list_runs` shows it."""
        exit, timeout = self.exit, self.run.timeout
        return Listed(
            handle=self.handle,
            run_id=self.run.id,
            name=self.run.name,
            state="running" if exit is None else "ended",
            started_at=self._started_at,
            ended_at=None if exit is None else exit.ended_at,
            starter=self.starter,
            deadline=None if timeout is None else self._started_at + timedelta(seconds=timeout),
            outcome=None if exit is None else exit.outcome(self.handle, attempt_number(attempt_of(self.run.env))),
        )

    def begin(self) -> None:
        """Does what the script says about the start."""
        output = self.script.output
        self.write(*([output] if isinstance(output, str | bytes | Chunk) else output))
        if self.script.exit_code is not None:
            self.finish(self.script.exit_code)

    def write(self, *output: Output) -> None:
        """Writes each piece in one go."""
        with self._lock:
            if self.output_open:
                self.output += [_chunk(piece) for piece in output]
        for wake in list(self.wakes):
            wake.put(None)

    def lose_output(self) -> None:
        """Breaks the output: text written from now on is lost."""
        with self._lock:
            self.output_open = False

    def finish(self, exit_code: int | Exit = 0) -> None:
        """Ends the run, if it has not ended; a negative code is that of a signal."""
        end = exit_code if isinstance(exit_code, Exit) else _exit(exit_code)
        with self._lock:
            if self.exit is not None:
                return
            self.exit = attrs.evolve(
                end,
                started_at=end.started_at or self._started_at,
                ended_at=end.ended_at or datetime.now(timezone.utc),
                result=self._report(end) if end.result is None and self.run.entrypoint is not None else end.result,
            )
            self.output_open = self.output_open and self.script.holds_output
        self._on_end(self)

    def _report(self, end: Exit) -> bytes | str:
        """What the run's function reports, as on a real engine."""
        if (error := self.script.error) is not None:
            return engine.error_report(error.type, error.message, error.traceback, MAX_REPORT)
        return engine.value_report(self.script.value, MAX_REPORT) if end.reason is Reason.COMPLETED else NOT_WRITTEN

    def vanish(self) -> None:
        """Ends the run as if it had been removed from the engine."""
        self.finish(Exit(exit_code=None, reason=Reason.VANISHED, message="The run was removed from the engine."))

    def ask_to_stop(self) -> None:
        self.asked_to_stop.set()
        if self.exit is None:
            self.script.on_stop(self)

    def __repr__(self) -> str:
        return f"<FakeRun {self.name!r}: {'running' if self.exit is None else self.exit.reason}>"


def _chunk(piece: Output) -> Chunk:
    if isinstance(piece, Chunk):
        return piece
    return Chunk("stdout", piece.encode() if isinstance(piece, str) else piece)


def _exit(code: int) -> Exit:
    reason, message, hint = of_exit_code(code)
    return Exit(exit_code=code, reason=reason, message=message, hint=hint)
