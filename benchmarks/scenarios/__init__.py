"""The scenarios, a file for each question, in the order in which they are measured."""

from __future__ import annotations

from . import containers, first, flight, install, jobs, latency, many, processes, stream, values
from .scenario import Scenario

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for module in (processes, stream, latency, values, first, install, flight, containers, jobs, many)
    for scenario in module.SCENARIOS
}
