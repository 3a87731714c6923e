"""Bars at the bottom of a terminal, and everything that is printed above them.

While there are bars, proxies replace sys.stdout and sys.stderr. Printed lines and the bars below them go to the
terminal in one write, so that neither breaks up the other.
"""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO, cast

from ..core.screen import StreamProxy, screen_lock, write_lines, write_text
from .tally import Counts, Failure
from .text import one_line
from .view import TerminalView

_RESET = "\x1b[0m"


class TerminalDisplay:
    """One bar on the terminal behind sys.stderr. Passes on the errors of the terminal."""

    interval = 0.1

    def __init__(self) -> None:
        self._area = _attached(self)
        self._view = TerminalView(self._area.screen)

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        bar = self._view.bar(counts, self._area.note_in(self))
        self._area.put(self, bar, self._view.failures(failures))

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        """Replaces the bar by a summary line."""
        self._area.drop(self, self._view.failures(failures) + self._view.summary(counts))

    def abandon(self) -> None:
        """Removes the bar without writing to the terminal."""
        self._area.drop(self, None)


class StatusArea:
    """The bars at the bottom of one terminal, a line each, and the proxies that print above them. Thread-safe."""

    def __init__(self, screen: TextIO) -> None:
        self.screen = screen
        self._process = os.getpid()
        self._bars: dict[TerminalDisplay, str] = {}  # empty until it is first shown
        self.notes: dict[object, str] = {}  # what else to show, in the first bar
        self._drawn = 0  # how many are on the screen; the cursor is on the line of the last one

    @property
    def alive(self) -> bool:
        """Whether there are bars of this process: a forked child has a copy that no thread updates."""
        return bool(self._bars) and os.getpid() == self._process

    def note_in(self, display: TerminalDisplay) -> str:
        """What a bar shows beside its counts: one line."""
        with screen_lock():
            return ", ".join(self.notes.values()) if next(iter(self._bars), None) is display else ""

    def put(self, display: TerminalDisplay, bar: str, above: str = "") -> None:
        """Adds a bar below the others, or updates it in place."""
        with screen_lock():
            if not self._bars:
                self._install_proxies()
            self._bars[display] = bar
            if bar:
                self.draw(above)

    def drop(self, display: TerminalDisplay, last: str | None) -> None:
        """Removes a bar and prints `last` above the others; with None, writes nothing."""
        with screen_lock():
            self._bars.pop(display, None)
            try:
                if last is not None:
                    self.draw(last)
            finally:
                if not self._bars:
                    self._remove_proxies()

    def draw(self, above: str = "") -> None:
        """Prints whole lines, and the bars below them. Called with `screen_lock` held."""
        bars = [f"{bar}\x1b[K" for bar in self._bars.values() if bar]
        home = f"\x1b[{self._drawn - 1}A\r" if self._drawn > 1 else "\r" if self._drawn else ""
        # A bar is drawn over its old text, and the rest of the line is cleared after it, so that it does not flicker.
        clear = "\x1b[J" if self._drawn and (above or self._drawn > len(bars)) else ""
        self._drawn = len(bars)
        # The cursor returns to the start of the line: the next bar overwrites a "^C" that the terminal echoes.
        write_text(self.screen, home + clear + above + "\n".join(bars) + ("\r" if bars else ""))

    def _install_proxies(self) -> None:
        if _same_terminal(sys.stdout, self.screen):
            sys.stdout.flush()
            sys.stdout = cast("TextIO", StdoutProxy(self, sys.stdout))
        sys.stderr = cast("TextIO", StdoutProxy(self, self.screen))

    def _remove_proxies(self) -> None:
        self._drawn = 0
        for name in ("stdout", "stderr"):
            proxy = getattr(sys, name)
            if isinstance(proxy, StdoutProxy):
                setattr(sys, name, proxy.behind)
                proxy.flush()


class StdoutProxy(StreamProxy):
    """Replaces a standard stream: shows text written to it above the bars, in whole lines."""

    def __init__(self, area: StatusArea, behind: TextIO) -> None:
        self.behind = behind
        self.area = area
        self._held: list[str] = []  # parts of an incomplete line

    def write(self, text: str) -> int:
        if not self.area.alive:
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
        if not self.area.alive:
            write_lines(self.behind, lines)
        else:
            text = "\n".join(lines) + "\n"
            self.area.draw(text + _RESET if "\x1b" in text else text)  # colours end where the bars start

    def note(self, screen: object, key: object, text: str) -> bool:
        if not self.area.alive or getattr(screen, "behind", screen) is not self.behind:
            return False
        with screen_lock():
            self.area.notes.pop(key, None)
            if text:
                self.area.notes[key] = one_line(text)
        return True

    def flush(self) -> None:
        """Shows an incomplete line too, such as a prompt, as a line of its own."""
        with screen_lock():
            held, self._held = "".join(self._held), []
            if held and self.area.alive:
                self.write_lines([held])
            else:
                self.behind.write(held)
                self.behind.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)


def _attached(display: TerminalDisplay) -> StatusArea:
    """Adds the display to the status area that all bars on sys.stderr share."""
    with screen_lock():
        screen = sys.stderr
        area = screen.area if isinstance(screen, StdoutProxy) and screen.area.alive else StatusArea(screen)
        area.put(display, "")
        return area


def _same_terminal(one: TextIO | None, other: TextIO) -> bool:
    try:
        return one is not None and os.path.samestat(os.fstat(one.fileno()), os.fstat(other.fileno()))
    except Exception:  # closed, or not a real file
        return False
