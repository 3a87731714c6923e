"""Writes the output of a detached run to files of a limited size. It uses the standard library alone.

The package does not import this module: the shim does, which runs without the package.
"""

from __future__ import annotations

import os


class Log:
    """The output of one stream. The file PATH has its beginning; PATH.1, PATH.2 and so on have the rest, in parts.

    Only the two newest parts are kept: at most `limit` bytes in all.
    """

    def __init__(self, path: str, limit: int) -> None:
        self.lost = False
        self._path = path
        self._left = limit // 2
        self._part_size = max(1, limit // 4)
        self._part = 0
        self._file = create(path)

    def write(self, data: bytes) -> None:
        while data:
            if self._left <= 0:
                self._next_part()
            piece, data = data[: self._left], data[self._left :]
            self._left -= len(piece)
            self._write(piece)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError:  # the disk is full
            self.lost = True

    def _next_part(self) -> None:
        self._part += 1
        self._left = self._part_size
        try:
            if self._part > 2:
                self.lost = True
                os.unlink(f"{self._path}.{self._part - 2}")
            new = create(f"{self._path}.{self._part}")
        except OSError:
            self.lost = True
            return
        os.close(self._file)
        self._file = new


def create(path: str) -> int:
    """Opens a new, empty file for writing, which only this user can read. OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
