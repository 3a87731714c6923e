"""Text of others, such as names, labels and the words of engines, made safe for a terminal. Pure functions."""

from __future__ import annotations

import re
from itertools import groupby

_JOINERS = "\u200c\u200d"  # not printable alone, but part of Persian words and of emoji
_LINE_ENDS = re.compile(r"\s*[\t-\r\x1c-\x1e\x85\u2028\u2029]\s*")
_LONGEST_QUOTE = 80


def one_line(text: str) -> str:
    """`text` in one line: white space is collapsed, control and direction characters are escaped."""
    words = " ".join(text.split())
    return words if words.isprintable() else escaped(words)


def escaped(text: str) -> str:
    """`text` with its control and direction characters, line ends included, as escapes such as `\\x1b`."""
    return text if text.isprintable() else "".join(map(_shown, text))


def printable(text: str) -> str:
    """`text` in one line, as an engine's words are shown: a space for each line end, and `escaped`."""
    return text if text.isprintable() else escaped(_LINE_ENDS.sub(" ", text))


def quoted(text: str) -> str:
    """`text` in quotes, as in error messages: on one line, and shortened if it is long."""
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…")


def shell_word(text: str) -> str:
    """`text` as a word for `sh`, in which `printf` writes the characters that a terminal would act on."""
    import shlex  # only previews need it

    if _is_safe(text):
        return shlex.quote(text)
    pieces = ["".join(group) for _, group in groupby(text, _is_safe)]
    return "".join(shlex.quote(piece) if _is_safe(piece) else _by_printf(piece) for piece in pieces)


def in_json(text: str) -> str:
    """JSON in which the characters are escaped that a terminal would act on; they can only be in its strings."""
    import json  # as above

    return text if _is_safe(text) else "".join(char if _is_safe(char) else json.dumps(char)[1:-1] for char in text)


def _is_safe(text: str) -> bool:
    """Whether a terminal prints `text`, line ends aside."""
    return text.replace("\n", "").isprintable()


def _by_printf(text: str) -> str:
    octal = "".join(f"\\{byte:03o}" for byte in text.encode("utf-8", "surrogateescape"))
    return f"\"$(printf '{octal}')\""


def _shown(char: str) -> str:
    return char if char.isprintable() or char in _JOINERS else char.encode("unicode_escape").decode()
