"""The targets of launchpad's performance, and a table of what the results show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import results
from tables import csv_table


@dataclass(frozen=True, kw_only=True)
class Target:
    """A bound for the ratio of a contender's value to that of `other`, which is a contender at a size.

    Without `other`, a bound for the value itself.
    """

    title: str
    scenario: str
    metric: str
    size: int
    at_least: float | None = None
    at_most: float | None = None
    other: tuple[str, int] | None = None
    contender: str = "launchpad"

    def measured(self, record: results.Record) -> float | None:
        figure = results.figure(record, self.metric, self.contender, str(self.size))
        if figure is None or self.other is None:
            return None if figure is None else figure.median
        return results.ratio(record, self.metric, (self.contender, str(self.size)), (self.other[0], str(self.other[1])))

    def reached(self, value: float) -> bool:
        if self.at_most is not None:
            return value <= self.at_most
        return self.at_least is not None and value >= self.at_least

    @property
    def bound(self) -> str:
        return f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"


def _rates(title: str, scenario: str, *sizes: int, other: str, metric: str = "runs/s", **more: Any) -> Iterator[Target]:
    """A target for the ratio of rates at each size."""
    for size in sizes:
        yield Target(title=title.format(size), scenario=scenario, metric=metric, size=size, other=(other, size), **more)


DOCKER_PY, ONE_WATCH = "docker-py, low level", "plain client, one watch"

TARGETS = (
    *_rates("Rate to bare Popen, output off, {} workers", "processes", 8, 64, other="bare Popen", at_least=0.88),
    *_rates(
        "Rate to bare Popen, own environments, {} workers",
        "processes",
        8,
        64,
        other="bare Popen, own environments",
        at_least=0.88,
    ),
    *_rates(
        "Rate to bare Popen, streamed, {} workers",
        "processes-streamed",
        8,
        64,
        other="bare Popen, captured",
        contender="launchpad, whole lines",
        at_least=0.8,
    ),
    *_rates("Rate to parsl, {} workers", "processes", 8, other="parsl", at_least=2.5),
    *_rates("Rate to PSI/J, {} workers", "processes", 8, other="PSI/J", at_least=2.5),
    *_rates("Rate to submitit, {} workers", "processes", 8, other="submitit", at_least=2.5),
    *_rates("Rate to xargs, {} workers", "processes", 8, other="xargs", at_least=1.0),
    Target(
        title="launchpad run, ms more than an empty Python",
        scenario="first-command",
        metric="ms more than an empty Python",
        size=1,
        at_most=80,
    ),
    Target(
        title="CPU ms of a local call for its value",
        scenario="values",
        metric="of it for the value",
        size=1,
        at_most=0.5,
    ),
    Target(title="MB for 1,000 local runs in flight", scenario="flight", metric="MB", size=1000, at_most=100),
    Target(
        title="Rate with 1,000 in flight to that with 100",
        scenario="flight",
        metric="quick runs/s beside them",
        size=1000,
        other=("launchpad", 100),
        at_least=0.85,
    ),
    *_rates("Containers, rate to bare docker-py, {} workers", "containers", 8, 32, other=DOCKER_PY, at_least=0.98),
    *(
        Target(
            title=f"Requests a container to {peer}",
            scenario="container-requests",
            metric="requests a run",
            size=8,
            other=(peer, 8),
            at_most=1.0,
        )
        for peer in (DOCKER_PY, "docker run by xargs")
    ),
    *_rates("{} Jobs, rate to one watch by hand", "jobs", 24, 100, other=ONE_WATCH, metric="Jobs/s", at_least=0.98),
    Target(
        title="Requests a Job, 100 at once, to kubectl",
        scenario="jobs",
        metric="requests a Job",
        size=100,
        other=("kubectl by xargs", 100),
        at_most=1.0,
    ),
    *(
        Target(
            title=f"Requests a Job, 1,000 that end together, pods {late} s late",
            scenario="many-jobs",
            metric="requests a Job",
            size=1000,
            contender=f"launchpad, pods {late} s late",
            at_most=1.1,
        )
        for late in (3, 10)
    ),
)


def page(directory: Path) -> str:
    rows = [["", "target", "measured", "reached"]]
    for target in TARGETS:
        record = results.load(target.scenario, directory)
        value = target.measured(record) if record else None
        cells = ["not measured", ""] if value is None else [f"{value:.3g}", "yes" if target.reached(value) else "no"]
        rows.append([target.title, target.bound, *cells])
    return csv_table("Targets and measurements", rows)
