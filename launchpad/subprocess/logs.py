"""Reads the output of a detached run from its folder, while it is written or later."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

READ_SIZE = 64 * 1024

LEFT_OUT = b"\n[launchpad: a part of the output was left out here]\n"
"""Stands for the parts of a long log that are not kept."""


class LogReader:
    """Reads the log of one stream: the file `path`, then `path`.1, `path`.2 and so on. Owned by one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = 0
        self._file: int | None = None

    def read(self) -> bytes:
        """The next bytes; empty if there are no more for now. OSError."""
        while not (data := self._read_part()):
            following = self._following()
            if following is None:
                return b""
            if data := self._read_part():  # written before the next part was begun
                return data
            self.close()
            skipped, self._part = following > self._part + 1, following
            if skipped:
                return LEFT_OUT
        return data

    def close(self) -> None:
        """Closes the file that is being read. Idempotent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _read_part(self) -> bytes:
        if self._file is None:
            with suppress(FileNotFoundError):
                path = f"{self._path}.{self._part}" if self._part else self._path
                self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return b"" if self._file is None else os.read(self._file, READ_SIZE)

    def _following(self) -> int | None:
        """The number of the next part that exists."""
        with suppress(FileNotFoundError):  # the run was removed
            names = (name.rpartition(".") for name in os.listdir(self._path.parent))
            numbers = (int(number) for name, _, number in names if name == self._path.name and number.isdigit())
            return min((number for number in numbers if number > self._part), default=None)
        return None
