"""`LaunchExecutor`, a thread pool for runs, and `LaunchFuture`, whose `cancel()` stops a run that is under way.

The executor is a ThreadPoolExecutor and keeps its promises; a run is a task of the pool whose future is ours.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import attrs

from .control import Control, Gate
from .errors import LaunchError
from .launcher import Launcher, OnStart
from .models import Handle, Outcome, Reason, Run
from .output import OnOutput

if TYPE_CHECKING:
    from .live.bar import Bars

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
        self._outcome: Outcome | None = None
        self._control = Control()
        self._started = threading.Event()  # started, or ended without
        self._state_lock = threading.Lock()  # guards the three below
        self._begun = False
        self._cancel_asked = False
        self._ended = False
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
        with self._state_lock:
            return self._begun and not self._ended

    def wait_started(self, timeout: float | None = None) -> Handle:
        """Blocks until the run has started and gives its handle.

        CancelledError or the LaunchError of a run that did not start; TimeoutError after `timeout` seconds.
        """
        try:
            if not self._started.wait(timeout):
                raise TimeoutError(f"Run {self.run.name!r} has not started within {timeout:g} s.")
            if self.handle is None:
                self.result(0)  # raises why
            assert self.handle is not None
            return self.handle
        finally:
            del self  # else the error that is raised, which this future holds, would hold it in turn

    def __repr__(self) -> str:
        with self._state_lock:
            under_way = self._begun and not self._ended
        state = "running" if under_way else "pending"
        if self.done():
            state = "cancelled" if self.cancelled() else str(self.outcome.reason) if self.outcome else "error"
        return f"<LaunchFuture {self.run.name!r}: {state}>"

    def _repr_html_(self) -> str:
        from .display import settings, table

        error = self.exception() if self.done() and not self.cancelled() else None
        facts = {"handle": self.handle, "error": error and str(error)}
        return table(repr(self), facts | (settings(self.outcome) if self.outcome else {}))

    def _cancel(self, *, hurry: bool) -> bool:
        with self._state_lock:
            if self._ended and not self._cancel_asked:
                return False
            self._cancel_asked = True
            if not (self._begun or self._ended):
                self._ended, self._outcome = True, _NOT_STARTED
            ended = self._ended
        if ended:
            super().cancel()
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
        """Settles the future, once: cancelled if that was asked for, else with the outcome or the error."""
        with self._state_lock:
            if self._ended:
                return
            self._ended = True
            cancelled = self._cancel_asked
            self._outcome = _cancelled_outcome(outcome, error, self.handle) if cancelled else outcome
        if cancelled:
            super().cancel()
            return
        self.set_running_or_notify_cancel()
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
    if future.cancelled():
        future.set_running_or_notify_cancel()  # the second step of cancelling, which `wait` and `as_completed` hear
    future._started.set()


class LaunchExecutor(ThreadPoolExecutor):
    """A ThreadPoolExecutor that launches runs on `launcher`, `max_workers` of them at a time.

    `max_launches` bounds how many starts are under way at once, apart from how many runs are. `initializer`, `initargs`
    and `thread_name_prefix` are those of ThreadPoolExecutor. Left by an exception, a `with` block cancels what is
    queued and stops what runs; left normally, it waits.

    With `progress`, a bar shows how its runs are getting on, as `launchpad.progress` does: from the first of them until
    there is none left; those that come later get a new one.

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
        progress: bool = False,
    ) -> None:
        if not isinstance(launcher, Launcher):
            raise TypeError(f"launcher must be a Launcher, not {type(launcher).__name__}")
        if max_launches is not None and max_launches <= 0:
            raise ValueError("max_launches must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError(f"initializer must be callable, not {type(initializer).__name__}")
        self._thread = threading.local()  # has `ours` in the executor's own threads
        prefix = thread_name_prefix or f"launchpad-{next(_numbers)}"
        super().__init__(max_workers, prefix, _enter, (self._thread, initializer, initargs))
        self._process = os.getpid()
        self._launcher = launcher
        self._gate = None if max_launches is None else Gate(max_launches)
        # What is not done. Used by many threads, one atomic method call at a time. Futures refer to it, and not to the
        # executor: one that nobody refers to any more ends its threads, as in the stdlib.
        self._launches: set[LaunchFuture] = set()
        self._bars: Bars | None = None
        if progress:
            from .live.bar import bars_here

            self._bars = bars_here()

    @overload
    def submit(
        self, fn: Run, /, *, on_start: OnStart | None = None, on_output: OnOutput | None = None
    ) -> LaunchFuture: ...

    @overload
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]: ...

    def submit(self, fn: Run | Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Launches a Run, with `on_start` and `on_output` as in `Launcher.submit`; anything else is called in a thread.

        RuntimeError after shutdown, as in the stdlib, and in a forked process.
        """
        self._check_process()
        if isinstance(fn, Run):
            return self._submit_run(fn, *args, **kwargs)
        return super().submit(fn, *args, **kwargs)

    def launch_all(self, runs: Iterable[Run]) -> list[LaunchFuture]:
        """Submits all `runs` and gives their futures, in order. TypeError, with nothing launched, if one is no Run."""
        self._check_process()
        runs = list(runs)
        for run in runs:
            if not isinstance(run, Run):
                raise TypeError(f"launch_all takes Runs, not {type(run).__name__}")
        return [self._submit_run(run) for run in runs]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As in the stdlib."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        if self._bars is not None:
            self._bars.end(wait)

    def stop(self, wait: bool = True, *, hurry: bool = False) -> None:
        """Cancels what is queued, stops what runs, and shuts down; with `wait`, returns when all is gone. Idempotent.

        With `hurry`, runs have no grace, nor those that are being stopped already. Functions that are being called
        cannot be stopped: they are waited for. A call from one of the executor's own threads (in a callback, say) does
        not wait. Interrupted, it kills what still runs.
        """
        if os.getpid() != self._process:
            return  # the runs are those of the process that has forked this one
        wait = wait and not hasattr(self._thread, "ours")
        try:
            self.shutdown(wait=False)
            launches = self._cancel_all(hurry=hurry)  # not by shutdown, whose lock is taken: a callback may submit
            self.shutdown(wait, cancel_futures=True)
            if wait:
                futures.wait(launches)  # a submit that was interrupted may have left a thread that shutdown misses
        except BaseException:
            futures.wait(self._cancel_all(hurry=True))
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
        launches = self._launches.copy()
        running = sum(future.running() for future in launches)
        return f"<LaunchExecutor {self._launcher.type}: {running} running, {len(launches) - running} queued>"

    def _repr_html_(self) -> str:
        from .display import table

        return table(repr(self), {"launcher": self._launcher, "at a time": self._max_workers})

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError(
                f"This LaunchExecutor belongs to the process {self._process}, which has forked this one, where its "
                "threads do not exist: make another one here. The launcher can be used as it is."
            )

    def _submit_run(
        self, run: Run, *, on_start: OnStart | None = None, on_output: OnOutput | None = None
    ) -> LaunchFuture:
        future = LaunchFuture(run)
        self._launches.add(future)
        future.add_done_callback(self._launches.discard)
        task = _Task(future, on_start)
        launch = partial(self._launcher.launch, run, on_output=on_output, control=future._control, gate=self._gate)
        try:
            # In the caller's context: what the run prints and tells of belongs to that notebook's cell, that trace.
            super().submit(copy_context().run, task.work, launch).add_done_callback(task.settle_without_work)
            if self._bars is not None:
                self._bars.add(future)
        except BaseException:
            future.cancel()  # interrupted, it may be in the queue all the same
            raise
        return future

    def _cancel_all(self, *, hurry: bool) -> set[LaunchFuture]:
        launches = self._launches.copy()
        for future in sorted(launches, key=LaunchFuture.running):  # what is queued first, or it would be started
            future._cancel(hurry=hurry)
        return launches


def _enter(thread: threading.local, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    """What every thread of a pool does first."""
    thread.ours = True
    if initializer is not None:
        initializer(*initargs)


class _Task:
    """A run on its way through the pool. Worked off, it lets go of its future.

    The frame of an error's traceback refers to the frame that called it, that of the pool, which refers to the task: a
    future that the task held would live, with its error, until the next garbage collection.
    """

    def __init__(self, future: LaunchFuture, on_start: OnStart | None) -> None:
        self._future: LaunchFuture | None = future
        self._on_start = on_start

    def work(self, launch: Callable[..., Outcome]) -> None:
        """Launches the run; what the pool calls."""
        future = self._future
        assert future is not None
        try:
            if not future._begin():
                return
            outcome = launch(on_start=self._started)
        except BaseException as error:
            future._end(None, error)
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
        self._future._has_started(handle)
        if self._on_start is not None:
            self._on_start(handle)
