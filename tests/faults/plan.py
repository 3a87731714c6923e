"""What the launching process of a row does: data that is passed to `driver.py` as JSON."""

from __future__ import annotations

import json
from typing import Any, Literal

import attrs


@attrs.frozen(kw_only=True)
class Plan:
    """`count` runs of a shell script, or of a function, all in flight at the same time."""

    verb: Literal["launch", "wait"] = "launch"
    """`wait`: another process waits for the runs by their handles, and removes them."""

    script: str = ""
    entrypoint: str | None = None
    """A function in place of the script."""

    count: int = 3
    timeout: float | None = None
    output: Literal["recorded", "printed", "blocked", "unwanted"] = "recorded"
    """Where lines go: to a callback, to the standard output, or to a callback that returns when it is told so."""

    start_blocks: bool = False
    """Whether `on_start` returns only when it is told so."""

    attempts: int = 1
    """How many times a run that fails is launched."""

    wait: float = 0
    """Seconds before the next attempt."""

    output_dir: bool = False
    """Whether the lines also go to files, in the folder `logs` of the play."""

    journal: bool = False
    """Whether the launching process uses the journal of the play."""

    stop_on_sigterm: bool = False
    prelude: str = ""
    """Python that is executed first, such as a limit on the launching process."""

    # Known to the scene alone.
    folder: str = ""
    settings: dict[str, Any] = attrs.field(factory=dict)
    env: dict[str, Any] = attrs.field(factory=dict)
    labels: dict[str, str] = attrs.field(factory=dict)
    handles: list[dict[str, str]] = attrs.field(factory=list)

    def to_json(self) -> str:
        return json.dumps(attrs.asdict(self))


def counting(lines: int = 30, pause: float = 0.1, status: int = 3) -> str:
    """A script that writes `line 0`, `line 1` and so on."""
    return f"i=0; while [ $i -lt {lines} ]; do echo line $i; sleep {pause}; i=$((i+1)); done; exit {status}"
