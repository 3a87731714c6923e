"""A row of the matrix: one fault of one engine, and what is expected of runs that meet it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

import attrs

from .plan import Plan, counting

if TYPE_CHECKING:
    from .scene import Scene

Engine = Literal["local", "Docker", "Kubernetes"]

Lines = Literal["all", "marked", "beginning", "first", "unknown"]
"""Which lines of a run arrive, each once and in order:

- `all`: every line
- `marked`: every line, or `output_complete` is False
- `beginning`: those written before the end; no gap
- `first`: those delivered before the callback blocked
- `unknown`: lines are not compared
"""

LINES: Mapping[Lines, str] = {
    "all": "every line",
    "marked": "every line, or ``output_complete`` is False",
    "beginning": "every line up to the end",
    "first": "the lines delivered before",
    "unknown": "",
}


@attrs.frozen
class Expect:
    """What a run must come to: one of `reasons` with one of `codes`, or one of `errors`."""

    reasons: tuple[str, ...] = ("FAILED",)
    codes: tuple[int | None, ...] = (3,)
    """The permitted exit codes; empty: any."""

    lines: Lines = "all"
    errors: tuple[str, ...] = ()
    """Permitted errors, each a class and, after a colon, words of its message."""

    said: str = ""
    """Words of the message or the hint."""

    def __str__(self) -> str:
        if not self.reasons and not self.errors:
            return "gone with the launching process"
        codes = " or ".join(str(code) for code in self.codes if code is not None)
        reasons = " or ".join(f"``{reason}``" for reason in self.reasons)
        ends = [f"{reasons}, exit code {codes}" if codes else reasons] if reasons else []
        ends += [f"``{error.partition(': ')[0]}``" for error in self.errors]
        return "; ".join(filter(None, [" or ".join(ends), LINES[self.lines]]))


TRUE_RESULT = Expect()
"""The run ends as if nothing had happened."""

STOPPED = Expect(("STOPPED",), (), "beginning")
TIMED_OUT = Expect(("TIMED_OUT",), (), "beginning")
GONE = Expect((), (), "unknown")
"""The run is stopped, and no process is left that could report it."""


@attrs.frozen(kw_only=True)
class Row:
    kind: str
    """The section of the page."""

    when: str
    """The fault, as the page names it. Unique together with the engine."""

    engine: Engine
    fault: Callable[[Scene], None]
    """Causes the fault, from outside, when every run has written the line `until`."""

    before: Callable[[Scene], None] | None = None
    """What is made on the engine before the runs; it is undone by `scene.stack`."""

    expect: Expect = TRUE_RESULT
    plan: Plan = attrs.field()
    """By default runs of 3 s if they are expected to end on their own, and otherwise of 100 s or more."""

    until: str | None = "line 5"
    """None: the fault begins before the runs."""

    settings: Mapping[str, object] = attrs.field(factory=dict)
    clock: bool = False
    """Whether the launching process has a wall clock of its own, `scene.clock`."""

    pids_limit: int = 0
    """How many processes and threads the launching process and its runs may have; 0: no limit."""

    through: bool = False
    """Whether launchpad reaches the engine through a proxy, `scene.proxy`."""

    private: bool = False
    """Whether the row has a Docker Engine of its own, which it stops and restarts: `scene.engine`."""

    alone: bool = False
    """Whether the fault affects other users of the engine."""

    adopted: bool = False
    """Whether another process waits for the runs after the fault; with a journal, it begins the same batch again."""

    limit: float = 90.0
    """Seconds within which everything must have ended, once the fault is over."""

    quick: bool = False
    """Whether the row is among those that the normal tests run."""

    open: str = ""
    """Why launchpad does not fulfil the row yet; empty if it does."""

    @plan.default
    def _plan(self) -> Plan:
        return Plan(script=counting(30 if self.expect.lines in ("all", "marked") else 1000))

    @property
    def name(self) -> str:
        return f"{self.engine}: {self.when}"
