"""What the results must show, as a table that says what they do show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import results
from tables import csv_table


@dataclass(frozen=True)
class Target:
    """A contender's figure over that of another, or over its own at another size, is at least, or at most, `bound`.

    Without an `other`, it is the figure itself.
    """

    words: str
    scenario: str
    metric: str
    size: int
    bound: float
    other: tuple[str, int] | None = None
    contender: str = "launchpad"
    at_most: bool = False

    def measured(self, record: results.Record) -> float | None:
        figure = results.figure(record, self.metric, self.contender, str(self.size))
        if figure is None or self.other is None:
            return None if figure is None else figure.median
        return results.ratio(record, self.metric, (self.contender, str(self.size)), (self.other[0], str(self.other[1])))

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound


def _rates(words: str, scenario: str, bound: float, *sizes: int, other: str, **more: str) -> Iterator[Target]:
    for size in sizes:
        yield Target(f"{words}, {size} workers", scenario, "runs/s", size, bound, (other, size), **more)


TARGETS = (
    *_rates("Rate to bare Popen, output off", "processes", 0.9, 8, 64, other="bare Popen"),
    *_rates(
        "Rate to bare Popen, streamed",
        "processes-streamed",
        0.8,
        8,
        64,
        other="bare Popen, captured",
        contender="launchpad, whole lines",
    ),
    *_rates("Rate to parsl", "processes", 2.5, 8, other="parsl"),
    *_rates("Rate to PSI/J", "processes", 2.5, 8, other="PSI/J"),
    *_rates("Rate to submitit", "processes", 2.5, 8, other="submitit"),
    *_rates("Rate to xargs", "processes", 1.0, 8, other="xargs"),
    Target("MB for 1,000 local runs in flight", "flight", "MB", 1000, 100, at_most=True),
    Target(
        "Rate with 1,000 in flight to that with 100",
        "flight",
        "quick runs/s beside them",
        1000,
        0.85,
        ("launchpad", 100),
    ),
    *_rates("Containers, rate to bare docker-py", "containers", 0.98, 8, 32, other="docker-py, low level"),
    *(
        Target(
            f"Requests a container to {peer}", "container-requests", "requests a run", 8, 1.0, (peer, 8), at_most=True
        )
        for peer in ("docker-py, low level", "docker run by xargs")
    ),
    *(
        Target(
            f"{count} Jobs, rate to one watch by hand",
            "jobs",
            "Jobs/s",
            count,
            0.98,
            ("plain client, one watch", count),
        )
        for count in (24, 100)
    ),
    Target(
        "Requests a Job, 100 at once, to kubectl",
        "jobs",
        "requests a Job",
        100,
        1.0,
        ("kubectl by xargs", 100),
        at_most=True,
    ),
)


def page(folder: Path) -> str:
    rows = [["", "wanted", "measured", "reached"]]
    for target in TARGETS:
        record = results.load(target.scenario, folder)
        value = target.measured(record) if record else None
        sign = "at most" if target.at_most else "at least"
        told = ["not measured", ""] if value is None else [f"{value:.3g}", "yes" if target.met(value) else "no"]
        rows.append([target.words, f"{sign} {target.bound:g}", *told])
    return csv_table("What is wanted, and what is measured", rows)
