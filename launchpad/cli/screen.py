"""How a batch is seen while it goes on: a live bar on a terminal, a plain line now and then elsewhere.

All of it is on stderr; only the lines that runs write may be meant for stdout.
"""

from __future__ import annotations

import sys
import threading
import time

from rich.console import Console, Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ..backend import StreamName
from ..output import to_screen
from .messages import tell

LINES_HELD = 200
"""Lines of runs that are held back until the next tick; more are shown at once, which slows the runs down."""


class PlainScreen:
    """Shows how far the batch is every `period` seconds, and the lines of runs as they come."""

    period = 10.0

    def __init__(self, total: int, output: StreamName, console: Console | None = None) -> None:
        self.total = total
        self.ended = 0
        self.failed = 0
        self.console = console or Console(stderr=True, highlight=False)
        self._output = output
        self._begun = self._ticked = time.monotonic()

    def __enter__(self) -> PlainScreen:
        return self

    def __exit__(self, *error: object) -> None:
        """Leaves the screen to others."""

    @property
    def seconds(self) -> float:
        """Since the batch began."""
        return time.monotonic() - self._begun

    @property
    def rate(self) -> float:
        """Runs a second that have ended."""
        return self.ended / max(self.seconds, 1e-9)

    def line(self, text: str) -> None:
        """Shows what a run has written. Any thread."""
        to_screen(self._output, [text])

    def note(self, text: Text) -> None:
        """Shows a line about a run."""
        self.console.print(text, soft_wrap=True)

    def tick(self) -> None:
        """To be called often: brings the screen up to date if `period` has passed since it last was."""
        if time.monotonic() >= self._ticked + self.period:
            self._ticked = time.monotonic()
            self.refresh()

    def refresh(self) -> None:
        tell(f"{self.ended} of {self.total} runs have ended, {self.failed} failed, {self.rate:.1f}/s")


class LiveScreen(PlainScreen):
    """A bar at the foot of the terminal, above which lines scroll by."""

    period = 0.1

    def __init__(self, total: int, output: StreamName, console: Console | None = None) -> None:
        super().__init__(total, output, console)
        self._above_bar = output == "stderr" or sys.stdout.isatty()
        self._lock = threading.Lock()  # guards the lines, and their order on the screen
        self._lines: list[str] = []
        self._bar = Progress(
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("[red]{task.fields[failed]} failed"),
            _Rate(),
            TimeElapsedColumn(),
            console=self.console,
            auto_refresh=False,
            redirect_stdout=False,
            transient=True,
            expand=True,
        )
        self._task = self._bar.add_task("", total=total, failed=0)

    def __enter__(self) -> PlainScreen:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._show_lines()
        self._bar.stop()

    def line(self, text: str) -> None:
        if not self._above_bar:
            super().line(text)
            return
        with self._lock:
            self._lines.append(text)
            full = len(self._lines) >= LINES_HELD
        if full:
            self._show_lines()

    def note(self, text: Text) -> None:
        self._show_lines()  # what the run wrote comes before its end
        super().note(text)

    def refresh(self) -> None:
        self._show_lines()
        self._bar.update(self._task, completed=self.ended, failed=self.failed, refresh=True)

    def _show_lines(self) -> None:
        with self._lock:
            if self._lines:
                self.console.out("\n".join(self._lines))
                self._lines.clear()


class _Rate(ProgressColumn):
    """Runs a second, of late."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", "cyan")


def screen(total: int, output: StreamName) -> PlainScreen:
    """The screen that stderr allows for a batch of `total` runs; `output` is where the lines of runs go."""
    console = Console(stderr=True, highlight=False)
    live = console.is_terminal and not console.is_dumb_terminal
    return (LiveScreen if live else PlainScreen)(total, output, console)


def summary(title: str, rows: list[tuple[str, int, str]]) -> Group:
    """The end of a batch: a title, and a table of results, how many runs had each, and which."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("result")
    table.add_column("runs", justify="right")
    table.add_column("which", overflow="ellipsis", no_wrap=True)
    for result, count, which in rows:
        style = "green" if result == "completed" else "red"
        table.add_row(Text(result, style), str(count), Text(which))
    return Group(Text(title, "bold"), table)
