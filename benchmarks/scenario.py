"""What a scenario is: one question, asked of several contenders at several sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Measured = Mapping[str, float]
"""A value for each metric."""


@dataclass(frozen=True)
class Scenario:
    """`measure(contender, size, quick)` is called in a process of its own, with one of the values of `contenders`.

    The others are compared to the first contender. `metrics` name what is measured, with its unit; `engine` is the one
    that has to answer. `quick` are the sizes of a smoke run, `at_most` the largest size that a contender is given.
    """

    name: str
    title: str
    size: str
    sizes: tuple[int, ...]
    quick: tuple[int, ...]
    rounds: int
    metrics: tuple[str, ...]
    contenders: Mapping[str, Any]
    measure: Callable[[Any, int, bool], Measured]
    engine: str = ""
    at_most: Mapping[str, int] = field(default_factory=dict)
    chart: str = "bars"
