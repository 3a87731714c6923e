"""The scenarios, a file for each subject, in the order in which they are measured."""

from __future__ import annotations

from . import batches, containers, detached, first, flight, install, jobs, latency, many, processes, stream, values
from .scenario import Scenario

MODULES = (processes, stream, latency, values, batches, detached, first, install, flight, containers, jobs, many)

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for module in (
        processes,
        batches,
        detached,
        values,
        stream,
        latency,
        first,
        install,
        flight,
        containers,
        jobs,
        many,
    )
    for scenario in module.SCENARIOS
}
