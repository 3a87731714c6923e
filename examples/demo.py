"""Measures the Python standard library: one run for each of its packages and modules, several at a time.

    python examples/demo.py

Each run calls `measure` of sources.py in its own process and prints its report as a line of JSON, which `on_output`
receives here. Needs `pip install 'launchpad-runs[cli]'`.
"""

import json
import os
import sys
import sysconfig
import time
from concurrent.futures import wait
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from launchpad import LaunchExecutor, LaunchFuture, Run, SubprocessLauncher, progress

MEASURE = f"{Path(__file__).with_name('sources.py').resolve()}:measure"
SHOWN = 10


def standard_library() -> list[Path]:
    """Returns the packages and modules of the standard library that have sources, the largest first."""
    root = Path(sysconfig.get_path("stdlib"))
    modules = [path for path in root.glob("*.py") if path.stem.isidentifier()]
    packages = [
        path.parent
        for path in root.glob("*/__init__.py")
        if path.parent.name.isidentifier()
    ]
    return sorted(
        modules + packages, key=size, reverse=True
    )  # a long run that starts last would end alone


def size(path: Path) -> int:
    """Returns the size of the sources in bytes."""
    files = path.rglob("*.py") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


class Reports:
    """The reports of the runs, and the last line of each run that wrote none."""

    def __init__(self) -> None:
        self.found: dict[str, dict] = {}
        self.last_lines: dict[str, str] = {}

    def take(self, run: Run, line: str) -> None:
        """Receives each line that a run writes, as `on_output`."""
        if line.startswith("{"):
            self.found[run.name] = json.loads(line)
        else:
            self.last_lines[run.name] = line

    def longest_functions(self) -> list[tuple[int, str]]:
        return sorted(
            (tuple(report["longest"]) for report in self.found.values()), reverse=True
        )

    def total(self, key: str) -> int:
        return sum(report[key] for report in self.found.values())

    def unparsed(self) -> list[str]:
        return sorted(
            module for report in self.found.values() for module in report["unparsed"]
        )


def measure_all(paths: list[Path], reports: Reports) -> list[LaunchFuture]:
    """Launches a run for each path, as many at a time as there are CPUs, shows a bar and waits for all of them."""
    with LaunchExecutor(SubprocessLauncher(), max_workers=os.cpu_count()) as executor:
        futures = [
            executor.submit(
                Run(entrypoint=MEASURE, name=path.stem, parameters={"path": str(path)}),
                on_output=reports.take,
            )
            for path in paths
        ]
        with progress(futures):
            wait(futures)
    return futures


def succeeded(future: LaunchFuture) -> bool:
    return future.exception() is None and future.result()


def table(title: str, *headings: str) -> Table:
    """Returns an empty table. Its first column is flexible; the others hold numbers."""
    empty = Table(
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        width=78,
        pad_edge=False,
    )
    empty.add_column(headings[0], overflow="fold", ratio=1)
    for heading in headings[1:]:
        empty.add_column(heading, justify="right")
    return empty


def show(
    reports: Reports, futures: list[LaunchFuture], seconds: float, console: Console
) -> None:
    """Prints the largest packages, the longest functions, the failed runs and the totals."""
    largest = table(
        "Largest packages and modules", "name", "files", "lines", "functions"
    )
    by_lines = sorted(
        reports.found.items(), key=lambda item: item[1]["lines"], reverse=True
    )
    for name, report in by_lines[:SHOWN]:
        largest.add_row(
            name, *(f"{report[key]:,}" for key in ("files", "lines", "functions"))
        )
    longest = table("Longest functions, one for each package", "function", "lines")
    for lines, name in reports.longest_functions()[:SHOWN]:
        longest.add_row(name, f"{lines:,}")
    failures = table("Failed", "run and reason", "exit code")
    failed = [future for future in futures if not succeeded(future)]
    for future in failed:
        outcome = future.outcome
        assert outcome is not None  # every future that is done has one
        words = reports.last_lines.get(future.run.name, outcome.message)
        failures.add_row(
            f"{future.run.name}: {outcome.reason}: {escape(words)}",
            str(outcome.exit_code),
        )
    console.print(largest, longest, *([failures] if failed else []))
    files, lines, functions = (
        f"{reports.total(key):,}" for key in ("files", "lines", "functions")
    )
    console.print(f"{files} files, {lines} lines, {functions} functions")
    if unparsed := reports.unparsed():
        console.print(
            f"{len(unparsed)} files do not parse, some of them invalid test data: {', '.join(unparsed[:3])}…"
        )
    console.print(
        f"{len(futures)} runs, {len(failed)} failed, in {seconds:.1f} s: {len(futures) / seconds:.1f} runs a second"
    )


def main() -> int:
    console = Console(highlight=False)
    paths = standard_library()
    if not paths:
        console.print(
            "This Python installation has no sources of its standard library."
        )
        return 1
    version = ".".join(map(str, sys.version_info[:3]))
    console.print(
        f"Measuring the {len(paths)} packages and modules of Python {version}'s standard library"
    )
    reports = Reports()
    began = time.monotonic()
    futures = measure_all(paths, reports)
    show(reports, futures, time.monotonic() - began, console)
    return 0 if all(map(succeeded, futures)) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # the executor has stopped all runs
        sys.exit(130)
