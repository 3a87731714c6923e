"""Parses output streams: frames into the bytes of stdout and stderr, and these into lines without repetitions.

Whole lines are passed on and counted; the bytes after the last newline are held, or after the last "\\r", with which
progress bars redraw a line. A reopened stream starts at the run's beginning, and as many lines and bytes as were passed
on are dropped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ..core.backend import Chunk, StreamName

MAX_HELD = 1024 * 1024
"""Bytes of an unfinished line that are held; a longer one is passed on, and counted in bytes."""

_HEADER = struct.Struct(">B3sL")
_STREAMS: tuple[StreamName, ...] = ("stdout", "stdout", "stderr")  # by the number in a frame's header: 0, 1, 2


class Demultiplexer:
    """Separates stdout and stderr, which share one connection as frames. The output of a terminal has no frames.

    Podman reports a log that it cannot read in the stream itself, without a frame: the rest is the `fault`.
    """

    fault = b""

    def __init__(self, tty: bool) -> None:
        self._tty = tty
        self._stream: StreamName = "stdout"
        self._left = 0  # bytes of the current frame that have not arrived
        self._header = b""

    @property
    def is_partial(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._left or self._header)

    def feed(self, data: bytes) -> Iterator[Chunk]:
        if self._tty:
            yield Chunk("stdout", data)
            return
        at = 0
        while at < len(data) and not self.fault:
            if self._left == 0:
                taken = data[at : at + _HEADER.size - len(self._header)]
                self._header += taken
                at += len(taken)
                if len(self._header) == _HEADER.size:
                    number, zeros, self._left = _HEADER.unpack(self._header)
                    if zeros != b"\0\0\0":
                        self.fault = self._header + data[at:]
                    self._stream, self._header = _STREAMS[min(number, 2)], b""
                continue
            piece = data[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            yield Chunk(self._stream, piece)


class LineDeduplicator:
    """Passes on the lines of one stream of one run, each once, however often the stream starts again."""

    def __init__(self) -> None:
        self._lines = 0
        self._bytes = 0  # of the line after these: those that were passed on early
        self._held = b""
        self._drop_lines = 0
        self._drop_bytes = 0

    def restart(self) -> None:
        """Takes the next bytes for those of the run's beginning."""
        self._held = b""
        self._drop_lines, self._drop_bytes = self._lines, self._bytes

    def feed(self, data: bytes) -> bytes:
        """Returns what is to be passed on now."""
        data = self._held + self._without_repeated(data)
        end = data.rfind(b"\n") + 1
        if end:
            self._lines += data.count(b"\n")
            self._bytes = 0
        whole, self._held = data[:end], data[end:]
        early = len(self._held) if len(self._held) > MAX_HELD else self._held.rfind(b"\r") + 1
        self._bytes += early
        return whole + self._take(early)

    def finish(self) -> bytes:
        """Returns a last line without a newline."""
        last, self._held = self._held, b""
        self._bytes += len(last)
        return last

    def _take(self, size: int) -> bytes:
        taken, self._held = self._held[:size], self._held[size:]
        return taken

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
