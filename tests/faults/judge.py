"""Compares what was seen of the runs of a row with what the row expects."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from .row import Expect


@attrs.define
class Verdict:
    """Counts of one or more plays of a row."""

    runs: int = 0
    wrong: int = 0
    lines: int = 0
    """Lines that were lost, repeated or out of order."""

    left: int = 0
    details: list[str] = attrs.field(factory=list)

    def add(self, other: Verdict) -> None:
        self.runs += other.runs
        self.wrong += other.wrong
        self.lines += other.lines
        self.left += other.left
        self.details += other.details


def judge(
    expect: Expect,
    results: Sequence[Mapping[str, Any] | None],
    lines: Sequence[Sequence[str]],
    total: int,
    left: Sequence[str],
) -> Verdict:
    """The verdict on one play. `results`: None for a run without a result. `total`: how many lines a run writes."""
    verdict = Verdict(runs=len(results), left=len(left), details=[f"left behind: {one}" for one in left])
    for number, (result, got) in enumerate(zip(results, lines, strict=True)):
        why = _wrong_result(expect, result)
        if why:
            verdict.wrong += 1
            verdict.details.append(f"run {number}: {why}")
        if count := wrong_lines(expect, result or {}, got, total):
            verdict.lines += count
            verdict.details.append(f"run {number}: {count} lines lost or repeated: {_abridged(got)}")
    return verdict


def _wrong_result(expect: Expect, result: Mapping[str, Any] | None) -> str:
    """Why a result is not the expected one; empty if it is."""
    if not expect.reasons and not expect.errors:
        return ""
    if result is None:
        return "no result in time"
    if error := result.get("error"):
        known = any(
            error == name.partition(": ")[0] and name.partition(": ")[2] in result["said"] for name in expect.errors
        )
        return "" if known else f"{error}: {result['said']}"
    if result.get("reason") not in expect.reasons or (expect.codes and result.get("exit_code") not in expect.codes):
        return f"{result.get('reason')}, exit code {result.get('exit_code')}: {result['said']}"
    return "" if expect.said in result["said"] else f"{expect.said!r} is not in {result['said']!r}"


def wrong_lines(expect: Expect, result: Mapping[str, Any], got: Sequence[str], total: int) -> int:
    """How many lines are lost, repeated or out of order."""
    if expect.lines == "unknown" or result.get("error"):
        return 0
    numbers = [int(line.removeprefix("line ")) for line in got if line.startswith("line ")]
    repeated = len(numbers) - len(set(numbers))
    disordered = sum(after < before for before, after in itertools.pairwise(numbers))
    whole = total if expect.lines in ("all", "marked") else max(numbers, default=-1) + 1
    lost = len(set(range(whole)) - set(numbers))
    if expect.lines == "marked" and result.get("complete") is False:
        lost = 0
    return repeated + disordered + lost + (len(got) - len(numbers))


def _abridged(lines: Sequence[str]) -> str:
    return ", ".join(lines if len(lines) <= 60 else [*lines[:20], "…", *lines[-20:]])
