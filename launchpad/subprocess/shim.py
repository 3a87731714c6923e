"""Starts a detached run: a shim process leads it, and goes on when the starter has ended."""

from __future__ import annotations

import marshal
import os
from collections.abc import Mapping
from typing import Any

from ..core.shortages import advice_on
from ..errors import LaunchError
from . import shim_script
from .background import reap, spawn_script
from .proctable import StartTimes
from .sweep_script import kill_all

ANSWER_TIMEOUT = 60.0
"""Seconds within which a shim answers that its run has started."""

LOG_LIMIT = 64 * 1024 * 1024
"""Bytes that are kept of each stream; LAUNCHPAD_LOG_LIMIT sets another number."""


class NotStarted(OSError):
    """The system cannot start the program of the run."""


def start(request: Mapping[str, Any], stdin: int | None = None) -> str:
    """Starts a run in a shim of its own, and returns its folder. The run reads `stdin`, or the null device.

    `request` has `command`, `env` and `working_dir` in bytes, `folder`, `run_id`, `known` (the text of a JSON object),
    `timeout`, `grace`, `output` and `limit`; `result` has the variable, the limit and the name of the file for the
    result, or is None. NotStarted, or another OSError if the folder cannot be made; LaunchError
    if the shim does not answer, and then no process of the run is left.
    """
    before = StartTimes().now()
    try:
        answer = _ask(request, stdin)
    except (OSError, RuntimeError, EOFError, ValueError, TypeError) as error:
        kill_all([request["run_id"]], int(before))  # the run may have been started before, too
        why = advice_on(error) or error
        raise LaunchError(f"The process that leads the detached run cannot be started: {why}.") from error
    if (number := answer.get("state_error")) is not None:
        raise OSError(number, os.strerror(number))
    if "errno" in answer:
        raise NotStarted(answer["errno"] or 0, os.strerror(answer["errno"] or 0))
    folder: str = answer["folder"]
    return folder


def _ask(request: Mapping[str, Any], stdin: int | None) -> dict[str, Any]:
    import socket  # takes 3 ms to import, and only detached runs need it

    ours, its = socket.socketpair()
    with ours:
        with its:
            pid = spawn_script(shim_script, str(request["run_id"]), its.fileno(), its.fileno(), stdin)
        ours.settimeout(ANSWER_TIMEOUT)
        try:
            ours.sendall(marshal.dumps(dict(request)))
            ours.shutdown(socket.SHUT_WR)
        finally:
            reap(pid)
        data = b""
        while part := ours.recv(65536):
            data += part
    answer: dict[str, Any] = marshal.loads(data)
    return answer


def log_limit() -> int:
    """How many bytes of each stream are kept. LaunchError if LAUNCHPAD_LOG_LIMIT is not a positive number."""
    text = os.environ.get("LAUNCHPAD_LOG_LIMIT") or str(LOG_LIMIT)
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise LaunchError(f"LAUNCHPAD_LOG_LIMIT must be a positive number of bytes, not {text!r}.")
    return int(text)
