"""The directory with the output of a batch: one file for each run."""

from __future__ import annotations

import errno
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from ..core.names import candidates, slug
from ..errors import LaunchError
from ..models import Handle, Run
from .batch_file import Item

_LONGEST_NAME = 100
_ALLOWED = "a-zA-Z0-9_.-"


class OutputFolder:
    """Gives each of the `total` runs of a batch a new file `NUMBER-NAME.log`.

    The directory is created if it does not exist. OSError if that fails.
    """

    def __init__(self, path: Path, total: int) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._width = len(str(total))

    def log_of(self, item: Item) -> Log:
        """The log of a run; its file is created when the run starts."""
        number = f"{item.number:0{self._width}}"
        name = slug(item.run.name, allowed=_ALLOWED, longest=_LONGEST_NAME)
        return Log(self._path, f"{number}-{name}" if name else number)


class Log:
    """The file of one run. Its methods are the callbacks of a launch; each line is written at once."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path: Path | None = None
        """The file, None before `open`."""
        self.error: OSError | None = None
        """Why lines are missing from the file."""
        self._folder = folder
        self._name = name
        self._file: TextIO | None = None

    def open(self, handle: Handle) -> None:
        """Creates the file, at the first attempt. LaunchError if that fails, which stops the run."""
        if self._file is not None:
            return
        try:
            self.path, self._file = _new_file(self._folder, self._name)
        except OSError as error:
            raise LaunchError(f"Stopped: the file for its output cannot be created: {error}") from error

    def write(self, run: Run, line: str) -> None:
        assert self._file is not None  # open is called first
        try:
            self._file.write(line + "\n")
        except OSError as error:
            self.error = error

    def close(self, future: Future[bool]) -> None:
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
