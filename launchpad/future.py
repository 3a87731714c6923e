"""`LaunchFuture`, whose `cancel()` stops a run that is under way, and the task by which a pool settles it."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import attrs

from .core.cancellation import StartLimiter, StopToken
from .core.error_boundary import simplified
from .core.output import OnOutput
from .errors import LaunchError
from .launcher import Launcher, OnStart
from .models import Handle, Outcome, Reason, Run


class LaunchFuture(Future[bool]):
    """The future of one run: a stdlib Future of a success boolean that knows its run and can stop it. Thread-safe.

    For the stdlib it stays pending while the run is under way, and is settled at the end in one step: that is what
    lets a running one end as cancelled by the public methods of Future alone. `running()` tells the truth.
    """

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        """What is launched."""
        self.handle: Handle | None = None
        """Where it is; None until it has started."""
        self._outcome: Outcome | None = None
        self._stop_token = StopToken()
        self._lock = threading.Lock()  # guards the three below
        self._begun = False
        self._cancel_asked = False
        self._ended = False
        # Locked until the start is settled: the run has started, or has ended without. Who waits for it lets the next
        # one through. No Condition: that is Python code, which costs each launch, and which interrupts can tear apart.
        self._start = threading.Lock()
        self._start.acquire()
        self.add_done_callback(_tell_who_waits)

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None until then, and after a LaunchError."""
        return self._outcome if self.done() else None

    def cancel(self) -> bool:
        """Cancels the run and returns True at once; False if it has ended already.

        A queued run will not be started. A running one is stopped, politely and then firmly, and the future is
        `cancelled()` once it is gone from the engine.
        """
        return self._cancel(hurry=False)

    def running(self) -> bool:
        """Whether the run is under way: being started, running, or being stopped."""
        with self._lock:
            return self._begun and not self._ended

    def wait_started(self, timeout: float | None = None) -> Handle:
        """Blocks until the run has started and gives its handle.

        CancelledError or the LaunchError of a run that did not start; TimeoutError after `timeout` seconds.
        """
        try:
            bounded_timeout = -1 if timeout is None else min(max(0.0, timeout), threading.TIMEOUT_MAX)
            if not self._start.acquire(timeout=bounded_timeout):
                raise TimeoutError(f"Run {self.run.name!r} has not started within {timeout:g} s.")
            self._settle_start()
            if self.handle is None:
                self.result(0)  # raises why
            assert self.handle is not None
            return self.handle
        finally:
            del self  # else the error that is raised, which this future holds, would hold it in turn

    def _settle_start(self) -> None:
        """Lets through who waits for the start. Idempotent; any thread."""
        if self._start.locked():
            try:  # noqa: SIM105 (suppress() takes a microsecond of each launch)
                self._start.release()
            except RuntimeError:  # another thread was quicker
                pass

    def __repr__(self) -> str:
        with self._lock:
            under_way = self._begun and not self._ended
        state = "running" if under_way else "pending"
        if self.done():
            state = "cancelled" if self.cancelled() else str(self.outcome.reason) if self.outcome else "error"
        return f"<LaunchFuture {self.run.name!r}: {state}>"

    def _repr_html_(self) -> str:
        from .jupyter import html_table, shown_fields

        error = self.exception() if self.done() and not self.cancelled() else None
        facts = {"handle": self.handle, "error": error and str(error)}
        return html_table(repr(self), facts | (shown_fields(self.outcome) if self.outcome else {}))

    def _cancel(self, *, hurry: bool) -> bool:
        with self._lock:
            if self._ended and not self._cancel_asked:
                return False
            self._cancel_asked = True
            if not (self._begun or self._ended):
                self._ended, self._outcome = True, _NOT_STARTED
            ended = self._ended
        if ended:
            super().cancel()
        else:
            self._stop_token.stop(hurry=hurry)
        return True

    def _begin(self) -> bool:
        """Whether the run is to be launched; from then on it is running."""
        with self._lock:
            self._begun = not self._ended
            return self._begun

    def _end(self, outcome: Outcome | None, error: BaseException | None) -> None:
        """Settles the future, once: cancelled if that was asked for, else with the outcome or the error."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            cancelled = self._cancel_asked
            self._outcome = _cancelled_outcome(outcome, error, self.handle) if cancelled else outcome
        if cancelled:
            super().cancel()
            return
        if outcome is not None:
            self.set_result(outcome.ok)
        else:
            self.set_exception(error)


_NOT_STARTED = Outcome(ok=False, reason=Reason.STOPPED, message="Cancelled before it was started.")


def _cancelled_outcome(outcome: Outcome | None, error: BaseException | None, handle: Handle | None) -> Outcome | None:
    """How a cancelled run ended; None where a LaunchError leaves that unknown."""
    if isinstance(error, LaunchError):
        return None
    if outcome is None:
        return Outcome(ok=False, reason=Reason.STOPPED, message="Cancelled while it was being started.", handle=handle)
    if outcome.reason is Reason.STOPPED:
        return outcome
    return attrs.evolve(outcome, ok=False, reason=Reason.STOPPED, message="Cancelled; it had ended by itself.", hint="")


def _tell_who_waits(future: Future[bool]) -> None:
    """The first callback of every LaunchFuture: a later one may itself wait for the future, and must not hang."""
    assert isinstance(future, LaunchFuture)
    if future._cancel_asked:
        future.set_running_or_notify_cancel()  # the second step of cancelling, which `wait` and `as_completed` hear
    future._settle_start()


class Task:
    """A run on its way through the pool. Worked off, it lets go of its future.

    The frame of an error's traceback refers to the frame that called it, that of the pool, which refers to the task: a
    future that the task held would live, with its error, until the next garbage collection.
    """

    def __init__(
        self,
        future: LaunchFuture,
        launcher: Launcher,
        on_start: OnStart | None,
        on_output: OnOutput | None,
        limiter: StartLimiter | None,
    ) -> None:
        self._future: LaunchFuture | None = future
        self._launcher = launcher
        self._on_start = on_start
        self._on_output = on_output
        self._limiter = limiter

    def work(self) -> None:
        """Launches the run; what the pool calls."""
        future = self._future
        assert future is not None
        try:
            if not future._begin():
                return
            outcome = self._launcher._launch(
                future.run, self._started, self._on_output, future._stop_token, self._limiter
            )
        except BaseException as error:
            future._end(None, simplified(error) if isinstance(error, LaunchError) else error)
        else:
            future._end(outcome, None)
        finally:
            self._future = None
            del future

    def settle_without_work(self, task: Future[None]) -> None:
        """Ends the future if the pool gave the task up: cancelled, or failed in the initializer."""
        if self._future is None:
            return
        if task.cancelled():
            self._future.cancel()
        else:
            self._future._end(None, task.exception())

    def _started(self, handle: Handle) -> None:
        assert self._future is not None
        self._future.handle = handle
        self._future._settle_start()
        if self._on_start is not None:
            self._on_start(handle)
