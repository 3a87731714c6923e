"""The words for counts. Pure."""

from __future__ import annotations

from .tally import Counts
from .text import duration, one_line


def rate(counts: Counts) -> str:
    """Ends per second, or per minute if that is below one."""
    if counts.rate is None:
        return ""
    return f"{counts.rate:.1f}/s" if counts.rate >= 1 else f"{counts.rate * 60:.1f}/min"


def pending(counts: Counts) -> str:
    """How many runs wait on their engine, and why: `12 pending: 9 unschedulable, 3 pulling`."""
    if not counts.pending:
        return ""
    reasons = ", ".join(f"{waits.runs} {one_line(reason)}" for reason, waits in counts.pending.items())
    return f"{sum(waits.runs for waits in counts.pending.values())} pending: {reasons}"


def retries(counts: Counts) -> str:
    """How many attempts there were beyond the first one of each run."""
    return f"{counts.retries} {'retry' if counts.retries == 1 else 'retries'}" if counts.retries else ""


def status(counts: Counts) -> str:
    """The counts at one moment, for a line of a log."""
    parts = [
        f"{counts.ended} of {counts.total} runs have ended",
        f"{counts.failed} failed",
        f"{counts.cancelled} cancelled" if counts.cancelled else "",
        pending(counts),
        retries(counts),
        rate(counts),
        counts.note,
    ]
    return ", ".join(filter(None, parts))


def summary_parts(counts: Counts) -> list[tuple[str, str]]:
    """The parts of the final line, each with its style."""
    states = [
        (f"{counts.succeeded} succeeded", "green") if counts.succeeded else None,
        (f"{counts.failed} failed", "red") if counts.failed else None,
        (f"{counts.cancelled} cancelled", "yellow") if counts.cancelled else None,
        (f"{counts.running} still running", "cyan") if counts.running else None,
        (f"{counts.queued} still queued", "") if counts.queued else None,
        (retries(counts), "yellow") if counts.retries else None,
    ]
    parts = [(f"{counts.total} {'run' if counts.total == 1 else 'runs'}: ", "")]
    for state in filter(None, states):
        parts += [state, (", ", "")]
    if len(parts) > 1:
        parts.pop()
    pace = ", ".join(filter(None, [duration(counts.seconds), rate(counts)]))
    return [*parts, (f" in {pace}", "")]


def summary(counts: Counts) -> str:
    """The final line."""
    return "".join(text for text, _ in summary_parts(counts))
