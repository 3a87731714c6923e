"""All scenarios, in the order in which they are measured."""

from __future__ import annotations

from scenario import Scenario
from work import containers, first, flight, install, jobs, latency, processes, stream

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for module in (processes, stream, latency, first, install, flight, containers, jobs)
    for scenario in module.SCENARIOS
}
