"""The process of a run: its identity, signals to its process group, and its end. All units share it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading

from .. import variables
from ..errors import InvalidHandle, LaunchError
from ..models import Handle
from ..text import quoted
from .proctable import Process, ancestors, environment_of, group_members, look_up, wait_for_end
from .results import ResultFile
from .sweep import Sweeper, Target

_HANDLE_ID = re.compile(r"([1-9][0-9]{0,9})@([0-9]{1,20}(?:\.[0-9]{1,9})?)\Z")
_MAX_PID = 2**31 - 1

STATUS_TAKEN = (
    "Another part of this process takes exit statuses: SIGCHLD is ignored, which signal.signal(signal.SIGCHLD, "
    "signal.SIG_DFL) undoes, or waitpid(-1) is called."
)


class LocalProcess:
    """The first process of a run: a child of this process, or any other process that a handle names.

    It leads the run's process group. Processes that left the group are found by the sweeper, by the run's id.

    It is safe to signal the group while the leader is not reaped or members of the group run: until then, the system
    does not reuse the group's number. Any thread may signal it.
    """

    def __init__(self, pid: int, started: str, run_id: str, sweeper: Sweeper, *, is_child: bool) -> None:
        self.pid = pid
        self.started = started
        self.is_child = is_child
        self.stopping = False
        """Whether the group has been signalled: then the run ends with its last process, not with its leader."""
        self.polled = False
        """Whether a unit polls this process, and thereby reaps it."""
        self.result: ResultFile | None = None
        """Where a run with an entrypoint writes its result."""
        self.exit_code: int | None = None
        """Known after the leader's end, unless another process is its parent."""
        self._ended = False
        self._reaped = False
        self._killed = False
        self._run_id = run_id
        self._sweeper = sweeper
        self._target: Target | None = None  # once it is being stopped
        self._lock = threading.Lock()  # guards `_reaped`: the system may reuse the pid of a reaped process at once
        if is_child:
            sweeper.leaders.add(pid)

    @property
    def handle_id(self) -> str:
        """The id in the run's handle."""
        return f"{self.pid}@{self.started}"

    def signal(self, number: signal.Signals) -> bool:
        """Sends SIGTERM or SIGKILL to the whole run. False if the leader was reaped before the first one.

        Nothing is sent then. The processes that left the group get the signal from another thread. LaunchError if the
        system does not allow it, or the group cannot be looked up.
        """
        with self._lock:
            if self._reaped and not self.stopping:
                return False
            before, self.stopping = self.stopping, True
            self._target = target = self._target or Target(self._run_id, self.pid, int(float(self.started)))
            try:
                if self._group_exists():
                    os.killpg(self.pid, number)
            except ProcessLookupError:
                pass
            except PermissionError as error:
                self.stopping = before
                raise LaunchError(f"Process {self.pid} may not be signalled: it belongs to another user.") from error
            except OSError as error:
                raise LaunchError(f"The group of process {self.pid} cannot be looked up: {error.strerror}.") from error
        if number == signal.SIGKILL:
            self._killed = True
            self._sweeper.kill(target)
        else:
            self._sweeper.terminate(target)
        return True

    def may_be_signalled(self) -> bool:
        """Whether the system allows it: a program may run as another user, or change its user (sudo).

        Opening /proc/PID/auxv takes the same rights and blocks until the program is loaded; before that, the process
        still has this process's user.
        """
        if os.geteuid() == 0:
            return True
        try:
            os.close(os.open(f"/proc/{self.pid}/auxv", os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            return False
        return True

    def wait(self) -> None:
        """Blocks until the leader has ended, and reaps it if it is a child."""
        if self.is_child:
            self._see_end()
            self.reap()
        else:
            wait_for_end(self.pid, self.started)

    def has_ended(self) -> bool:
        """Whether the leader has ended, reaped or not."""
        if self.is_child:
            with self._lock:
                return self._see_end(os.WNOHANG)
        entry = look_up(self.pid)
        return entry is None or entry.started != self.started or not entry.running

    def reap(self) -> bool:
        """Reaps a child that has ended. False if it still runs; True if there is nothing to reap."""
        with self._lock:
            if not self.is_child or self._reaped:
                return True
            if not self._see_end(os.WNOHANG):
                return False
            self._sweeper.leaders.discard(self.pid)  # before the system may reuse the pid
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, os.WNOHANG)
            self._reaped = True
            return True

    def has_survivors(self) -> bool:
        """Whether there are survivors; also True while no descriptor is left to look for them."""
        try:
            return bool(self.survivors())
        except OSError:
            return True

    def survivors(self) -> list[int]:
        """The running processes of the run, after the leader's end; none unless the run is being stopped."""
        target = self._target
        if target is None:
            return []
        strays = self._sweeper.strays(target)
        if strays and self._killed:
            self._sweeper.kill(target)
        elif strays:
            target.terminate(strays)
        return [*self._group_survivors(), *(pid for pid, _, _ in strays)]

    def _group_survivors(self) -> list[int]:
        try:
            os.killpg(self.pid, 0)  # a thousand times cheaper than reading the process table, and mostly enough
        except ProcessLookupError:
            return []
        except PermissionError:
            pass
        return group_members(self.pid)

    def _see_end(self, options: int = 0) -> bool:
        """Waits for a child's end without reaping it; with WNOHANG, only looks. Returns whether it has ended."""
        if self._ended:
            return True
        try:
            if not hasattr(os, "waitid"):  # macOS, before Python 3.13
                return self._see_end_and_reap(options)
            end = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | options)
            if end is None:
                return False
            self.exit_code = end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
        except ChildProcessError:  # reaped by other code in this process, or by the system (SIGCHLD is ignored)
            pass
        self._ended = True
        return True

    def _see_end_and_reap(self, options: int) -> bool:
        self._sweeper.leaders.discard(self.pid)
        pid, status = os.waitpid(self.pid, options)
        if pid:
            self.exit_code = os.waitstatus_to_exitcode(status)
            self._ended = self._reaped = True
        return self._ended

    def _group_exists(self) -> bool:
        if self.is_child and not self._reaped:
            return True
        entry = look_up(self.pid)
        return entry.started == self.started if entry else bool(group_members(self.pid))


def parse_handle(handle: Handle) -> tuple[int, str]:
    """The pid and the start time in a handle's id. InvalidHandle if the id has another form."""
    match = _HANDLE_ID.match(handle.id)
    if match is None or not 1 < int(match[1]) <= _MAX_PID:
        raise InvalidHandle(
            f"The handle of {quoted(handle.name)} is not valid: its id {quoted(handle.id)} is not that of a local "
            "process (pid@start time)."
        )
    return int(match[1]), match[2]


def belongs_to_run(entry: Process, run_id: str) -> bool:
    """Whether a process is the leader of the run with this id.

    A leader has a session and a group of its own, and has the run's id in its environment. If it has ended, and is not
    reaped yet, one of its group has. This process and those that it descends from are never runs of its own.
    """
    if not (entry.pid == entry.group == entry.session) or entry.pid in ancestors():
        return False
    pids = [entry.pid] if entry.running else group_members(entry.pid)
    return any(environment_of(pid).get(variables.RUN_ID) == run_id for pid in pids)
