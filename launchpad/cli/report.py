"""What is told of a batch: a line for each run that failed, a JSON object for each run if asked for, and a table."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..live.text import NOT_LAUNCHED, one_line, why
from ..models import Outcome, Reason
from .batch_file import Item
from .messages import tell

NAMED = 3
"""How many runs of each result the table names."""

_NO_OUTCOME: dict[str, Any] = {
    "ok": False,
    "exit_code": None,
    "reason": NOT_LAUNCHED,
    "message": "",
    "hint": "",
    "handle": None,
    "started_at": None,
    "ended_at": None,
}


class Labels:
    """What runs are called on the screen: their names, and their numbers too where several have one name."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._names = Counter(item.run.name for item in items)

    def __getitem__(self, item: Item) -> str:
        name = one_line(item.run.name)
        return name if self._names[item.run.name] == 1 else f"{name}#{item.number}"


class Report:
    """Takes the ends of a batch's runs, in the main thread, and tells of them."""

    def __init__(self, labels: Labels, as_json: bool) -> None:
        self.launched = False
        """Whether any run was."""
        self.lost = False
        """Whether an object for a run could not be written."""
        self._labels = labels
        self._as_json = as_json
        self._console = Console(stderr=True, highlight=False)
        self._counts: Counter[str] = Counter()
        self._named: dict[str, list[str]] = {}

    @property
    def all_ok(self) -> bool:
        """Whether all that have ended succeeded."""
        return set(self._counts) <= {Reason.COMPLETED.value}

    def ended(self, item: Item, outcome: Outcome, log: Path | None, quietly: bool) -> None:
        """Tells of the end of a run that was launched; `quietly`, not by a line of its own."""
        self.launched = True
        self._count(item, outcome.reason.value)
        if not (outcome.ok or quietly):
            self._tell_failure(item, why(outcome), log)
        self._print(item, attrs.asdict(outcome, value_serializer=_plain), log)

    def not_launched(self, item: Item, message: str, quietly: bool) -> None:
        """Tells of a run that never was, and why."""
        self._count(item, NOT_LAUNCHED)
        if not quietly:
            self._tell_failure(item, f"{NOT_LAUNCHED}: {one_line(message)}", None)
        self._print(item, {**_NO_OUTCOME, "message": message}, None)

    def close(self) -> None:
        """Shows how many runs had each result, and which."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("result")
        table.add_column("runs", justify="right")
        table.add_column("which", overflow="ellipsis", no_wrap=True)
        for result, count in self._counts.most_common():
            style = "green" if result == Reason.COMPLETED.value else "red"
            table.add_row(Text(result, style), str(count), Text(self._which(result)))
        self._console.print(table)

    def _count(self, item: Item, result: str) -> None:
        self._counts[result] += 1
        named = self._named.setdefault(result, [])
        if result != Reason.COMPLETED.value and len(named) < NAMED:
            named.append(self._labels[item])

    def _which(self, result: str) -> str:
        named = self._named[result]
        return ", ".join(named) + (", …" if 0 < len(named) < self._counts[result] else "")

    def _tell_failure(self, item: Item, reason: str, log: Path | None) -> None:
        line = Text.assemble((self._labels[item], "bold"), ": ", (reason, "red"), f" [{log}]" if log else "")
        self._console.print(line, soft_wrap=True)

    def _print(self, item: Item, facts: dict[str, Any], log: Path | None) -> None:
        if not self._as_json:
            return
        run = {"number": item.number, "name": item.run.name, "id": item.run.id}
        try:
            sys.stdout.write(json.dumps({**run, **facts, "log": log and str(log)}) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            pass  # the signal that comes with it stops the batch
        except OSError as error:
            if not self.lost:
                tell(f"the results cannot be written to standard output: {error.strerror}")
            self.lost = True


def _plain(instance: object, field: object, value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
