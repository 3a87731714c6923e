"""The folder that holds what the runs of a batch have written: one file each."""

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
    """Gives each run of a batch of `total` a file `NUMBER-NAME.log`, which nothing else has written or will write.

    The folder is made where it does not exist. OSError where that is not possible.
    """

    def __init__(self, path: Path, total: int) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._width = len(str(total))

    def log_of(self, item: Item) -> Log:
        """The log of a run; its file is made when the run has started."""
        number = f"{item.number:0{self._width}}"
        name = slug(item.run.name, allowed=_ALLOWED, longest=_LONGEST_NAME)
        return Log(self._path, f"{number}-{name}" if name else number)


class Log:
    """One run's file: its methods are the callbacks of a launch. Each line is written whole, when it comes."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path: Path | None = None
        """The file, once there is one."""
        self._folder = folder
        self._name = name
        self._file: TextIO | None = None

    def open(self, handle: Handle) -> None:
        """LaunchError where no file can be made: then the run is stopped."""
        try:
            self.path, self._file = _new_file(self._folder, self._name)
        except OSError as error:
            raise LaunchError(f"Its output has nowhere to go, so it was stopped: {error}") from error

    def write(self, run: Run, line: str) -> None:
        assert self._file is not None  # open comes first
        self._file.write(line + "\n")

    def close(self, future: Future[bool]) -> None:
        if self._file is not None:
            with suppress(OSError):  # the disk is full: a warning has told of the lines that it did not take
                self._file.close()


def _new_file(folder: Path, name: str) -> tuple[Path, TextIO]:
    """A new file under `name`, or a name like it where that is taken by an earlier batch."""
    for candidate in candidates(name, _LONGEST_NAME + 20):
        path = folder / f"{candidate}.log"
        with suppress(FileExistsError):
            return path, open(path, "x", encoding="utf-8", buffering=1, newline="\n")
    raise FileExistsError(errno.EEXIST, "all names like this one are taken: give another folder", str(folder / name))
