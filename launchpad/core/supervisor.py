"""The life of one started run, from its start to its outcome: who waits, when it is stopped, how it ended.

This is where time-outs, grace and stops are decided, once for all engines; the unit only does.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone

from .. import run_events as logs
from ..errors import EngineUnavailable, LaunchError
from ..models import Outcome, Reason, Run
from .backend import Exit, Unit
from .output import Output, Sink
from .stopper import Stopper, bounded_timeout


class Supervisor:
    """One started run as this process knows it. Any thread may follow, stop or ask; one at a time drives the unit.

    The driver's seat is a lock: whoever holds it polls the unit and feeds the output; the others wait for the seat, and
    find the outcome when they get it, or go on from where the driver left.
    """

    def __init__(self, unit: Unit, run: Run, grace: float, timeout: float | None, stopper: Stopper) -> None:
        self.run = run
        self.handle = unit.handle
        self.outcome: Outcome | None = None
        self._unit = unit
        self._grace = grace
        self._timeout = timeout
        self._started_at = datetime.now(timezone.utc)
        self._due = None if timeout is None else time.monotonic() + timeout  # of the next step: to stop, then to kill
        # Reentrant, not for its own sake, but because its release tells who does not hold it: see follow.
        self._seat = threading.RLock()
        self._driver: int | None = None
        self._closing = False  # set by any thread; who finds the seat free closes the unit
        self._output = Output(run)
        self._stopper = stopper
        self._scheduled = False
        # Guards the outcome, the due time and the next four: the driver takes the steps of a stop, or his deputy does.
        self._steps = threading.Lock()
        self._stop_asked = False  # this and the next: set by any thread, read by who takes a step
        self._hurry = False
        self._stopped_for: tuple[Reason, str] | None = None  # None before the run was asked to end
        self._killed = False
        self._told = False  # of its end, or that it is out of sight

    @property
    def driven_here(self) -> bool:
        """Whether this very thread is the driver: it is called by the run's own output, and must not wait for it."""
        return self._driver == threading.get_ident()

    def ask_to_stop(self, *, hurry: bool = False) -> None:
        """Has the driver stop the run: politely, then firmly after the grace; with `hurry`, firmly now."""
        self._stop_asked = True
        self._hurry = self._hurry or hurry
        if not self._unit.wake():
            self._scheduled = True
            self._stopper.schedule(self)

    def step(self) -> float | None:
        """Takes the step of the stop that is due, in the driver's place; gives when the next one is. For the deputy."""
        try:
            self._stop_if_due(time.monotonic())
        except LaunchError as error:
            logs.warn_of_survival(self.run, self.handle, error)
            return None
        with self._steps:
            return self._due if self.outcome is None else None

    def follow(self, sink: Sink, until: float | None = None) -> Outcome | None:
        """Blocks until the run has ended and gives its outcome; None if `until` (monotonic seconds) comes before."""
        if self.outcome is not None:
            return self.outcome
        me = threading.get_ident()
        if self._driver == me:
            raise RuntimeError(f"on_output of run {self.run.name!r} waits for the run, which waits for on_output.")
        left = -1 if until is None else min(max(0.0, until - time.monotonic()), threading.TIMEOUT_MAX)
        try:
            if not self._seat.acquire(timeout=left):
                return None
            self._driver = me
            return self._drive(sink, until)
        except EngineUnavailable as error:
            self._tell(error)
            raise
        finally:  # an interrupt comes after a call, if it comes: so the first call made here is the release
            if self._driver == me:
                self._driver = None
            try:  # noqa: SIM105 (suppress() would be a call before it)
                self._seat.release()
            except RuntimeError:  # the seat was not got in time, or an interrupt came before it was
                pass
            self._close_if_free()

    def kill(self) -> None:
        """Kills the run without learning of its end, where the engine does not tell of it any more."""
        with self._seat:
            self._unit.kill()

    def close(self) -> None:
        """Lets go of the unit, as soon as nobody drives it; does not block. Any thread."""
        self._closing = True
        self._close_if_free()

    def _close_if_free(self) -> None:
        if self._closing and not self.driven_here and self._seat.acquire(blocking=False):
            try:
                self._unit.close()
            finally:
                self._seat.release()

    def _drive(self, sink: Sink, until: float | None) -> Outcome | None:
        self._output.sink = sink
        while self.outcome is None:
            self._stop_if_due(time.monotonic())
            self._take(self._patience(until))
            if self.outcome is None and until is not None and time.monotonic() >= until:
                if not self._unit.has_ended():
                    return None
                until = None  # the unit bounds how long it waits for the last of the output
        return self.outcome

    def _patience(self, until: float | None) -> float | None:
        """Seconds until there is something to do but wait; None where there is nothing."""
        due = self._due  # read once: a deputy may change it
        if due is None and until is None:
            return None
        return bounded_timeout(min(at for at in (due, until) if at is not None))

    def _take(self, timeout: float | None) -> None:
        for event in self._unit.poll(timeout):
            if isinstance(event, Exit):
                self._output.finish()
                with self._steps:
                    self.outcome = self._conclude(event)
                if self._scheduled:
                    self._stopper.cancel(self)
                self._unit.close()
                self._tell(self.outcome)
            else:
                self._output.write(event)

    def _stop_if_due(self, now: float) -> None:
        if self._stop_asked or (self._due is not None and now >= self._due):
            with self._steps:
                if self.outcome is None:
                    self._stop(now)

    def _stop(self, now: float) -> None:
        due = self._due is not None and now >= self._due
        if self._stopped_for is None:
            if self._unit.has_ended() or not self._unit.terminate(self._grace):  # by itself, and in time
                self._due = None
                return
            self._stopped_for = self._why_stopped()
            self._due = now + self._grace
            due = now >= self._due
        if not self._killed and (due or self._hurry):
            self._unit.kill()
            self._killed = True
            self._due = None

    def _why_stopped(self) -> tuple[Reason, str]:
        if self._stop_asked:
            return Reason.STOPPED, "The run was stopped."
        return Reason.TIMED_OUT, f"The run was stopped: it took longer than its time-out of {self._timeout:g} s."

    def _tell(self, end: Outcome | EngineUnavailable) -> None:
        if self._told:
            return
        self._told = True
        if isinstance(end, Outcome):
            logs.emit_end(self.run, self.handle, end)
        else:
            logs.emit_error(self.run, self.handle.type, self.handle, end)

    def _conclude(self, end: Exit) -> Outcome:
        reason, message, hint = end.reason, end.message, end.hint
        if self._stopped_for is not None:  # else it ended by itself, whatever was asked of us meanwhile
            (reason, message), hint = self._stopped_for, ""
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
