"""`launchpad batch`: many runs from a file, some at a time."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import attrs
import click

from ..errors import EngineUnavailable
from ..executor import LaunchExecutor, LaunchFuture
from ..launcher import Launcher
from ..models import Outcome, Reason, Run
from ..output import OnOutput
from . import exits
from .batch_file import Item, read
from .flight import Flight
from .inbox import Inbox
from .logs import Log, OutputFolder
from .options import launcher_options, make_launcher, refusing
from .report import Labels, Report
from .screen import PlainScreen, screen

AHEAD = 2
"""For each worker, how many runs are submitted at a time: one that runs, and one that is ready when it ends."""

STOPPED_BEFORE = "The batch was stopped before it was launched."


@click.command()
@click.argument("file", type=click.Path(allow_dash=True))
@launcher_options
@click.option("--workers", type=click.IntRange(min=1), default=8, show_default=True, help="How many run at a time.")
@click.option("--output-dir", type=click.Path(path_type=Path), help="Write what each run writes to a file in here.")
@click.option("--fail-fast", is_flag=True, help="Stop everything at the first run that fails.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each run, as it ends, on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Do not show what runs write.")
def batch(
    file: str,
    kind: str | None,
    settings: tuple[str, ...],
    workers: int,
    output_dir: Path | None,
    fail_fast: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Launch the runs of FILE, a YAML list or JSON lines ("-": stdin), and exit with 0 if all succeed.

    Each run is a mapping: command (a list) or entrypoint, and if wanted parameters, name, env, labels, working_dir,
    timeout. What runs write is shown with their names before it.

    Exits with 1 if a run fails, 2 if FILE is not good, 125 if nothing could be launched, 130 after Ctrl-C, which stops
    all runs, and kills them when pressed again.
    """
    launcher = make_launcher(kind, settings)
    with refusing():
        items = read(file)
        folder = OutputFolder(output_dir, len(items)) if output_dir else None
    labels = Labels(items)
    with screen(len(items), "stderr" if as_json else "stdout") as shown:
        report = Report(shown, labels, as_json)
        work = Batch(report, shown, labels, folder, quiet, fail_fast)
        status = work.launch(items, launcher, workers)
    report.close()
    return status


@attrs.define
class Batch:
    """The runs of one call of `launchpad batch`, from the first launch to the last end. For the main thread."""

    _report: Report
    _screen: PlainScreen
    _labels: Labels
    _folder: OutputFolder | None
    _quiet: bool
    _fail_fast: bool
    _launches: dict[LaunchFuture, tuple[Item, Log | None]] = attrs.field(init=False, factory=dict)

    def launch(self, items: Iterable[Item], launcher: Launcher, workers: int) -> int:
        """Launches all runs and gives the exit status once they have ended, or were stopped."""
        waiting = iter(items)
        launcher = attrs.evolve(launcher, stream_output=False)  # what is wanted of the output goes to callbacks
        with launcher, Inbox() as inbox, LaunchExecutor(launcher, workers) as executor:
            flight = Flight(executor, inbox)
            self._submit(flight, islice(waiting, AHEAD * workers))
            for future in flight.ends(self._screen.period):
                if future is not None:
                    self._ended(flight, future)
                if not flight.stopping:
                    self._submit(flight, islice(waiting, AHEAD * workers - flight.in_flight))
                self._screen.tick()
        for item in waiting:
            self._report.not_launched(item, STOPPED_BEFORE, quietly=True)
        return self._status(flight)

    def _status(self, flight: Flight) -> int:
        if flight.signal:
            return exits.of_signal(flight.signal)
        if not self._report.launched:
            return exits.NOT_LAUNCHED
        return 0 if self._report.all_ok else exits.FAILED

    def _submit(self, flight: Flight, items: Iterable[Item]) -> None:
        for item in items:
            log = self._folder.log_of(item) if self._folder else None
            if log is not None:
                future = flight.submit(item.run, on_start=log.open, on_output=log.write, on_end=log.close)
            else:
                future = flight.submit(item.run, on_output=None if self._quiet else self._shower(item))
            self._launches[future] = item, log

    def _shower(self, item: Item) -> OnOutput:
        label = self._labels[item]

        def show(run: Run, line: str) -> None:
            reset = "\x1b[0m" if "\x1b" in line else ""  # colours end with their line
            self._screen.line(f"{label} | {line}{reset}")

        return show

    def _ended(self, flight: Flight, future: LaunchFuture) -> None:
        item, log = self._launches.pop(future)
        error = None if future.cancelled() else future.exception()
        no_engine = isinstance(error, EngineUnavailable) and not self._report.launched
        quietly = flight.stopping and (future.cancelled() or no_engine)
        if future.handle is None:
            self._report.not_launched(item, str(error or STOPPED_BEFORE), quietly)
        else:
            self._report.ended(item, future.outcome or _lost(future, error), log.path if log else None, quietly)
        if no_engine or (self._fail_fast and not self._report.all_ok):
            flight.stop()


def _lost(future: LaunchFuture, error: BaseException | None) -> Outcome:
    """The outcome of a run that has started, and of which nobody could say how it ended."""
    return Outcome(ok=False, reason=Reason.UNKNOWN, message=str(error or ""), handle=future.handle)
