"""The environment variables that launchpad sets for every run, on every engine. Their names are reserved."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from .engine import PARAMETERS_VARIABLE, RESULT_VARIABLE

RUN_ID = "LAUNCHPAD_RUN_ID"
"""The run's own id."""

PARENT_IDS = "LAUNCHPAD_PARENT_IDS"
"""The ids of the runs that this run was launched in, the outermost first, separated by commas; absent outside."""

ATTEMPT = "LAUNCHPAD_ATTEMPT"
"""Which attempt of the run this is: "1" for the first."""

IDENTITY = frozenset({RUN_ID, PARENT_IDS, ATTEMPT})
"""Those whose values are no secret."""

RESERVED = IDENTITY | {PARAMETERS_VARIABLE, RESULT_VARIABLE}
"""Those that a user must not set."""

ATTEMPT_LABEL = "io.launchpad.attempt"
"""The label of the runs that a Retry launches, with the number of the attempt."""

_NUMBER = re.compile(r"[1-9][0-9]{0,8}\Z")
_ENVIRON = os.environ
_INSIDE: Mapping[bytes, bytes] | None = getattr(os.environ, "_data", None) if os.supports_bytes_environ else None
_AROUND = (PARENT_IDS.encode(), RUN_ID.encode())


def inherited() -> Mapping[bytes, bytes]:
    """This process's environment in bytes, not to be changed: the mapping inside os.environ.

    The public methods of os.environ take ten times as long, which counts for thousands of quick local runs.
    """
    if _INSIDE is not None and os.environ is _ENVIRON:
        return _INSIDE
    return {os.fsencode(name): os.fsencode(value) for name, value in os.environ.items()}


class Attempt(str):
    """The number of an attempt as text. Only as such, ATTEMPT is accepted in the environment of a run."""

    __slots__ = ()


def attempt_of(env: Mapping[str, str | None]) -> str:
    """The number of the attempt that a run with the environment `env` is."""
    return env.get(ATTEMPT) or "1"


def attempt_number(text: object) -> int:
    """The number of an attempt as an engine has recorded it; 1 if it has recorded none, or no number."""
    return int(text) if isinstance(text, str) and _NUMBER.match(text) else 1


def identity(run_id: str, env: Mapping[str, str | None] = {}) -> dict[str, str]:
    """The variables that identify a run with the environment `env`, launched in the run of this process, if any."""
    environ = inherited()
    around = [os.fsdecode(ids) for name in _AROUND if (ids := environ.get(name))]
    return {RUN_ID: run_id, ATTEMPT: attempt_of(env), **({PARENT_IDS: ",".join(around)} if around else {})}
