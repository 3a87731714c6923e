"""The report of a batch: a line for each failed run, optionally a JSON object for each run, and tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
from rich.console import RenderableType
from rich.text import Text

from ..core.delivery import DeliveryAbandoned
from ..core.output_files import Log
from ..core.screen import is_writable, to_screen, to_stderr
from ..future import LaunchFuture
from ..live.text import why
from ..models import Outcome, Reason
from ..text import one_line
from .batch_file import Item
from .messages import print_message
from .outcome import tail_lines
from .tables import Failed, console, failures_table, results_table

_ATTEMPT_FACTS = ("attempt", "reason", "exit_code", "message", "started_at", "ended_at", "seconds")
"""What JSON says of each attempt of a run."""

CANCELLED = "cancelled"
"""The result of a run that was cancelled before it was started."""


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
        """Whether results or a run's output could not be written."""
        self._labels = labels
        self.as_json = as_json
        self._console = console()
        self._counts: Counter[str] = Counter()  # by result
        self._retries: Counter[str] = Counter()  # the attempts beyond the first ones, by result
        self._names: dict[str, list[str]] = {}  # of runs that did not succeed, by result
        self._failed: list[Failed] = []
        self._unsaid: list[str] = []  # lines for stderr, which took none before

    @property
    def all_ok(self) -> bool:
        """Whether all ended runs succeeded."""
        return not self._names

    @property
    def failures(self) -> int:
        """How many runs have failed. Those that were stopped or cancelled are not among them."""
        return len(self._failed)

    def succeeded_before(self, count: int) -> None:
        """Reports runs that a journal has as succeeded."""
        self.launched = True
        self._counts[Reason.COMPLETED.value] += count

    def ended(self, item: Item, future: LaunchFuture, log: Path | None = None, quiet: bool = True) -> None:
        """Reports the end of a run; with `quiet`, without a line of its own."""
        outcome = _outcome(future)
        self.launched = self.launched or future.handle is not None
        stopped = future.cancelled() and outcome.reason is Reason.STOPPED
        result = CANCELLED if stopped and future.handle is None else outcome.reason.value
        attempts = future.attempts
        self._counts[result] += 1
        self._retries[result] += max(0, len(attempts) - 1)
        if not outcome.ok:
            self._names.setdefault(result, []).append(self._labels[item])
        if not (outcome.ok or quiet):
            self._print_failure(item, outcome, log)
        if not (outcome.ok or stopped):
            self._failed.append(Failed(self._labels[item], item.run, outcome, log, len(attempts)))
        if self.as_json:
            state = "succeeded" if outcome.ok else "cancelled" if stopped else "failed"
            self._write([json.dumps(_facts(item, outcome, attempts) | {"state": state, "log": log and str(log)})])

    def log_is_cut(self, item: Item, log: Log) -> None:
        """Reports that lines are missing from a run's file."""
        self.lost = True
        reason = log.error.strerror if log.error else ""
        print_message(f"{self._labels[item]}: output is missing from {log.path}: {reason}")

    def close(self, failed: bool = False) -> None:
        """Prints the tables and, with `failed`, the name of each run that did not succeed to stdout."""
        if self._failed:
            self._render(failures_table(self._failed))
        self._render(results_table(self._counts, self._names, self._retries))
        self._say()
        if failed:
            self._write([name for names in self._names.values() for name in names])

    def _print_failure(self, item: Item, outcome: Outcome, log: Path | None) -> None:
        line = Text.assemble((self._labels[item], "bold"), ": ", (why(outcome), "red"), f" [{log}]" if log else "")
        self._render(line, soft_wrap=True)
        if log is not None:  # else its output is on the screen already
            self._unsaid += tail_lines(outcome.tail)
        if is_writable("stderr"):  # the ends of other runs must not wait for its reader
            self._say()

    def _render(self, what: RenderableType, *, soft_wrap: bool = False) -> None:
        """Adds a text or a table to the lines for stderr."""
        with self._console.capture() as captured:
            self._console.print(what, soft_wrap=soft_wrap)
        self._unsaid += captured.get().splitlines()

    def _say(self) -> None:
        """Prints the lines for stderr; none if it is closed, its reader is gone, or takes nothing after a signal."""
        lines, self._unsaid = self._unsaid, []
        with suppress(OSError, ValueError, DeliveryAbandoned):
            to_stderr(lines)

    def _write(self, lines: list[str]) -> None:
        """Prints results to stdout."""
        try:
            if lines:
                to_screen("stdout", lines)
        except BrokenPipeError:
            pass  # the SIGPIPE that comes with it stops the batch
        except DeliveryAbandoned:
            self.lost = True
        except OSError as error:
            if not self.lost:
                print_message(f"the results cannot be written to standard output: {error.strerror}")
            self.lost = True


def _outcome(future: LaunchFuture) -> Outcome:
    """How a run ended. The message about one that was not launched is the text of its error, if that is for users."""
    outcome = future.outcome
    assert outcome is not None  # it is done
    error = None if future.cancelled() or future.handle is not None else future.exception()
    return attrs.evolve(outcome, message=str(error)) if isinstance(error, ValueError | OSError) else outcome


def _facts(item: Item, outcome: Outcome, attempts: Iterable[Outcome]) -> dict[str, Any]:
    """What JSON says of a run: no value of env or of a parameter."""
    run = attrs.asdict(item.run, filter=attrs.filters.exclude("env", "parameters", "stdin"), recurse=False)
    return {
        "number": item.number,
        **run,
        "parameters": list(item.run.parameters),
        **outcome.to_dict(),
        "attempts": [_attempt_facts(attempt) for attempt in attempts],
    }


def _attempt_facts(outcome: Outcome) -> dict[str, Any]:
    facts = outcome.to_dict()
    return {key: facts[key] for key in _ATTEMPT_FACTS}
