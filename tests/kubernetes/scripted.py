"""Streams of an API server, scripted by a test."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from launchpad import LaunchError
from launchpad.core.retries import Transient

CUT = Transient("cut")
END = b""
"""The end of a stream, as one of its pieces."""

Piece = bytes | Transient | LaunchError


class ScriptedStream:
    """A response that returns `pieces`, one per read, and raises those that are exceptions. Then nothing arrives."""

    def __init__(self, *pieces: Piece) -> None:
        self.closed = False
        self._pieces = list(pieces)
        self._ends: list[socket.socket] = []

    def wait_success(self, timeout: float) -> None:
        if self._pieces and isinstance(self._pieces[0], Exception):
            raise self._pieces.pop(0)

    def read(self) -> bytes | None:
        piece = self._pieces.pop(0) if self._pieces else None
        if isinstance(piece, Exception):
            raise piece
        return piece

    def fileno(self) -> int:
        self._ends = self._ends or list(socket.socketpair())
        return self._ends[0].fileno()

    def close(self) -> None:
        self.closed = True
        for end in self._ends:
            end.close()


class ScriptedNode:
    """Opens a stream for each script, and records from which time and whether following was requested."""

    def __init__(self, *scripts: Iterable[Piece]) -> None:
        self.streams = [ScriptedStream(*script) for script in scripts]
        self.since: list[str | None] = []
        self.followed: list[bool] = []

    def open(self, pod: str, since: str | None, follow: bool) -> ScriptedStream:
        self.since.append(since)
        self.followed.append(follow)
        return self.streams[len(self.since) - 1]


def at(second: int, text: str, fraction: str = "") -> bytes:
    """A line of a log without its newline."""
    return f"2030-01-01T00:00:{second:02}{fraction}Z {text}".encode()


def lines(*entries: tuple[int, str]) -> bytes:
    return b"".join(at(second, text) + b"\n" for second, text in entries)
