"""The report of a batch: a line for each failed run, optionally a JSON object for each run, and a table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.screen import to_screen
from ..live.text import one_line, why
from ..models import Outcome, Reason
from .batch_file import Item
from .messages import print_message
from .output_files import Log

SHOWN_NAMES = 3
"""Runs that the table names for each result."""


class Labels:
    """The labels of runs on the screen: their names, with their numbers if several have the same name."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._names = Counter(item.run.name for item in items)

    def __getitem__(self, item: Item) -> str:
        name = one_line(item.run.name)
        return name if self._names[item.run.name] == 1 else f"{name}#{item.number}"


class Report:
    """Reports the ends of a batch's runs. For the main thread only."""

    def __init__(self, labels: Labels, as_json: bool) -> None:
        self.launched = False
        """Whether any run was launched."""
        self.lost = False
        """Whether a JSON object or a run's output could not be written."""
        self._labels = labels
        self._as_json = as_json
        self._console = Console(stderr=True, highlight=False)
        self._counts: Counter[str] = Counter()
        self._named: dict[str, list[str]] = {}

    @property
    def all_ok(self) -> bool:
        """Whether all ended runs succeeded."""
        return set(self._counts) <= {Reason.COMPLETED.value}

    def ended(self, item: Item, outcome: Outcome, log: Path | None, quiet: bool) -> None:
        """Reports the end of a launched run; with `quiet`, without a line of its own."""
        self.launched = True
        self._report(item, outcome, log, quiet)

    def _report(self, item: Item, outcome: Outcome, log: Path | None, quiet: bool) -> None:
        self._count(item, outcome.reason.value)
        if not (outcome.ok or quiet):
            self._print_failure(item, why(outcome), log)
        self._print(item, attrs.asdict(outcome, value_serializer=_plain), log)

    def not_launched(self, item: Item, message: str, quiet: bool) -> None:
        """Reports a run that was not launched."""
        self._report(item, Outcome(ok=False, reason=Reason.NOT_LAUNCHED, message=message), None, quiet)

    def log_is_cut(self, item: Item, log: Log) -> None:
        """Reports that lines are missing from a run's file."""
        self.lost = True
        reason = log.error.strerror if log.error else ""
        print_message(f"{self._labels[item]}: output is missing from {log.path}: {reason}")

    def close(self) -> None:
        """Prints the table: how many runs had each result, and which."""
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
        if result != Reason.COMPLETED.value and len(named) < SHOWN_NAMES:
            named.append(self._labels[item])

    def _which(self, result: str) -> str:
        named = self._named[result]
        return ", ".join(named) + (", …" if 0 < len(named) < self._counts[result] else "")

    def _print_failure(self, item: Item, reason: str, log: Path | None) -> None:
        line = Text.assemble((self._labels[item], "bold"), ": ", (reason, "red"), f" [{log}]" if log else "")
        self._console.print(line, soft_wrap=True)

    def _print(self, item: Item, facts: dict[str, Any], log: Path | None) -> None:
        if not self._as_json:
            return
        run = {"number": item.number, "name": item.run.name, "id": item.run.id}
        try:
            to_screen("stdout", [json.dumps({**run, **facts, "log": log and str(log)})])
        except BrokenPipeError:
            pass  # the SIGPIPE that comes with it stops the batch
        except OSError as error:
            if not self.lost:
                print_message(f"the results cannot be written to standard output: {error.strerror}")
            self.lost = True


def _plain(instance: object, field: object, value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
