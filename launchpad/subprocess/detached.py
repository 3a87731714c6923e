"""A detached run: what its folder and the process table report about it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs

from ..core.backend import Exit
from ..core.diagnosis import of_exit_code
from ..core.process_table import boot_id, look_up
from ..core.starters import this_process
from ..models import Handle, Listed, Reason, Run
from ..variables import attempt_number, attempt_of
from .results import FILE, read_report
from .state import RunFolder

_SHIM_DIED = "The process that led this detached run was killed, or the system was restarted: its exit status is lost."

_STOPPED = {
    "stopped": (Reason.STOPPED, "The run was stopped."),
    "timed_out": (Reason.TIMED_OUT, "The run was stopped: it took longer than its time-out."),
}

_RUN_FIELDS: dict[str, Any] = {
    **dict.fromkeys(("run_id", "name", "engine", "boot", "starter", "started", "shim_started"), str),
    **dict.fromkeys(("pid", "shim"), int),
    "output": bool,
    "started_at": (int, float),
    "timeout": (int, float, type(None)),
}
_END_FIELDS: dict[str, Any] = {"exit_code": int, "reason": str, "ended_at": (int, float), "complete": bool}


def known_at_start(run: Run, name: str, engine: str, output: bool) -> str:
    """What the starter knows about a run, as JSON; the shim adds the processes."""
    known = {
        "run_id": run.id,
        "name": name,
        "engine": engine,
        "boot": boot_id(),
        "starter": str(this_process()),
        "started_at": time.time(),
        "timeout": run.timeout,
        "attempt": attempt_of(run.env),
        "output": output,
        "result": run.entrypoint is not None,
    }
    return json.dumps(known)


class DetachedRun:
    """A run with a folder. ValueError if the folder is not that of a run that has started."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.known = _checked(folder.read("run.json"), _RUN_FIELDS)
        """What is known since the start."""
        id = f"{self.known['pid']}@{self.known['started']}"
        self.handle = Handle("subprocess", id, self.known["name"], self.known["engine"], self.known["run_id"])

    @property
    def attempt(self) -> int:
        return attempt_number(self.known.get("attempt"))

    def shim_runs(self) -> bool:
        return self._runs(self.known["shim"], self.known["shim_started"])

    def exit(self) -> Exit | None:
        """How the run ended; None while it is running."""
        led = self.shim_runs()  # before the file is read: it is written just before the shim ends
        try:
            end = _checked(self.folder.read("end.json"), _END_FIELDS)
        except ValueError:
            return None if led else self._exit_without_shim()
        reason, message, hint = of_exit_code(end["exit_code"])
        if end["reason"] in _STOPPED:
            (reason, message), hint = _STOPPED[end["reason"]], ""
        return Exit(
            exit_code=end["exit_code"],
            reason=reason,
            message=message,
            hint=hint,
            started_at=self.started_at,
            ended_at=datetime.fromtimestamp(end["ended_at"], timezone.utc),
            output_complete=end["complete"],
        )

    def with_result(self, exit: Exit) -> Exit:
        """The exit with what the run's function gave back."""
        if self.known.get("result") is not True:
            return exit
        return attrs.evolve(exit, result=read_report(self.folder.path / FILE))

    def _exit_without_shim(self) -> Exit | None:
        if self._runs(self.known["pid"], self.known["started"]):
            return None
        noted = (stopped for name, stopped in _STOPPED.items() if self.folder.was(name))
        reason, message = next(noted, (Reason.UNKNOWN, _SHIM_DIED))
        complete = not self.known["output"]  # else the shim may have lost some
        return Exit(
            exit_code=None, reason=reason, message=message, started_at=self.started_at, output_complete=complete
        )

    @property
    def started_at(self) -> datetime:
        return datetime.fromtimestamp(self.known["started_at"], timezone.utc)

    def listed(self) -> Listed:
        """The run as `list_runs` shows it."""
        exit, timeout = self.exit(), self.known["timeout"]
        return Listed(
            handle=self.handle,
            run_id=self.handle.run_id,
            name=self.handle.name,
            state="running" if exit is None else "ended",
            started_at=self.started_at,
            ended_at=None if exit is None else exit.ended_at,
            starter=self.known["starter"],
            deadline=None if timeout is None else self.started_at + timedelta(seconds=timeout),
            outcome=None if exit is None else exit.outcome(self.handle, self.attempt),
        )

    def _runs(self, pid: int, started: str) -> bool:
        if self.known["boot"] != boot_id():
            return False
        entry = look_up(pid)
        return entry is not None and entry.started == started and entry.running


def _checked(content: dict[str, Any] | None, fields: dict[str, Any]) -> dict[str, Any]:
    """The content of a file. ValueError if there is none, or it has another form."""
    if content is None or not all(isinstance(content.get(name), form) for name, form in fields.items()):
        raise ValueError("not the file of a detached run")
    return content


def listed(runs: Iterable[DetachedRun]) -> Iterator[Listed]:
    """The runs as `list_runs` shows them. Those with a time that is none are left out."""
    for run in runs:
        with suppress(ValueError, OverflowError):
            yield run.listed()


def detached_runs(folders: Iterable[RunFolder]) -> Iterator[DetachedRun]:
    """The runs that have these folders. Folders of another form are left out."""
    for folder in folders:
        with suppress(ValueError):
            yield DetachedRun(folder)
