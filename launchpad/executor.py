"""`LaunchExecutor`, a thread pool for runs, and `LaunchFuture`, whose `cancel()` stops a run that is under way.

The executor is a ThreadPoolExecutor and keeps its promises; a run is a task of the pool whose future is ours.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Literal, TypeVar, overload

import attrs

from .control import Control, Gate, Stopped
from .launcher import Launcher, OnStart
from .models import Handle, Outcome, Reason, Run
from .output import OnOutput

T = TypeVar("T")

_numbers = itertools.count()


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
        self.outcome: Outcome | None = None
        """How it ended; None until then, and after a LaunchError."""
        self._control = Control()
        self._started = threading.Event()  # started, or ended without
        self._state_lock = threading.Lock()  # guards the three below
        self._begun = False
        self._cancel_asked = False
        self._ended = False

    def cancel(self) -> bool:
        """Cancels the run and returns True at once; False if it has ended already.

        A queued run will not be started. A running one is stopped, politely and then firmly, and the future is
        `cancelled()` once it is gone from the engine.
        """
        return self._cancel(hurry=False)

    def running(self) -> bool:
        """Whether the run is under way: being started, running, or being stopped."""
        with self._state_lock:
            return self._begun and not self._ended

    def wait_started(self, timeout: float | None = None) -> Handle:
        """Blocks until the run has started and gives its handle.

        CancelledError or the LaunchError of a run that did not start; TimeoutError after `timeout` seconds.
        """
        if not self._started.wait(timeout):
            raise TimeoutError(f"Run {self.run.name!r} has not started within {timeout:g} s.")
        if self.handle is None:
            self.result(0)  # raises why
        assert self.handle is not None
        return self.handle

    def __repr__(self) -> str:
        with self._state_lock:
            under_way = self._begun and not self._ended
        state = "running" if under_way else "pending"
        if self.done():
            state = "cancelled" if self.cancelled() else str(self.outcome.reason) if self.outcome else "error"
        return f"<LaunchFuture {self.run.name!r}: {state}>"

    def _cancel(self, *, hurry: bool) -> bool:
        with self._state_lock:
            if self._ended:
                return self._cancel_asked
            self._cancel_asked = True
            queued = self._ended = not self._begun
        if queued:
            self.outcome = Outcome(ok=False, reason=Reason.STOPPED, message="Cancelled before it was started.")
            self._settle_cancelled()
        else:
            self._control.stop(hurry=hurry)
        return True

    def _begin(self) -> bool:
        """Whether the run is to be launched; from then on it is running."""
        with self._state_lock:
            self._begun = not self._ended
            return self._begun

    def _has_started(self, handle: Handle) -> None:
        self.handle = handle
        self._started.set()

    def _end(self, outcome: Outcome | None, error: BaseException | None) -> None:
        """Settles the future: cancelled if that was asked for, else with the outcome or the error. Once."""
        with self._state_lock:
            if self._ended:
                return
            self._ended = True
            cancelled = self._cancel_asked
        if cancelled:
            if error is None or isinstance(error, Stopped):
                self.outcome = self._stopped(outcome)
            self._settle_cancelled()
            return
        self.outcome = outcome
        self.set_running_or_notify_cancel()
        if outcome is not None:
            self.set_result(outcome.ok)
        else:
            self.set_exception(error)
        self._started.set()

    def _stopped(self, outcome: Outcome | None) -> Outcome:
        if outcome is None:
            return Outcome(ok=False, reason=Reason.STOPPED, message="Cancelled while it was being started.")
        if outcome.reason is Reason.STOPPED:
            return outcome
        return attrs.evolve(
            outcome, ok=False, reason=Reason.STOPPED, message="Cancelled; it had ended by itself.", hint=""
        )

    def _settle_cancelled(self) -> None:
        super().cancel()
        self.set_running_or_notify_cancel()
        self._started.set()


class LaunchExecutor(ThreadPoolExecutor):
    """A ThreadPoolExecutor that launches runs on `launcher`, `max_workers` of them at a time.

    `max_launches` bounds how many starts are under way at once, apart from how many runs are. `initializer`, `initargs`
    and `thread_name_prefix` are those of ThreadPoolExecutor. Left by an exception, a `with` block cancels what is
    queued and stops what runs; left normally, it waits.

    The launcher is shared, not owned: `launcher.close()` is the caller's.
    """

    def __init__(
        self,
        launcher: Launcher,
        max_workers: int = 32,
        *,
        max_launches: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        if not isinstance(launcher, Launcher):
            raise TypeError(f"launcher must be a Launcher, not {type(launcher).__name__}")
        if max_launches is not None and max_launches <= 0:
            raise ValueError("max_launches must be greater than 0")
        super().__init__(max_workers, thread_name_prefix or f"launchpad-{next(_numbers)}", initializer, initargs)
        self._launcher = launcher
        self._gate = None if max_launches is None else Gate(max_launches)
        self._launches_lock = threading.Lock()  # guards the set
        self._launches: set[LaunchFuture] = set()  # what is not done

    @overload
    def submit(
        self, fn: Run, /, *, on_start: OnStart | None = None, on_output: OnOutput | None = None
    ) -> LaunchFuture: ...

    @overload
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]: ...

    def submit(self, fn: Run | Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Launches a Run, with `on_start` and `on_output` as in `Launcher.submit`; anything else is called in a thread.

        RuntimeError after shutdown, as in the stdlib.
        """
        if isinstance(fn, Run):
            return self._submit_run(fn, *args, **kwargs)
        return super().submit(fn, *args, **kwargs)

    def launch_all(self, runs: Iterable[Run]) -> list[LaunchFuture]:
        """Submits all `runs` and gives their futures, in order. TypeError, with nothing launched, if one is no Run."""
        runs = list(runs)
        for run in runs:
            if not isinstance(run, Run):
                raise TypeError(f"launch_all takes Runs, not {type(run).__name__}")
        return [self._submit_run(run) for run in runs]

    def stop(self, wait: bool = True) -> None:
        """Cancels what is queued, stops what runs, and shuts down; with `wait`, returns when all is gone. Idempotent.

        Functions that are being called cannot be stopped: they are waited for. Interrupted, it kills what still runs.
        """
        self.shutdown(wait=False, cancel_futures=True)
        self._cancel_all(hurry=False)
        if wait:
            try:
                self.shutdown(wait=True)
            except BaseException:
                self._cancel_all(hurry=True)
                raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if kind is not None:
            self.stop()
            return False
        try:
            self.shutdown(wait=True)
        except BaseException:  # interrupted while waiting
            self.stop()
            raise
        return False

    def __repr__(self) -> str:
        with self._launches_lock:
            launches = list(self._launches)
        running = sum(future.running() for future in launches)
        return f"<LaunchExecutor {self._launcher.type}: {running} running, {len(launches) - running} queued>"

    def _submit_run(
        self, run: Run, *, on_start: OnStart | None = None, on_output: OnOutput | None = None
    ) -> LaunchFuture:
        future = LaunchFuture(run)
        with self._launches_lock:
            self._launches.add(future)
        future.add_done_callback(self._forget)
        try:
            task = super().submit(_work, self._launcher, self._gate, future, on_start, on_output)
        except BaseException:
            self._forget(future)
            raise
        task.add_done_callback(partial(_settle_without_work, future))
        return future

    def _forget(self, future: Future[bool]) -> None:
        with self._launches_lock:
            self._launches.discard(future)

    def _cancel_all(self, *, hurry: bool) -> None:
        with self._launches_lock:
            launches = list(self._launches)
        for future in launches:
            future._cancel(hurry=hurry)


def _work(
    launcher: Launcher, gate: Gate | None, future: LaunchFuture, on_start: OnStart | None, on_output: OnOutput | None
) -> None:
    """The task of the pool that launches one run."""
    if not future._begin():
        return

    def started(handle: Handle) -> None:
        future._has_started(handle)
        if on_start is not None:
            on_start(handle)

    outcome, error = None, None
    try:
        outcome = launcher.launch(future.run, on_start=started, on_output=on_output, control=future._control, gate=gate)
    except BaseException as caught:
        error = caught
    future._end(outcome, error)
    error = None  # it refers to this frame: together they would live on until the next garbage collection


def _settle_without_work(future: LaunchFuture, task: Future[None]) -> None:
    """Ends the future of a run whose task the pool gave up: cancelled, or failed in the initializer."""
    if task.cancelled():
        future.cancel()
    elif (error := task.exception()) is not None:
        future._end(None, error)
