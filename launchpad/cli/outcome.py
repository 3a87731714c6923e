"""Prints outcomes: as JSON, and the last lines of a run that failed."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..core.screen import to_screen
from ..models import Outcome
from ..text import in_json
from .messages import print_message


def tail_lines(tail: Iterable[str]) -> list[str]:
    """The last lines of a run, as they stand below the report of its failure."""
    return [f"  | {line}" for line in tail]


def print_json(outcome: Outcome) -> bool:
    """Prints an outcome to stdout as a JSON object in one line; False, with a message, if that is not possible."""
    try:
        to_screen("stdout", [in_json(json.dumps(outcome.to_dict()))])
    except OSError as error:
        print_message(f"the outcome cannot be written to standard output: {error.strerror}")
        return False
    return True
