"""`Scenario`: one question, measured for several contenders at several sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Measured = Mapping[str, float]
"""A value for each metric."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`measure(contender, size, quick)` runs in its own process, with one of the values of `contenders`.

    The first contender is the baseline of all ratios. `metrics` are names of measured values, with the unit; `engine`
    is the engine that must answer. A quick run measures `quick_sizes`. `largest` limits the size for a contender.
    """

    name: str
    title: str
    size: str
    """What a size counts: workers, Jobs, …"""
    sizes: tuple[int, ...] = (1,)
    quick_sizes: tuple[int, ...] = (1,)
    rounds: int
    metrics: tuple[str, ...]
    contenders: Mapping[str, Any]
    measure: Callable[[Any, int, bool], Measured]
    engine: str = ""
    largest: Mapping[str, int] = field(default_factory=dict)
    chart: str = "bars"
