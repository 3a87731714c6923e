"""The process that started a run, as the engine records it, and whether that process is alive."""

from __future__ import annotations

import enum
import os
import re

import attrs

from .process_table import boot_id, look_up

_FORM = re.compile(r"([^/]*)/([^/]*)/([1-9][0-9]{0,9})/([0-9.]{1,30})\Z", re.ASCII)
_MAX_PID = 2**31 - 1
_this: dict[int, Starter] = {}  # by pid: a forked child is another process


class Liveness(enum.Enum):
    """Whether a starter is alive. One on another machine, or of another boot, is UNKNOWN: it may be alive."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"


@attrs.frozen
class Starter:
    """A process, identified among those of all machines. `str(starter)` is what an engine records of it."""

    host: str
    boot: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.host}/{self.boot}/{self.pid}/{self.started}"

    def liveness(self) -> Liveness:
        here = this_process()
        if not self.boot or (self.host, self.boot) != (here.host, here.boot):
            return Liveness.UNKNOWN
        try:
            entry = look_up(self.pid)
        except OSError:
            return Liveness.UNKNOWN
        if entry is None:
            return _liveness_of_hidden(self.pid)
        return Liveness.ALIVE if entry.running and entry.started == self.started else Liveness.GONE


def this_process() -> Starter:
    """The starter of the runs that this process starts."""
    pid = os.getpid()
    if pid not in _this:
        entry = look_up(pid)
        host = re.sub(r"[^a-zA-Z0-9_.-]", "_", os.uname().nodename)
        _this[pid] = Starter(host, boot_id(), pid, "0" if entry is None else entry.started)
    return _this[pid]


def liveness_of(recorded: str | None) -> Liveness:
    """The liveness of the starter that an engine has recorded; UNKNOWN for text of another form, and without any."""
    match = _FORM.match(recorded or "")
    if match is None or int(match[3]) > _MAX_PID:
        return Liveness.UNKNOWN
    return Starter(match[1], match[2], int(match[3]), match[4]).liveness()


def _liveness_of_hidden(pid: int) -> Liveness:
    """Whether a process exists that has no entry: the system may hide those of other users."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return Liveness.GONE
    except OSError:
        pass
    return Liveness.UNKNOWN
