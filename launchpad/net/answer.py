"""An HTTP/1.1 answer, taken apart as it comes: no reading, no waiting."""

from __future__ import annotations

LONGEST_HEAD = 64 * 1024


class BadResponse(Exception):
    """What came is no HTTP answer."""


class ResponseParser:
    """Fed with the bytes of one answer, it gives those of the body."""

    def __init__(self) -> None:
        self.status: int | None = None
        """None until the head is complete."""
        self.headers: dict[str, str] = {}
        """By their names in lowercase."""
        self.complete = False
        self._held = b""
        self._length: int | None = None  # bytes to come, of the body or of the chunk with its end; None: until the end
        self._chunked = False
        self._last_chunk = False

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body in `data`. BadResponse."""
        if self.status is None:
            head, end, data = (self._held + data).partition(b"\r\n\r\n")
            if not end:
                self._held = head
                if len(head) > LONGEST_HEAD:
                    raise BadResponse("its head does not end")
                return b""
            self._held = b""
            self._read_head(head)
        if self._chunked:
            return self._dechunked(data)
        if self._length is None:
            return data
        body, self._length = data[: self._length], max(0, self._length - len(data))
        self.complete = self._length == 0
        return body

    def finish(self) -> bool:
        """The connection was closed: whether that is the proper end of the answer."""
        self.complete = self.complete or (self.status is not None and not self._chunked and self._length is None)
        return self.complete

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(None, 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
            raise BadResponse("it does not speak HTTP")
        for line in lines:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        self.status = int(words[1])
        self._chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        length = self.headers.get("content-length", "")
        self._length = int(length) if length.isdigit() and not self._chunked else None

    def _dechunked(self, data: bytes) -> bytes:
        data, self._held = self._held + data, b""
        body: list[bytes] = []
        at = 0
        while at < len(data) and not self.complete:
            if self._length is None:
                end = data.find(b"\r\n", at)
                if end < 0:
                    break
                self._length = self._chunk_size(data[at:end])
                at = end + 2
                continue
            if self._length > 2:  # the last two bytes are the chunk's own end of line
                piece = data[at : at + self._length - 2]
                body.append(piece)
                self._length -= len(piece)
                at += len(piece)
            skipped = min(self._length, len(data) - at) if self._length <= 2 else 0
            self._length -= skipped
            at += skipped
            if self._length == 0:
                self._length, self.complete = None, self._last_chunk
        self._held = data[at:]
        return b"".join(body)

    def _chunk_size(self, line: bytes) -> int:
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            raise BadResponse("a chunk has no size") from None
        self._last_chunk = size == 0
        return size + 2
