"""Listed runs as a table, and in JSON."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.screen import has_colors, is_terminal
from ..models import Listed, Outcome
from ..text import one_line
from .found import short_ids
from .tables import MAX_SHOWN_LABEL, UNBOUNDED_WIDTH

HEADINGS = ("id", "name", "launcher", "state", "started", "result")


def table(runs: Sequence[Listed]) -> list[str]:
    """The lines of a table with a header, and a row for each run."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    terminal = is_terminal(sys.stdout)
    for heading in HEADINGS:
        width = MAX_SHOWN_LABEL if terminal and heading == "name" else None
        shown.add_column(heading, overflow="ellipsis", no_wrap=True, max_width=width)
    for id, run in zip(short_ids(runs), runs, strict=True):
        words = [id, run.name, run.handle.type, run.state, _local(run.started_at)]
        shown.add_row(*(Text(one_line(word)) for word in words), _result(run.outcome))
    text = io.StringIO()
    colors = has_colors("stdout")
    width = None if terminal else UNBOUNDED_WIDTH
    console = Console(file=text, highlight=False, force_terminal=colors, no_color=not colors, width=width)
    console.print(shown)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def in_json(runs: Sequence[Listed]) -> list[str]:
    """A JSON list with the fields of each run; times are in ISO 8601."""
    return json.dumps([_facts(run) for run in runs], indent=2).splitlines()


def _facts(run: Listed) -> dict[str, Any]:
    facts = attrs.asdict(attrs.evolve(run, outcome=None), value_serializer=_plain)
    return facts | {"outcome": run.outcome and run.outcome.to_dict()}


def _plain(instance: object, field: object, value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _local(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _result(outcome: Outcome | None) -> Text:
    if outcome is None:
        return Text("")
    code = f" ({outcome.exit_code})" if outcome.exit_code else ""
    return Text(f"{outcome.reason}{code}", "green" if outcome.ok else "red")
