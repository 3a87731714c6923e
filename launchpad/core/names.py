"""Names for engines: slugs by each engine's rules, and alternatives for a name that is taken."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from ..ids import new_id

NUMBERED = 3
"""The number of candidates without a random suffix: `name`, `name-1`, `name-2`."""

RANDOM = 5
"""The number of candidates with a random suffix that follow."""


def slug(text: str, *, allowed: str, longest: int, lowercase: bool = False, trailing: str = "_-.") -> str:
    """`text` transliterated to ASCII, with each sequence of characters outside the class `allowed` replaced by one "-".

    At most `longest` characters; the first is none of "_-.", the last none of `trailing`. It may be empty.
    """
    from slugify import slugify  # takes 20 ms to import: on first use

    plain = slugify(
        text, lowercase=lowercase, regex_pattern=f"[^{allowed}]+", entities=False, decimal=False, hexadecimal=False
    )
    return plain.lstrip("_-.")[:longest].rstrip(trailing)


def of_attempt(name: str, attempt: str, longest: int) -> str:
    """The name of an attempt of a run called `name`: that of the first is the run's own."""
    return name if attempt == "1" else _suffixed(name, f"-attempt-{attempt}", longest)


def candidates(name: str, longest: int) -> Iterator[str]:
    """`name`, then `name-1` and `name-2`, then some with a random suffix; no duplicates, none longer than `longest`."""
    numbers = (f"-{number}" for number in range(1, NUMBERED))
    random = (f"-{new_id()[:8]}" for _ in range(RANDOM))
    seen = set()
    for suffix in itertools.chain([""], numbers, random):
        candidate = _suffixed(name, suffix, longest)
        if candidate not in seen:
            seen.add(candidate)
            yield candidate


def _suffixed(name: str, suffix: str, longest: int) -> str:
    whole = name + suffix
    return whole if len(whole) <= longest else name[: longest - len(suffix)].rstrip("_-.") + suffix
