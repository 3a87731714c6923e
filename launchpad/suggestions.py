"""Finds the known name that an unknown one was probably meant to be. Pure."""

from __future__ import annotations

from collections.abc import Iterable

LETTERS_PER_MISTAKE = 4
"""A name may have one mistake for each of these letters, and one in any case, unless it is a single letter."""

SHORTEST_PART = 3
"""Letters that a name needs to be taken for an abbreviation."""

_ABBREVIATED = 1.5
"""How far an abbreviation is from its name: farther than a name with one mistake."""


def closest(name: object, known: Iterable[str]) -> str | None:
    """The nearest of `known`, the first of several, None if none is near. Capitals and separators do not count.

    Near names differ by few wrong, missing, additional or exchanged letters, or one is short for the other.
    """
    written = _letters(str(name))
    allowed = max(len(written) > 1, len(written) // LETTERS_PER_MISTAKE)
    near = [(far, one) for one in known if (far := _distance(written, _letters(one), allowed)) is not None]
    return min(near, key=lambda one: one[0])[1] if near and written else None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing if no known name is near."""
    near = closest(name, known)
    return f" (did you mean {near!r}?)" if near else ""


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter not in "_-. ")


def _distance(written: str, known: str, allowed: int) -> float | None:
    """How far the names are from each other; None if that is more than `allowed` mistakes, and neither is short."""
    mistakes = _mistakes(written, known) if abs(len(written) - len(known)) <= allowed else allowed + 1
    if mistakes <= 1 or not _is_short(*sorted((written, known), key=len)):
        return mistakes if mistakes <= allowed else None
    return _ABBREVIATED


def _is_short(short: str, long: str) -> bool:
    """Whether they begin alike, or `short` has half of the letters in their order, with the first and the last."""
    if len(short) < SHORTEST_PART:
        return False
    rest = iter(long)
    ends = (short[0], short[-1]) == (long[0], long[-1])
    in_order = ends and 2 * len(short) >= len(long) and all(letter in rest for letter in short)
    return in_order or long.startswith(short[: max(SHORTEST_PART, -(-3 * len(short) // 4))])


def _mistakes(one: str, other: str) -> int:
    """The fewest letters to change, add, remove or exchange with the next one that make `one` the `other`."""
    before, row = [0], list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [i]
        for j, wanted in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and (letter, one[i - 2]) == (other[j - 2], wanted):
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]
