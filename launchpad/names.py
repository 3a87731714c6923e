"""Names for engines: slugs by each engine's rules, and what to try when a name is taken."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

NUMBERED = 3
"""How many plain candidates (`name`, `name-1`, `name-2`) come before the random ones."""

RANDOM = 5
"""How many candidates with a random suffix come then. After that, giving up is the better answer."""

_SUFFIX = 9  # "-" and eight hexadecimal digits


def slug(text: str, *, allowed: str, longest: int, lowercase: bool = False) -> str:
    """`text` transliterated to ASCII, with every run of characters outside the class `allowed` turned into one "-".

    At most `longest` characters; leading and trailing "_", "-" and "." are stripped. It may be empty.
    """
    from slugify import slugify  # takes 20 ms to import: on first use

    plain = slugify(text, lowercase=lowercase, regex_pattern=f"[^{allowed}]+")
    return re.sub(r"-{2,}", "-", plain)[:longest].strip("_-.")


def candidates(name: str, longest: int) -> Iterator[str]:
    """`name`, then `name-1` and `name-2`, then some with a random suffix; none longer than `longest`."""
    yield name[:longest]
    for number in range(1, NUMBERED):
        yield f"{name[: longest - 2]}-{number}"
    for _ in range(RANDOM):
        yield f"{name[: longest - _SUFFIX]}-{uuid.uuid4().hex[: _SUFFIX - 1]}"
