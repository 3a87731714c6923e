"""The runs of a batch from a file with a command a line."""

from __future__ import annotations

import codecs
import re
import shlex
from collections.abc import Iterable, Iterator

from ..yamlfile import Document
from ..yamlnodes import Fault

MAX_LINE = 1024 * 1024
"""Characters that a command may have. No system takes a longer one."""

_BEFORE_COMMENT = re.compile(r"""(?:\\.\#*|'[^']*'\#*|"(?:\\.|[^"\\])*"\#*|[^\s'"\\#][^\s'"\\]*|\s+)*""", re.DOTALL)
"""The words of a line, up to a # at the beginning of a word, or up to a quote that is not closed."""

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./ \t-]*")
"""A line without quotes, backslashes and comments: shlex would take ten times as long for the same words."""

_WRONG = {
    "No closing quotation": "a quote is not closed",
    "No escaped character": "a backslash is the last character: a command must be in one line",
}


def documents(lines: Iterable[bytes], file: str) -> Iterator[Document]:
    """A document for each line that has a command."""
    for number, raw in enumerate(lines, start=1):
        line = raw.removeprefix(codecs.BOM_UTF8 if number == 1 else b"").decode("utf-8", "surrogateescape")
        faults: list[Fault] = []
        try:
            words = _words(line.rstrip("\r\n"))
        except ValueError as error:
            words, faults = [], [(_WRONG.get(str(error), str(error)), ())]
        if words or faults:
            yield Document(file, {"command": words}, {(): number}, faults)


def _words(line: str) -> list[str]:
    """The words of a line as a shell splits them, without its comment."""
    if len(line) > MAX_LINE:
        raise ValueError(f"the line has more than {MAX_LINE} characters")
    if _PLAIN.fullmatch(line):
        return line.split()
    match = _BEFORE_COMMENT.match(line)
    end = match.end() if match else 0
    return shlex.split(line[:end] if line[end:].startswith("#") else line)
