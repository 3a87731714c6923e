"""Directories with the output of runs: one file for each run."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from ..errors import LaunchError
from ..models import Handle
from .backend import StreamName
from .names import candidates, slug
from .output import Sink, StreamCallback, discard

_LONGEST_NAME = 100
_ALLOWED = "a-zA-Z0-9_.-"


class OutputFolder:
    """Gives each run a new file `NUMBER-NAME.log`. Thread-safe.

    The numbers have as many digits as `total`, the number of runs, or more. The directory is created if it does not
    exist. OSError if that fails.
    """

    def __init__(self, path: Path, total: int = 0) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.Lock()  # guards the next two
        self._width = len(str(total))
        self._last = 0

    def expect(self, number: int) -> None:
        """Makes the numbers of the next `number` runs equally long."""
        with self._lock:
            self._width = max(self._width, len(str(self._last + number)))

    def log_of(self, name: str, number: int | None = None) -> Log:
        """The log of a run; its file is created when the run starts. Without a `number`, it is the next."""
        with self._lock:
            self._last = self._last + 1 if number is None else number
            digits = f"{self._last:0{self._width}}"
        short = slug(name, allowed=_ALLOWED, longest=_LONGEST_NAME)
        return Log(self._path, f"{digits}-{short}" if short else digits)


class Log(StreamCallback):
    """The file of one run. Its methods are the callbacks of a launch; lines are written at once, then go to `sink`.

    If it `warns`, `write` raises the first error, after the sink has the lines: then a warning is logged. The run goes
    on.
    """

    warns = True

    def __init__(self, folder: Path, name: str, sink: Sink = discard) -> None:
        self.path: Path | None = None
        """The file, None before `open`."""
        self.error: OSError | None = None
        """Why lines are missing from the file."""
        self.sink = sink
        self._folder = folder
        self._name = name
        self._file: TextIO | None = None

    def open(self, handle: Handle) -> None:
        """Creates the file, unless an earlier attempt has. LaunchError if that fails, which stops the run."""
        if self._file is not None:
            return
        try:
            self.path, self._file = _new_file(self._folder, self._name)
        except OSError as error:
            raise LaunchError(f"Stopped: the file for its output cannot be created: {error}") from error

    def opening(self, on_start: Callable[[Handle], object] | None) -> Callable[[Handle], object]:
        """An `on_start` that creates the file, and then calls `on_start`."""
        if on_start is None:
            return self.open

        def start(handle: Handle) -> None:
            self.open(handle)
            on_start(handle)

        return start

    def write(self, stream: StreamName, lines: list[str]) -> None:
        assert self._file is not None  # open is called first
        known, failed = self.error, None
        try:
            self._file.write("\n".join(lines) + "\n")
        except OSError as error:
            self.error = failed = error
        self.sink(stream, lines)
        if failed is not None and known is None and self.warns:
            raise failed

    def close(self, future: Future[bool] | None = None) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self.error = error


def _new_file(folder: Path, name: str) -> tuple[Path, TextIO]:
    """A new file called `name`, or a similar name if an earlier batch has used it."""
    for candidate in candidates(name, _LONGEST_NAME + 20):
        path = folder / f"{candidate}.log"
        with suppress(FileExistsError):
            return path, open(path, "x", encoding="utf-8", buffering=1, newline="\n")
    raise FileExistsError(errno.EEXIST, "all similar names are taken: give another directory", str(folder / name))
