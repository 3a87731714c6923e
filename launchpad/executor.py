"""`LaunchExecutor`, a thread pool for runs.

It is a ThreadPoolExecutor and behaves like one; a run is a task of the pool, with a LaunchFuture.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from .attempts import Task
from .calls import run_of_call
from .checks import check_journal, check_launcher, check_prefix, check_retry
from .converters import whole_number
from .core.arguments import check_callbacks
from .core.cancellation import StartLimiter
from .core.labels import Label, Labels
from .core.output import OnOutput
from .core.output_files import OutputFolder
from .core.shortages import advice_on
from .entrypoints import refuse_while_importing
from .errors import LaunchError
from .future import LaunchFuture
from .iteration import launched
from .launcher import Launcher
from .models import Run
from .retry import Retry
from .starting import OnStart
from .text import one_line

if TYPE_CHECKING:
    from .journal import Journal
    from .journal.item import Item
    from .live.bar import Bars

T = TypeVar("T")

ABANDONED_INTERVAL = 0.5
"""Seconds between two looks for runs that are gone while their futures are not done."""

_numbers = itertools.count()


class LaunchExecutor(ThreadPoolExecutor):
    """A ThreadPoolExecutor that launches runs on `launcher`, `max_workers` of them at a time.

    `max_launches` bounds how many starts are under way at once, apart from how many runs are. `initializer`, `initargs`
    and `thread_name_prefix` are those of ThreadPoolExecutor. Left by an exception, a `with` block cancels
    queued runs and stops started ones; left normally, it waits.

    `retry` says which runs are launched again when they have not succeeded; without it, none is. A run keeps its worker
    during the pause before its next attempt.

    With several workers, printed lines begin with the name of their run, in one colour a run on a terminal; `prefix`
    changes that. Runs of the same name get a number there, in bars and in tables. `on_output` gets lines as they are.

    With `progress`, a bar shows the progress of its runs, as `launchpad.progress` does, until none is left. Later
    runs get a new bar.

    With an `output_dir`, made if needed (OSError), the output of each run also goes to a file NUMBER-NAME.log in it:
    `outcome.log` is its path, None for a run that has not started. A full disk stops no run: the logger warns once.

    With a `journal`, each run is recorded there, and the same runs can be submitted again after an interruption: see
    `Journal`. It is opened here, which may raise LaunchError, and closed at the end of a shutdown that waits.

    It does not close the launcher.
    """

    def __init__(
        self,
        launcher: Launcher,
        max_workers: int = 32,
        *,
        max_launches: int | None = None,
        retry: Retry | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        output_dir: str | os.PathLike[str] | None = None,
        journal: Journal | None = None,
        progress: bool = False,
        prefix: bool | None = None,
    ) -> None:
        check_launcher(launcher)
        max_workers = whole_number(max_workers, "max_workers", least=1)
        max_launches = None if max_launches is None else whole_number(max_launches, "max_launches", least=1)
        check_callbacks(initializer=initializer)
        check_retry(retry)
        check_prefix(prefix)
        self._folder = None if output_dir is None else OutputFolder(Path(output_dir))
        self._thread = threading.local()  # has `ours` in the executor's own threads
        thread_name_prefix = thread_name_prefix or f"launchpad-{next(_numbers)}"
        super().__init__(max_workers, thread_name_prefix, _enter, (self._thread, initializer, initargs))
        self._process = os.getpid()
        self._launcher = launcher
        self._retry = retry
        self._labels = Labels()
        self._prefix = self._max_workers > 1 if prefix is None else bool(prefix)
        self._limiter = None if max_launches is None else StartLimiter(max_launches)
        # Launches that are not done. Used by many threads, one atomic method call at a time. Futures refer to it, and
        # not to the executor: an executor without references ends its threads, as in the stdlib.
        self._launches: dict[LaunchFuture, Launcher] = {}
        self._bars = _bars() if progress else None
        self._journal = journal
        if journal is not None:
            check_journal(journal)
            journal.open()

    @overload
    def submit(
        self,
        fn: Run,
        /,
        *,
        launcher: Launcher | None = None,
        retry: Retry | None = None,
        on_start: OnStart | None = None,
        on_output: OnOutput | None = None,
    ) -> LaunchFuture: ...

    @overload
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]: ...

    def submit(self, fn: Run | Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Launches a Run, with `on_start` and `on_output` as in `Launcher.submit`; calls a function in a thread.

        A `launcher`, of any type, launches this run in place of the executor's. The caller closes it.

        `retry` replaces that of the executor for this run; `Retry(1, free=())` is none. `on_start` is called at each
        attempt.

        TypeError for anything else. RuntimeError after shutdown, as in the stdlib, and in a forked process.
        """
        self._check_process()
        if isinstance(fn, Run):
            return self._submit_run(fn, self._label(fn), *args, **kwargs)
        if not callable(fn):
            raise TypeError(
                f"submit takes a Run or a function, not {type(fn).__name__}: "
                "for instance Run(command=['echo', 'hello'])"
            )
        return super().submit(fn, *args, **kwargs)

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> LaunchFuture:
        """Launches `function` with these arguments, as `Launcher.call`; `value()` of the future is what it returns."""
        try:
            return self.submit(run_of_call(function, args, kwargs))
        finally:
            del args, kwargs  # as in Calling

    def launch_all(self, runs: Iterable[Run], *, on_output: OnOutput | None = None) -> list[LaunchFuture]:
        """Submits all `runs` and gives their futures, in order. TypeError, with nothing launched, if one is no Run."""
        self._check_process()
        runs = list(runs)
        for run in runs:
            if not isinstance(run, Run):
                raise TypeError(f"launch_all takes Runs, not {type(run).__name__}")
        labels = [self._label(run) for run in runs]  # all before the first run prints its own
        if self._folder is not None:
            self._folder.expect(len(runs))
        return [self._submit_run(run, label, on_output=on_output) for run, label in zip(runs, labels, strict=True)]

    def launch_iter(self, runs: Iterable[Run], *, ahead: int | None = None) -> Iterator[LaunchFuture]:
        """Submits `runs`, of which there may be any number, and yields their futures as they end, in that order.

        The input is read in the calling thread, as far as it is needed: no more than `ahead` runs, by default twice the
        workers, are taken from it and not yet yielded. TypeError for an item that is no Run, with its position. If it
        is left early (a break, an exception, one that the input raises, Ctrl-C), it cancels what it has submitted and
        not yielded.
        """
        self._check_process()
        ahead = 2 * self._max_workers if ahead is None else whole_number(ahead, "ahead", least=1)
        return launched(lambda run: self._submit_run(run, self._label(run)), iter(runs), ahead)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As in the stdlib."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        if self._bars is not None:
            self._bars.end(wait)
        if wait and self._journal is not None:
            journal, self._journal = self._journal, None
            journal.close()

    def stop(self, wait: bool = True, *, hurry: bool = False) -> None:
        """Cancels queued runs, stops started ones, and shuts down; with `wait`, returns when all are gone. Idempotent.

        With `hurry`, runs have no grace, including those that are being stopped. Functions that are being called cannot
        be stopped: they are waited for. A call by one of the executor's own threads (in a callback, say) does
        not wait. If it is interrupted, it kills the remaining runs.

        A run is stopped even while its `on_start` or `on_output` blocks. `stop` then returns when the run is gone, and
        does not wait for threads; the future is done when the callback returns. Python itself waits for the callback's
        thread when the process ends.
        """
        if os.getpid() != self._process:
            return  # in a forked child: the runs belong to the parent
        wait = wait and not hasattr(self._thread, "ours")
        if self._bars is not None:
            self._bars.say("killing" if hurry else "stopping")
        try:
            self.shutdown(wait=False)
            launches = self._cancel_all(hurry=hurry)  # not by shutdown, whose lock is taken: a callback may submit
            self.shutdown(wait=False, cancel_futures=True)
            if wait and self._all_done(launches):
                self.shutdown(wait=True)
        except BaseException:
            self._all_done(self._cancel_all(hurry=True))
            self.shutdown(wait=False)  # again: the interrupted one may not have woken the idle threads
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
        from .jupyter import html_table

        facts = {"launcher": self._launcher, "at a time": self._max_workers, "retry": self._retry}
        return html_table(repr(self), facts)

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError(
                f"This LaunchExecutor belongs to the process {self._process}, which has forked this one, where its "
                "threads do not exist: make another one here. The launcher can be used as it is."
            )

    def _label(self, run: Run) -> Label:
        return self._labels.of(one_line(run.name))

    def _submit_run(
        self,
        run: Run,
        label: Label,
        *,
        launcher: Launcher | None = None,
        retry: Retry | None = None,
        on_start: OnStart | None = None,
        on_output: OnOutput | None = None,
    ) -> LaunchFuture:
        check_callbacks(on_start=on_start, on_output=on_output)
        check_retry(retry)
        refuse_while_importing()
        launcher = self._launcher if launcher is None else launcher
        check_launcher(launcher)
        if on_output is None and self._prefix and launcher.stream_output:
            on_output = label
        retry = retry or self._retry
        log = None if self._folder is None else self._folder.log_of(run.name)
        if log is not None:
            log.sink = launcher._sink(run, on_output)
            on_start, on_output = log.opening(on_start), log
        item = None if self._journal is None else self._journal.item(run, launcher, retry, base=self._launcher, log=log)
        future = LaunchFuture(run, label, log)
        launches: dict[Any, Launcher] = self._launches
        launches[future] = item.launcher if item else launcher
        future.add_done_callback(lambda done: launches.pop(done, None))
        if item is not None and self._done_before(future, item):
            return future
        self._queue(future, Task(future, item or launcher, on_start, on_output, self._limiter, retry))
        return future

    def _queue(self, future: LaunchFuture, task: Task) -> None:
        """Gives `task` to the pool."""
        try:
            # In the caller's context, which has the notebook's cell for the output, and the trace for the events.
            super().submit(copy_context().run, task.work).add_done_callback(task.settle_without_work)
            if self._bars is not None:
                self._bars.add(future)
        except RuntimeError as error:
            if (advice := advice_on(error)) is None:
                future.cancel()
                raise
            future._end(None, LaunchError(f"Run {future.run.name!r} cannot be launched: {advice}."))
        except BaseException:
            future.cancel()  # after an interrupt, it may be in the queue
            raise

    def _all_done(self, launches: Mapping[LaunchFuture, Launcher]) -> bool:
        """Waits until all are done, or their runs are gone although a callback blocks: whether all are done."""
        while waiting := [one for one, own in launches.items() if not (one.done() or _is_abandoned(one, own))]:
            futures.wait(waiting, ABANDONED_INTERVAL)
        return all(future.done() for future in launches)

    def _done_before(self, future: LaunchFuture, item: Item) -> bool:
        """Whether the journal has the outcome of a run; the future is done then."""
        future._earlier.extend(item.attempts)
        future.add_done_callback(item.finish)
        if item.outcome is None:
            return False
        future._begin()
        future.recorded = True
        future.handle = item.outcome.handle
        future._end(item.outcome, None)
        if self._bars is not None:
            self._bars.add(future)
        return True

    def _adjust_thread_count(self) -> None:
        """Starts a thread for a new task, if there may be more. Without room for one, the others do the work."""
        try:
            super()._adjust_thread_count()
        except RuntimeError as error:
            if advice_on(error) is None or not self._threads:
                raise

    def _cancel_all(self, *, hurry: bool) -> dict[LaunchFuture, Launcher]:
        launches = self._launches.copy()
        for future in sorted(launches, key=LaunchFuture.running):  # queued ones first, or they would be started
            future._cancel(hurry=hurry)
        return launches


def _enter(thread: threading.local, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    """Called by every thread of the pool first."""
    thread.ours = True
    if initializer is not None:
        initializer(*initargs)


def _is_abandoned(future: LaunchFuture, launcher: Launcher) -> bool:
    return future.handle is not None and launcher._is_abandoned(future.handle)


def _bars() -> Bars | None:
    from .live.bar import bars_here

    return bars_here()
