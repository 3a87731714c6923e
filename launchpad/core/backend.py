"""The seam between what launchpad does and what an engine does: `Backend`, and the `Unit` it gives for a started run.

A backend is the only code that imports its engine's SDK; it translates foreign errors into those of `errors`. It
decides nothing: time-outs, grace, retries of names and what counts as success belong to the code above it.
`launchpad.testing.FakeBackend` stands in for it in tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

import attrs

from ..models import Handle, Reason, Run
from .cancellation import StopToken

Spec = dict[str, Any]
"""What is sent to an engine: plain data, built without I/O."""

StreamName = Literal["stdout", "stderr"]


class Chunk(NamedTuple):
    """Bytes that a run wrote, as they came: a chunk may end within a line, or within a character."""

    stream: StreamName
    data: bytes


@attrs.frozen(kw_only=True)
class Exit:
    """How a run ended, in the engine's eyes: whether we stopped it is not the engine's to know."""

    exit_code: int | None
    reason: Reason
    message: str = ""
    hint: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None


class Unit(Protocol):
    """One started run, as this process follows it. One thread at a time polls it; any thread may wake it.

    A unit may have polls that nothing but the run's end wakes, where those are cheaper. From a wake that gives False
    until the Exit, another thread may call `has_ended`, `terminate` and `kill`.
    """

    handle: Handle

    def poll(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        """Waits for output, the end or a wake, at most `timeout` seconds (None: for ever), and returns what came.

        The Exit comes after all output, and every poll after it gives it again. The unit bounds by itself how long it
        waits for output that is late or held back. After `terminate` the Exit comes when nothing of the run is
        left running. EngineUnavailable where the engine can no longer say how the run is, and after close.
        """
        ...

    def has_ended(self) -> bool:
        """Whether the run is known to have ended, though its output may still be on its way. Does not block.

        What has ended is not stopped any more, nor given up because time is short.
        """
        ...

    def wake(self) -> bool:
        """Makes a poll return: the one under way or, where none is, the next. Any thread; after close, nothing.

        False where the one under way cannot be woken.
        """
        ...

    def terminate(self, grace: float) -> bool:
        """Asks the run to end, and returns at once. An engine that can will itself kill it `grace` seconds later.

        False where it is seen only now that it had ended by itself. Called, like kill and has_ended, by the thread that
        polls. A run that is gone already is success.
        """
        ...

    def kill(self) -> None:
        """Ends the run without asking, and returns at once."""
        ...

    def close(self) -> None:
        """Lets go of what the unit holds here. The run itself is left as it is. Idempotent."""
        ...


class Backend(Protocol):
    """The connection to one engine, shared by all threads that launch on it."""

    engine: str
    """What tells this engine from others of its type: it is part of every handle."""

    def start(self, spec: Spec, name: str, run: Run, *, output: bool, stop_token: StopToken) -> Unit:
        """Starts what `spec` says, or leaves nothing behind. With `output`, its output can be followed.

        NameConflict where `name` is taken; another LaunchError where the run cannot be started. What takes long here
        (an image, a wait for a pod) gives up with Stopped as soon as `stop_token` is stopped.
        """
        ...

    def find(self, handle: Handle, *, output: bool) -> Unit:
        """The unit of a run that was started before, here or elsewhere. RunNotFound, RunNotAvailable."""
        ...

    def remove(self, handle: Handle) -> None:
        """Removes what an ended run left on the engine. Already gone is success; LaunchError while it runs."""
        ...

    def close(self) -> None:
        """Closes connections and ends threads. Who still waits gets EngineUnavailable. Idempotent."""
        ...
