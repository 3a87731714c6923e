"""`LaunchFuture`, the future of one run, whose `cancel()` stops a running run."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

import attrs

from .calls import value_of
from .core.cancellation import StopToken
from .core.labels import Label
from .core.output_files import Log
from .errors import LaunchError
from .models import Handle, Outcome, Reason, Run


class LaunchFuture(Future[bool]):
    """The future of one run: a stdlib Future of whether it succeeded, which can stop the run. Thread-safe.

    In the stdlib's state machine it stays pending until the run has ended: only so can a running one be cancelled by
    the public methods of Future. `running()` returns the actual state.
    """

    def __init__(self, run: Run, label: Label | None = None, log: Log | None = None) -> None:
        super().__init__()
        self.run = run
        """The run that is launched."""
        self._label = label  # its name in bars and tables
        self._log = log  # the file with its output
        self.handle: Handle | None = None
        """The handle of the run, that of its latest attempt; None until it has started."""
        self.recorded = False
        """Whether it was not launched, because a journal has its outcome."""
        self._attempt_handle: Handle | None = None  # None until the current attempt has started
        self._earlier: list[Outcome] = []  # of the attempts that another one follows
        self._pausing = False  # between two attempts
        self._outcome: Outcome | None = None
        self._stop_token = StopToken()
        self._lock = threading.Lock()  # guards the three below
        self._launching = False
        self._cancel_requested = False
        self._ended = False
        # Held until the run has started, or has ended without a start. A thread that gets it releases it for the next.
        # It is no Condition, which is slower Python code that an interrupt can leave locked.
        self._start = threading.Lock()
        self._start.acquire()
        self.add_done_callback(_wake_waiting_threads)

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None until then. A run that could not be launched has the reason NOT_LAUNCHED."""
        return self._outcome if self.done() else None

    @property
    def attempts(self) -> list[Outcome]:
        """How each attempt that has ended did so, in order; several if the run has a Retry.

        When the future is done, the last one is its `outcome`, unless it was cancelled before an attempt: that counts
        as none.
        """
        with self._lock:
            return [*self._earlier, *self._last_attempt()]

    def cancel(self) -> bool:
        """Cancels the run and returns True at once; False if it has ended already.

        A queued run is not started. A running one is stopped: SIGTERM, then SIGKILL after the grace; the future is
        `cancelled()` when the run is gone from the engine. No further attempt is made.
        """
        return self._cancel(hurry=False)

    def value(self, timeout: float | None = None) -> Any:
        """Blocks until the run has ended, and returns the value that its function returned; None for a command.

        RunFailed if the run did not succeed; CancelledError and LaunchError as in `result`. RuntimeError, with the
        `value_error` of the outcome, if the value did not come back.
        """
        try:
            self.result(timeout)
            assert self._outcome is not None
            return value_of(self._outcome)
        finally:
            del self  # as in wait_started

    def running(self) -> bool:
        """Whether the run is being started, runs, or is being stopped."""
        with self._lock:
            return self._launching and not self._ended

    def wait_started(self, timeout: float | None = None) -> Handle:
        """Blocks until the run has started, and returns its handle.

        CancelledError or the LaunchError of a run that did not start; TimeoutError after `timeout` seconds.
        """
        try:
            bounded_timeout = -1 if timeout is None else min(max(0.0, timeout), threading.TIMEOUT_MAX)
            if not self._start.acquire(timeout=bounded_timeout):
                raise TimeoutError(f"Run {self.run.name!r} has not started within {timeout:g} s.")
            self._settle_start()
            if self.handle is None:
                self.result(0)  # raises the error
            assert self.handle is not None
            return self.handle
        finally:
            del self  # the traceback of the error, which this future refers to, would refer to the future

    def _settle_start(self) -> None:
        """Wakes the threads that wait for the start. Idempotent; any thread."""
        if self._start.locked():
            try:  # noqa: SIM105 (suppress() takes a microsecond of each launch)
                self._start.release()
            except RuntimeError:  # another thread was quicker
                pass

    def __repr__(self) -> str:
        with self._lock:
            running = self._launching and not self._ended
        state = "running" if running else "pending"
        if running and self._earlier:
            state += f", attempt {len(self._earlier) + 1}"
        if (outcome := self.outcome) is not None:
            state = "cancelled" if self.cancelled() else str(outcome.reason)
        return f"<LaunchFuture {self.run.name!r}: {state}>"

    def _repr_html_(self) -> str:
        from .jupyter import html_table, html_tail, shown_fields

        error = self.exception() if self.done() and not self.cancelled() else None
        earlier = ", ".join(str(outcome.reason) for outcome in self._earlier.copy())
        facts = {"handle": self.handle, "error": error and str(error), "earlier attempts": earlier}
        outcome = self.outcome
        table = html_table(repr(self), facts | (shown_fields(outcome) if outcome else {}))
        return table if outcome is None or outcome.ok else table + html_tail(outcome.tail)

    def _cancel(self, *, hurry: bool) -> bool:
        with self._lock:
            if self._ended and not self._cancel_requested:
                return False
            self._cancel_requested = True
            if not (self._launching or self._ended):
                self._ended, self._outcome = True, _NOT_STARTED
            ended = self._ended
        if ended:
            super().cancel()
        else:
            self._stop_token.stop(hurry=hurry)
        return True

    def _begin(self) -> bool:
        """Marks the run as running; False if it was cancelled before."""
        with self._lock:
            self._launching = not self._ended
            return self._launching

    def _begin_attempt(self) -> None:
        self._attempt_handle, self._pausing = None, False

    def _note_start(self, handle: Handle) -> None:
        self.handle = self._attempt_handle = handle
        self._settle_start()

    def _note_pause(self, outcome: Outcome) -> None:
        """Records an attempt that another one follows after a pause."""
        with self._lock:
            self._earlier.append(self._with_log(outcome))
            self._pausing = True

    def _with_log(self, outcome: Outcome) -> Outcome:
        path = self._log and self._log.path
        return outcome if path is None else attrs.evolve(outcome, log=str(path))

    def _last_attempt(self) -> list[Outcome]:
        """The outcome of the attempt that no other follows, if there is one."""
        return [self._outcome] if self.done() and self._outcome and self._launching and not self._pausing else []

    def _end(self, outcome: Outcome | None, error: BaseException | None) -> None:
        """Settles the future, once: as cancelled if that was requested, else with the error or the outcome.

        Without an outcome, that of the error is used.
        """
        if self._log is not None:
            self._log.close()
        with self._lock:
            if self._ended:
                return
            self._ended = True
            cancelled = self._cancel_requested
            if outcome is None and error is not None:
                outcome = _outcome_of_error(error, self._attempt_handle, cancelled)
                outcome = attrs.evolve(outcome, attempt=len(self._earlier) + 1)
            elif cancelled and outcome is not None:
                outcome = _outcome_of_cancelled(outcome, pausing=self._pausing)
            self._outcome = outcome and self._with_log(outcome)
        if cancelled:
            super().cancel()
            return
        if error is not None:
            self.set_exception(error)
        elif outcome is not None:
            self.set_result(outcome.ok)


