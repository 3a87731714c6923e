"""Reads the output of a run from its unit, for those that only look."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from .backend import Chunk, Exit, Unit
from .pending import Pending


def output_of(unit: Unit, *, follow: bool) -> Generator[Chunk, None, None]:
    """The output until the end of the run, or without `follow` what one poll returns. Closes the unit."""
    with closing(unit):
        while True:
            for event in unit.poll(None if follow else 0):
                if isinstance(event, Exit):
                    return
                if not isinstance(event, Pending):
                    yield event
            if not follow:
                return
