"""The last lines of a run's output."""

from __future__ import annotations

import pytest

from launchpad.core.tail import MAX_LINES, MAX_SIZE, Tail


def tail_of(*batches: list[str]) -> tuple[str, ...]:
    tail = Tail()
    for lines in batches:
        tail.add(lines)
    return tail.lines()


def test_it_has_the_last_lines_in_order() -> None:
    lines = [str(number) for number in range(100)]
    assert tail_of(lines) == tail_of(lines[:95], lines[95:]) == tail_of(*([line] for line in lines))
    assert tail_of(lines) == tuple(lines[-MAX_LINES:])
    assert tail_of(["a"], [""]) == ("a", "")


@pytest.mark.parametrize("character", ["x", "ü", "🦀", "\x1b"])
def test_it_has_no_more_bytes_than_allowed_but_always_the_end(character: str) -> None:
    long = tail_of(["first", "a" * 10 + character * 20_000 + "b"])
    assert len(long) == 1
    assert long[0].startswith("…")
    assert long[0].endswith("b")
    assert MAX_SIZE - 8 <= len(long[0].encode()) + 1 <= MAX_SIZE
    several = tail_of([character * 1000] * MAX_LINES)
    assert 0 < sum(len(line.encode()) + 1 for line in several) <= MAX_SIZE


def test_what_it_keeps_is_bounded_for_lines_of_any_length() -> None:
    tail = Tail()
    tail.add(["x" * 1_000_000] * 100)
    assert sum(map(len, tail._lines)) <= MAX_LINES * (MAX_SIZE + 1)


def test_a_line_is_shown_as_a_terminal_shows_it_without_control_characters() -> None:
    assert tail_of(["10%\r50%\r100%", "a\r", "\x1b[31mred\x1b[0m", "a\tb", "\u202eevil"]) == (
        "100%",
        "a",
        "\\x1b[31mred\\x1b[0m",
        "a       b",
        "\\u202eevil",
    )
