"""`launchpad batch`: many runs from a file, some at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click

from . import exit_codes as exits
from .journal_options import journal_options, make_journal
from .messages import print_message
from .options import container_options, launcher_options, make_launcher, usage_errors


@attrs.frozen(kw_only=True)
class Given:
    """The argument and the options of the command, as click passes them on."""

    file: str
    kind: str | None
    settings: tuple[str, ...]
    image: str | None
    volumes: tuple[str, ...]
    lines: bool
    journal_path: str | None
    retry_failed: bool
    dry_run: bool
    workers: int
    retries: int
    output_dir: Path | None
    fail_fast: bool
    as_json: bool
    failed: bool
    keep: bool
    quiet: bool


@click.command(short_help="Launch many runs from a file, some at a time.")
@click.argument("file", type=click.Path(allow_dash=True))
@click.option("--lines", is_flag=True, help="FILE has a command a line, split as a shell splits words; # for comments.")
@launcher_options
@container_options
@journal_options
@click.option("--workers", type=click.IntRange(min=1), default=8, show_default=True, help="How many run at a time.")
@click.option("--retries", type=click.IntRange(min=0), default=0, help="Launch a run that fails up to N times more.")
@click.option("--output-dir", type=click.Path(path_type=Path), help="Write each run's output to a file in here.")
@click.option("--fail-fast", is_flag=True, help="Stop everything at the first run that fails.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object to stdout for each run that ends.")
@click.option("--failed", is_flag=True, help="At the end, print the names of the runs that did not succeed to stdout.")
@click.option("--keep", is_flag=True, help="Keep the containers of ended runs.")
@click.option("-q", "--quiet", is_flag=True, help="Do not show the output of runs.")
def batch(**options: Any) -> int:
    """Launch the runs of FILE, a YAML list or JSON lines ("-": stdin), and exit with 0 if all succeed.

    Each run is a mapping: command (a list) or entrypoint, and optionally parameters, name, env, labels, working_dir,
    timeout, settings (of the launcher, for this run), retry (attempts, on, exit_codes, free, free_limit, wait; instead
    of --retries). With --lines, each line of FILE is a command. Each line of output is shown after the name of its run.

    Exits with 1 if a run fails or output could not be written, 2 if FILE is invalid, 125 if nothing could be launched,
    130 after Ctrl-C, which stops all runs, and kills them when pressed again.

    With --journal, the same batch can be begun again after any interruption: what succeeded is not launched again, what
    still runs is followed, the rest is launched. It exits with 1 too if a run has failed before.
    """
    return _launch(Given(**options))


def _launch(given: Given) -> int:
    from ..core.output_files import OutputFolder
    from ..retry import Retry
    from .batch_file import read  # takes 0.1 s to import, with yaml and rich
    from .batching import Batch, removing
    from .journalled import plan, summary
    from .output import ShownOutput
    from .report import Labels, Report

    _check_stdout(given.as_json, given.failed)
    journal = make_journal(given.journal_path, given.retry_failed, given.dry_run)
    launcher = removing(
        make_launcher(given.kind, given.settings, given.image, given.volumes), given.settings, given.keep
    )
    launcher = launcher.replace(stream_output=False)  # callbacks take the output instead
    with usage_errors():
        items = read(given.file, lines=given.lines, launcher=launcher)
        folder = OutputFolder(given.output_dir, len(items)) if given.output_dir else None
    retry = Retry(given.retries + 1) if given.retries else None
    if journal is not None and given.dry_run:
        plan(journal, items, launcher, retry)
        return 0
    labels = Labels(items)
    report = Report(labels, given.as_json)
    shown = None if given.quiet else ShownOutput("stderr" if given.as_json or given.failed else None)
    status = Batch(labels, report, folder, given.fail_fast, shown, journal).launch(
        items, launcher, given.workers, retry
    )
    report.close(given.failed)
    if journal is not None:
        print_message(summary(journal, report.failures))
    return status or (exits.FAILED if report.lost else 0)


def _check_stdout(as_json: bool, failed: bool) -> None:
    if as_json and failed:
        raise click.UsageError("--json and --failed both need stdout: use one of them")
