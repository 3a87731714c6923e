"""Durations on the command line: a number of seconds, or a number with the unit s, m or h."""

from __future__ import annotations

import click

_SECONDS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> float:
    """The seconds in `90`, `30s`, `5m` or `2h`. ValueError for other text."""
    unit = text[-1:]
    return float(text[:-1]) * _SECONDS[unit] if unit in _SECONDS else float(text)


def of_option(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """The callback of an option that takes a duration."""
    try:
        return None if value is None else seconds(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is not a duration: give seconds, or a number with a unit, as in 30s, 5m or 2h"
        ) from None
