"""The text of YAML files as the parser reads it: limited in size, and searched for the marks of templates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import yaml

from .yamlnodes import TooLarge, expanded_size

MAX_ITEM = 8 * 1024 * 1024
"""Bytes that an item of a list may have."""

MAX_EXPANDED_ITEMS = 8 * 1024 * 1024
"""The size that all items of a list may have with all aliases written out, beside `MAX_EXPANSION` for each byte."""

MAX_EXPANSION = 64

_MORE = 256
"""Bytes that are read further where a part of the stream may end in the middle of an escape."""

_TEMPLATE_MARKS = ("{{", "{%", "{#")
_ESCAPED_PAIR = re.compile(rb"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


class Source:
    """A stream that notes the lines that have the marks of a template. It joins escapes that JSON writes in pairs.

    It limits the size of an item, and that of all items with their aliases written out.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.templates: list[int] = []
        self._stream = stream
        self._line = 1
        self._size = 0
        self._item_starts_at = 0
        self._expanded = 0

    def read(self, size: int = -1) -> bytes:
        data = self._whole_escapes(size)
        self._size += len(data)
        if self._size - self._item_starts_at > MAX_ITEM:
            raise TooLong(None, None, f"an item has more than {MAX_ITEM} bytes")
        data = _ESCAPED_PAIR.sub(_joined, data)
        self.templates += lines_of_templates(data.decode("latin-1"), self._line)
        self._line += data.count(b"\n")
        return data

    def _whole_escapes(self, size: int) -> bytes:
        """The next part of the stream, which does not end in the middle of a pair of escapes."""
        data = bytearray(self._stream.read(size))
        while b"\\" in data[-12:] and len(data) < MAX_ITEM and (more := self._stream.read(_MORE)):
            data += more
        return bytes(data)

    def check_item(self, root: yaml.Node) -> None:
        """Takes note of an item that has been read. TooLarge, also if all items together are."""
        self._item_starts_at = self._size
        self._expanded += expanded_size(root)
        if self._expanded > MAX_EXPANDED_ITEMS + MAX_EXPANSION * self._size:
            raise TooLarge(root, "the items up to here are too large with all aliases (*) written out")


class TooLong(yaml.MarkedYAMLError):
    """A stream has more bytes than one item may have."""


def lines_of_templates(text: str, first: int) -> list[int]:
    """The lines that have the marks of a template; `first` is the number of the first line."""
    if not any(mark in text for mark in _TEMPLATE_MARKS):
        return []
    lines = enumerate(text.split("\n"), first)
    return [number for number, line in lines if any(mark in line for mark in _TEMPLATE_MARKS)]


def _joined(pair: re.Match[bytes]) -> bytes:
    """A character that JSON writes as two escapes, as the one escape that YAML has for it."""
    character = bytes.fromhex((pair[2] + pair[3]).decode()).decode("utf-16-be")
    return pair[1] + b"\\U%08x" % ord(character)


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream. One that is longer than an item may be is cut, and is the last."""
    while line := stream.readline(MAX_ITEM + 1):
        yield line
        if len(line) > MAX_ITEM:
            return