_NOT_STARTED = Outcome(ok=False, reason=Reason.STOPPED, message="Cancelled before it was started.")


def _outcome_of_error(error: BaseException, handle: Handle | None, cancelled: bool) -> Outcome:
    """How a run ended whose launch raised `error`; `handle` is None if the run had not started."""
    known = isinstance(error, LaunchError)
    message = str(error) if known else f"{type(error).__name__}: {error}"
    if known and handle is not None:  # the engine no longer reports it
        reason = Reason.UNKNOWN
    elif handle is not None:  # an error in on_start, or an interrupt
        reason, message = Reason.STOPPED, f"The run was stopped because of an error in this process: {message}"
    elif cancelled and not known:
        reason, message = Reason.STOPPED, "Cancelled while it was being started."
    else:
        reason = Reason.NOT_LAUNCHED
    return Outcome(ok=False, reason=reason, message=message, handle=handle)


def _outcome_of_cancelled(outcome: Outcome, *, pausing: bool) -> Outcome:
    """How a cancelled run ended whose engine reported `outcome`, which another attempt was to follow if `pausing`."""
    if outcome.reason is Reason.STOPPED:
        return outcome
    message = f"Cancelled before attempt {outcome.attempt + 1}." if pausing else "Cancelled; the run had already ended."
    return attrs.evolve(outcome, ok=False, reason=Reason.STOPPED, message=message, hint="")


def _wake_waiting_threads(future: Future[bool]) -> None:
    """The first callback of every LaunchFuture, since a later callback may wait for the future."""
    assert isinstance(future, LaunchFuture)
    if future._cancel_requested:
        future.set_running_or_notify_cancel()  # the second step of a cancellation: wakes `wait` and others
    future._settle_start()
