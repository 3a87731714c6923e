"""Bars at the foot of a terminal, and everything that is printed above them.

While there are bars, panes stand in for sys.stdout and sys.stderr: the lines of runs and whatever else is printed go
to the terminal together with the bars, in one write, so that neither can tear the other.
"""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO, cast

from ..core.output import StreamProxy, screen_lock, write_lines
from .tally import Counts, Failure
from .view import TerminalView

_RESET = "\x1b[0m"


class TerminalDisplay:
    """One bar, on the terminal that sys.stderr is. Raises what the terminal raises."""

    period = 0.1

    def __init__(self) -> None:
        self._foot = _attached(self)
        self._view = TerminalView(self._foot.screen)

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        self._foot.put(self, self._view.bar(counts), self._view.failures(failures))

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        """Leaves a line that says how it ended."""
        self._foot.drop(self, self._view.failures(failures) + self._view.summary(counts))

    def abandon(self) -> None:
        """Leaves things as they are, on a terminal that does not take any more."""
        self._foot.drop(self, None)


class StatusArea:
    """The bars of one terminal, a line each, and the panes that print above them. Thread-safe."""

    def __init__(self, screen: TextIO) -> None:
        self.screen = screen
        self._process = os.getpid()
        self._bars: dict[TerminalDisplay, str] = {}  # empty before the first look at it
        self._drawn = 0  # how many are on the screen; the cursor is on the line of the last one

    @property
    def alive(self) -> bool:
        """Whether there are bars, in this process: a forked child has them in its memory, and nobody tends them."""
        return bool(self._bars) and os.getpid() == self._process

    def put(self, display: TerminalDisplay, bar: str, above: str = "") -> None:
        """Shows a bar, below those that are there, or changes it where it stands."""
        with screen_lock():
            if not self._bars:
                self._step_in()
            self._bars[display] = bar
            if bar:
                self.draw(above)

    def drop(self, display: TerminalDisplay, last: str | None) -> None:
        """Takes a bar away; `last` is printed above those that are left, None where nothing can be."""
        with screen_lock():
            self._bars.pop(display, None)
            try:
                if last is not None:
                    self.draw(last)
            finally:
                if not self._bars:
                    self._step_out()

    def draw(self, above: str = "") -> None:
        """Prints whole lines, and the bars below them. Called with `screen_lock` held."""
        bars = [f"{bar}\x1b[K" for bar in self._bars.values() if bar]
        home = f"\x1b[{self._drawn - 1}A\r" if self._drawn > 1 else "\r" if self._drawn else ""
        # A bar is drawn over what it was, and the rest of its line cleared after it: nothing is blank in between.
        clear = "\x1b[J" if self._drawn and (above or self._drawn > len(bars)) else ""
        self._drawn = len(bars)
        # The cursor goes back to the line's beginning: a "^C" that the terminal echoes is drawn over with the next bar.
        self._write(home + clear + above + "\n".join(bars) + ("\r" if bars else ""))

    def _write(self, text: str) -> None:
        try:
            self.screen.write(text)
        except UnicodeEncodeError as error:
            self.screen.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        self.screen.flush()

    def _step_in(self) -> None:
        if _same_terminal(sys.stdout, self.screen):
            sys.stdout.flush()
            sys.stdout = cast("TextIO", StdoutProxy(self, sys.stdout))
        sys.stderr = cast("TextIO", StdoutProxy(self, self.screen))

    def _step_out(self) -> None:
        self._drawn = 0
        for name in ("stdout", "stderr"):
            pane = getattr(sys, name)
            if isinstance(pane, StdoutProxy):
                setattr(sys, name, pane.behind)
                pane.flush()


class StdoutProxy(StreamProxy):
    """Stands in for a standard stream: what is written to it is shown a whole line at a time, above the bars."""

    def __init__(self, foot: StatusArea, behind: TextIO) -> None:
        self.behind = behind
        self.foot = foot
        self._held: list[str] = []  # of a line that is not complete

    def write(self, text: str) -> int:
        if not self.foot.alive:
            return self.behind.write(text)
        with screen_lock():
            self._held.append(text)
            if "\n" in text:
                *lines, rest = "".join(self._held).split("\n")
                self._held = [rest] if rest else []
                self.write_lines(lines)
        return len(text)

    def writelines(self, texts: list[str]) -> None:
        for text in texts:
            self.write(text)

    def write_lines(self, lines: list[str]) -> None:
        if not self.foot.alive:
            write_lines(self.behind, lines)
        else:
            text = "\n".join(lines) + "\n"
            self.foot.draw(text + _RESET if "\x1b" in text else text)  # colours end where the bars begin

    def flush(self) -> None:
        """Shows an incomplete line too, as a line of its own: a question, say, that waits for its answer."""
        if not (self._held and self.foot.alive):
            self._pass_on()
            return
        with screen_lock():
            line, self._held = "".join(self._held), []
            self.write_lines([line])

    def _pass_on(self) -> None:
        held, self._held = self._held, []
        self.behind.write("".join(held))
        self.behind.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)


def _attached(display: TerminalDisplay) -> StatusArea:
    """The foot that all bars on sys.stderr share, which now has the display's too."""
    with screen_lock():
        screen = sys.stderr
        foot = screen.foot if isinstance(screen, StdoutProxy) and screen.foot.alive else StatusArea(screen)
        foot.put(display, "")
        return foot


def _same_terminal(one: TextIO | None, other: TextIO) -> bool:
    try:
        return one is not None and os.path.samestat(os.fstat(one.fileno()), os.fstat(other.fileno()))
    except Exception:  # closed, no file at all, or somebody's own
        return False
