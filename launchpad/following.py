"""The life of one started run, from its start to its outcome: who waits, when it is stopped, how it ended.

This is where time-outs, grace and stops are decided, once for all engines; the unit only does.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone

from .backend import Exit, Unit
from .models import Handle, Outcome, Reason, Run
from .output import Output, Sink


class Following:
    """One started run as this process knows it. Any thread may follow, stop or ask; one at a time drives the unit.

    The driver's seat is a lock: whoever holds it polls the unit and feeds the output; the others wait for the seat, and
    find the outcome when they get it, or go on from where the driver left.
    """

    def __init__(self, unit: Unit, run: Run, grace: float, timeout: float | None) -> None:
        self.run = run
        self.outcome: Outcome | None = None
        self._unit = unit
        self._grace = grace
        self._started_at = datetime.now(timezone.utc)
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._seat = threading.Lock()
        self._output = Output(run)
        self._stop_asked = False  # set by any thread, read by the driver after a wake
        self._hurry = False
        self._timed_out = False
        self._kill_at: float | None = None  # when asking has had its time; None before a stop has begun
        self._killed = False

    @property
    def handle(self) -> Handle:
        return self._unit.handle

    def ask_to_stop(self, *, hurry: bool = False) -> None:
        """Has the driver stop the run: politely, then firmly after the grace; with `hurry`, firmly now."""
        self._stop_asked = True
        self._hurry = self._hurry or hurry
        self._unit.wake()

    def follow(self, sink: Sink, until: float | None = None) -> Outcome | None:
        """Blocks until the run has ended and gives its outcome; None if `until` (monotonic seconds) comes before."""
        if not self._seat.acquire(timeout=-1 if until is None else max(0.0, until - time.monotonic())):
            return None
        try:
            self._output.sink = sink
            self._take(0.0)  # an end that is there already counts before a stop or a time-out
            while self.outcome is None:
                now = time.monotonic()
                if until is not None and now >= until:
                    return None
                self._stop_if_due(now)
                self._take(self._next_due(until))
            return self.outcome
        finally:
            self._seat.release()

    def close(self) -> None:
        self._unit.close()

    def _next_due(self, until: float | None) -> float | None:
        """Seconds until there is something to do but wait; None where there is nothing."""
        stopping = self._kill_at is not None
        due = None if self._killed else self._kill_at if stopping else self._deadline
        times = [at for at in (due, until) if at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _take(self, timeout: float | None) -> None:
        if self.outcome is not None:
            return
        for event in self._unit.poll(timeout):
            if isinstance(event, Exit):
                self._output.finish()
                self.outcome = self._conclude(event)
                self._unit.close()
            else:
                self._output.write(event)

    def _stop_if_due(self, now: float) -> None:
        if self._kill_at is None:
            self._timed_out = self._deadline is not None and now >= self._deadline
            if not (self._stop_asked or self._timed_out):
                return
            self._unit.terminate(self._grace)
            self._kill_at = now + self._grace
        if not self._killed and (self._hurry or now >= self._kill_at):
            self._unit.kill()
            self._killed = True

    def _conclude(self, end: Exit) -> Outcome:
        reason, message, hint = end.reason, end.message, end.hint
        if self._kill_at is not None:  # else it ended by itself, whatever was asked of us meanwhile
            reason, message, hint = self._why_stopped()
        return Outcome(
            ok=reason is Reason.COMPLETED,
            exit_code=end.exit_code,
            reason=reason,
            message=message,
            hint=hint,
            handle=self.handle,
            started_at=end.started_at or self._started_at,
            ended_at=end.ended_at or datetime.now(timezone.utc),
        )

    def _why_stopped(self) -> tuple[Reason, str, str]:
        if self._timed_out and not self._stop_asked:
            return (
                Reason.TIMED_OUT,
                f"The run was stopped: it took longer than its time-out of {self._timeout:g} s.",
                "",
            )
        return Reason.STOPPED, "The run was stopped.", ""
