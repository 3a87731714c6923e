"""A terminal for tests: runs a program on a pseudo-terminal and renders what it writes."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import pyte

TIMEOUT = 60.0


class Terminal:
    """A program on a terminal of `columns` by `lines`; a context manager, which ends the program.

    `stdout` may be given a file in place of the terminal.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        env: dict[str, str] | None = None,
        stdout: int | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, lines, history=100_000, ratio=0.001)
        self.raw = ""
        self._stream = pyte.Stream(self.screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._until = time.monotonic() + TIMEOUT
        ours, theirs = pty.openpty()
        self._ours = ours
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._program = subprocess.Popen(
            ["setsid", "--ctty", *command],  # so that keys such as Ctrl-C reach it
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            env={**_plain_environment(), **(env or {})},
            cwd=cwd,
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.kill()
        self._program.wait()
        os.close(self._ours)

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def until(self, seen: Callable[[list[str]], bool]) -> list[str]:
        """Reads until `seen` is true of the lines on the screen, and gives them."""
        while not seen(self.lines()):
            if not self._read():
                raise AssertionError(f"the program ended before that was seen: {self.lines()}")
        return self.lines()

    def end(self) -> list[str]:
        """Waits for the program's end and gives all lines, those that have scrolled away too."""
        while self._read():
            pass
        self._program.wait()
        return [*map(self._text, self.screen.history.top), *self.lines()]

    def hang_up(self) -> None:
        """Takes the terminal away from the program."""
        os.close(self._ours)
        self._ours = os.open(os.devnull, os.O_RDONLY)

    def wait(self) -> int:
        """Waits for the program's end and gives its exit status."""
        return self._program.wait(TIMEOUT)

    def memory(self) -> int:
        """The bytes of memory that the program has at the moment. On Linux."""
        return int(Path(f"/proc/{self._program.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def lines(self) -> list[str]:
        """The lines on the screen, without the empty ones at its end."""
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def colours(self) -> set[str]:
        """The colours that are on the screen."""
        rows = [*self.screen.history.top, *self.screen.buffer.values()]
        return {char.fg for row in rows for char in row.values()} - {"default"}

    def _text(self, row: dict[int, pyte.screens.Char]) -> str:
        return "".join(row[column].data for column in range(self.screen.columns)).rstrip()

    def _read(self) -> bool:
        """Renders what the program writes next; False at its end."""
        if not select.select([self._ours], [], [], max(0.0, self._until - time.monotonic()))[0]:
            raise AssertionError(f"this took too long; on the screen: {self.lines()}")
        try:
            data = os.read(self._ours, 64 * 1024)
        except OSError:  # how Linux reports that no process has the terminal open any more
            data = b""
        text = self._decoder.decode(data)
        self.raw += text
        self._stream.feed(text)
        return bool(data)


def python(script: str) -> list[str]:
    """The command that runs `script` by this interpreter."""
    return [sys.executable, "-c", script]


def launchpad(*arguments: str) -> list[str]:
    """The command that calls our command line."""
    return [sys.executable, "-m", "launchpad.cli", *arguments]


def _plain_environment() -> dict[str, str]:
    mute = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_INTERACTIVE", "TTY_COMPATIBLE")
    return {name: value for name, value in os.environ.items() if name not in mute} | {"TERM": "xterm-256color"}
