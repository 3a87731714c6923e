"""From the bytes of an output stream to the lines of a run, none lost and none repeated when the stream is lost.

Whole lines are passed on and counted; what comes after the last newline is held back. A stream that is opened anew
tells all from the beginning, and what was passed on already is dropped by its count.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ..core.backend import Chunk, StreamName

LONGEST_HELD = 1024 * 1024
"""Bytes of a line without an end that are held back; beyond, they are passed on, and counted as bytes."""

_HEAD = struct.Struct(">BxxxL")
_STREAMS: tuple[StreamName, ...] = ("stdout", "stdout", "stderr")  # by the number in a frame's head: 0, 1, 2


class Demultiplexer:
    """Takes apart the two streams that come as frames on one connection; a terminal's output comes as it is."""

    def __init__(self, tty: bool) -> None:
        self._tty = tty
        self._stream: StreamName = "stdout"
        self._left = 0  # bytes of the current frame that are still to come
        self._head = b""

    def feed(self, data: bytes) -> Iterator[Chunk]:
        if self._tty:
            yield Chunk("stdout", data)
            return
        at = 0
        while at < len(data):
            if self._left == 0:
                taken = data[at : at + _HEAD.size - len(self._head)]
                self._head += taken
                at += len(taken)
                if len(self._head) == _HEAD.size:
                    number, self._left = _HEAD.unpack(self._head)
                    self._stream, self._head = _STREAMS[min(number, 2)], b""
                continue
            piece = data[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            yield Chunk(self._stream, piece)


class LineDeduplicator:
    """What has been passed on of one stream of one run."""

    def __init__(self) -> None:
        self._lines = 0
        self._bytes = 0  # of the line after these, where it was too long to hold back
        self._held = b""
        self._drop_lines = 0
        self._drop_bytes = 0

    def begin_anew(self) -> None:
        """The next bytes are those of the run's beginning."""
        self._held = b""
        self._drop_lines, self._drop_bytes = self._lines, self._bytes

    def feed(self, data: bytes) -> bytes:
        """What is to be passed on now."""
        data = self._held + self._without_repeated(data)
        end = data.rfind(b"\n") + 1
        if end:
            self._lines += data.count(b"\n")
            self._bytes = 0
        whole, self._held = data[:end], data[end:]
        if len(self._held) > LONGEST_HELD:
            whole, self._held = data, b""
            self._bytes += len(data) - end
        return whole

    def finish(self) -> bytes:
        """A last line that has no end."""
        last, self._held = self._held, b""
        self._bytes += len(last)
        return last

    def _without_repeated(self, data: bytes) -> bytes:
        if self._drop_lines:
            ends = data.count(b"\n")
            if ends < self._drop_lines:
                self._drop_lines -= ends
                return b""
            data = data.split(b"\n", self._drop_lines)[self._drop_lines]
            self._drop_lines = 0
        dropped = min(self._drop_bytes, len(data))
        self._drop_bytes -= dropped
        return data[dropped:]
