"""Launches the runs of one batch and reports their ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from itertools import islice
from typing import Any

import attrs

from ..core.output import OnOutput
from ..core.output_files import Log, OutputFolder
from ..errors import EngineUnavailable
from ..executor import LaunchExecutor
from ..future import LaunchFuture
from ..journal import Journal
from ..launcher import Launcher
from ..live.bar import Bar
from ..retry import Retry
from ..settings import keys_of
from . import exit_codes as exits
from .batch_file import Item
from .flight import Flight
from .inbox import Inbox
from .journalled import opened_for
from .output import ShownOutput
from .report import Labels, Report
from .screen import bar_over

SUBMITTED_PER_WORKER = 2
"""Runs submitted at a time for each worker: one that runs, and one to follow it without delay."""


def removing(launcher: Launcher, settings: Iterable[str], keep: bool) -> Launcher:
    """The launcher with the removal of ended containers, if it has containers, unless `keep` or `--set` is given."""
    given = {setting.partition("=")[0] for setting in settings}
    if keep or "auto_remove" in given or "auto_remove" not in keys_of(type(launcher)):
        return launcher
    changes: dict[str, Any] = {"auto_remove": True}
    return attrs.evolve(launcher, **changes)


def _quiet(launcher: Launcher | None) -> Launcher | None:
    """The launcher, but it does not print: callbacks take the output instead."""
    return launcher.replace(stream_output=False) if launcher is not None and launcher.stream_output else launcher


def _closing_launchers(items: Iterable[Item]) -> ExitStack:
    """Closes the items' own launchers."""
    stack = ExitStack()
    for item in items:
        if item.launcher is not None:
            stack.enter_context(item.launcher)
    return stack


@attrs.define
class Batch:
    """Launches runs, shows progress and passes the ends to the report. For the main thread only."""

    _labels: Labels
    _report: Report
    _folder: OutputFolder | None
    _fail_fast: bool
    _shown: ShownOutput | None  # shows the output of runs if there is no folder
    _journal: Journal | None = None
    _launches: dict[LaunchFuture, tuple[Item, Log | None]] = attrs.field(init=False, factory=dict)

    def launch(self, items: Sequence[Item], launcher: Launcher, workers: int, retry: Retry | None) -> int:
        """Launches all runs and returns the exit status when all have ended or were stopped.

        `retry` is for the items that have none of their own.
        """
        with (
            self._opened(items, launcher) as left,
            closing(bar_over(len(items))) as bar,
            launcher,
            _closing_launchers(items),
            Inbox() as inbox,
            LaunchExecutor(launcher, workers, retry=retry, journal=self._journal) as executor,
        ):
            self._succeeded_before(bar, items, left)
            waiting = iter(left)
            flight = Flight(executor, inbox, bar)
            self._submit(flight, bar, islice(waiting, SUBMITTED_PER_WORKER * workers))
            for future in flight.ends():
                self._ended(flight, future)
                if not flight.stopping:
                    self._submit(flight, bar, islice(waiting, SUBMITTED_PER_WORKER * workers - flight.in_flight))
            for item in waiting:
                future = LaunchFuture(item.run)
                future.cancel()
                bar.add(future)
                self._report.ended(item, future)
        return self._status(flight)

    def _opened(self, items: Sequence[Item], launcher: Launcher) -> AbstractContextManager[Sequence[Item]]:
        """Opens the journal, if there is one, and gives the items that are to be launched, or reported one by one."""
        if self._journal is None:
            return nullcontext(items)
        return opened_for(self._journal, items, launcher, skip=not self._report.as_json)

    def _succeeded_before(self, bar: Bar, items: Sequence[Item], left: Sequence[Item]) -> None:
        """Counts the items that a journal has as succeeded: `left` are the others."""
        if count := len(items) - len(left):
            bar.count_succeeded(count)
            self._report.succeeded_before(count)

    def _status(self, flight: Flight) -> int:
        if flight.signal:
            return exits.of_signal(flight.signal)
        if not self._report.launched:
            return exits.NOT_LAUNCHED
        lost = self._report.lost or (self._shown is not None and self._shown.lost)
        return 0 if self._report.all_ok and not lost else exits.FAILED

    def _submit(self, flight: Flight, bar: Bar, items: Iterable[Item]) -> None:
        for item in items:
            launcher = _quiet(item.launcher)
            log = self._folder.log_of(item.run.name, item.number) if self._folder else None
            if log is not None:
                log.warns = False  # the report has what is missing
                future = flight.submit(
                    item.run,
                    launcher=launcher,
                    retry=item.retry,
                    on_start=log.open,
                    on_output=log,
                    on_end=log.close,
                )
            else:
                future = flight.submit(item.run, launcher=launcher, retry=item.retry, on_output=self._on_output(item))
            self._launches[future] = item, log
            bar.add(future)

    def _on_output(self, item: Item) -> OnOutput | None:
        hidden = item.settings is not None and not item.settings.get("stream_output", True)
        return None if hidden or self._shown is None else self._shown.of(self._labels[item])

    def _ended(self, flight: Flight, future: LaunchFuture) -> None:
        item, log = self._launches.pop(future)
        error = None if future.cancelled() else future.exception()
        engine_unavailable = isinstance(error, EngineUnavailable) and not self._report.launched
        quiet = future.recorded or (flight.stopping and (future.cancelled() or engine_unavailable))
        self._report.ended(item, future, log.path if log else None, quiet)
        if log is not None and log.error is not None:
            self._report.log_is_cut(item, log)
        assert future.outcome is not None  # it is done
        failed = not (future.recorded or future.outcome.ok)
        if engine_unavailable or (self._fail_fast and failed):
            flight.stop()
