"""How the result of a Job's run comes back: as the termination message of its container, which is in the pod's status.

A node keeps the last 4,096 bytes of a message, and a status the first 12,288 divided by the number of containers. What
is cut off at either end is not taken for a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..engine import RESULT_VARIABLE
from ..results import NOT_WRITTEN
from .diagnosis import deciding_pod
from .manifest import CONTAINER
from .status import terminated

Object = Mapping[str, Any]

NO_POD = "The pod of the run was gone before its state, which has the result, was reported."


def has_result(job: Object) -> bool:
    """Whether the run of a Job, as the server has it, writes a result: it has an entrypoint."""
    pod = ((job.get("spec") or {}).get("template") or {}).get("spec") or {}
    own = (one for one in pod.get("containers") or () if one.get("name") == CONTAINER)
    return any(entry.get("name") == RESULT_VARIABLE for one in own for entry in one.get("env") or ())


def report_of(job: Object | None, pods: Sequence[Object]) -> bytes | str:
    """The report of a run that has ended, or why there is none. `pods` has the newest last."""
    pod = deciding_pod(job, pods)
    if pod is None:
        return NO_POD
    message = (terminated(pod) or {}).get("message")
    return message.encode("utf-8", "surrogatepass") if isinstance(message, str) and message else NOT_WRITTEN
