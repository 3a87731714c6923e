"""What every way of following a local process shares: identity, signals to its group, and the end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from datetime import datetime, timezone

from ..core.backend import Exit
from ..core.diagnosis import of_exit_code
from ..errors import LaunchError
from ..models import Handle
from .proctable import group_members, look_up, wait_for_stranger

TAKEN = (
    "Something else in this process takes exit statuses: SIGCHLD is ignored, which signal.signal(signal.SIGCHLD, "
    "signal.SIG_DFL) ends, or waitpid(-1) is called."
)


class Child(subprocess.Popen[bytes]):
    """A process of ours. Unlike a plain Popen it may be let go of while it runs: a run may outlive who started it."""

    def __del__(self) -> None:
        pass


class LocalProcess:
    """The leader of a run's process group: a child of this process, or somebody else's, found by its handle.

    Owned by the unit that follows it. The group can be signalled safely while the leader is not reaped, or while
    members of it are known to run: both keep its number from being given away. Any thread may signal it.
    """

    def __init__(self, pid: int, started: str, *, ours: bool) -> None:
        self.pid = pid
        self.started = started
        self.ours = ours
        self.stopping = False
        self.followed = False
        self.exit_code: int | None = None
        """Known after the leader's end, unless that is for another process to know."""
        self._ended = False  # and it was seen
        self._reaped = False
        self._reaping = threading.Lock()  # guards the number, which the system gives away when the leader is reaped

    def signal(self, number: signal.Signals) -> bool:
        """Signals the whole group, if it is still the run's. False if the leader had ended before the first signal.

        Then whom it left behind is its own affair. LaunchError where the system does not let us.
        """
        with self._reaping:
            if self._reaped and not self.stopping:
                return False
            before, self.stopping = self.stopping, True
            try:
                if self._is_there():
                    os.killpg(self.pid, number)
            except ProcessLookupError:
                pass
            except PermissionError as error:
                self.stopping = before
                raise LaunchError(f"Process {self.pid} may not be signalled: it belongs to another user.") from error
            except OSError as error:
                raise LaunchError(
                    f"What is left of process {self.pid} cannot be looked for: {error.strerror}."
                ) from error
            return True

    def may_be_signalled(self) -> bool:
        """Whether the system will let us: what runs may be, or become, another user's (sudo).

        It is asked for something that takes the same rights, and that it tells only when the program is loaded: until
        then the process is still ours (proc(5), /proc/pid/auxv).
        """
        if os.geteuid() == 0:
            return True
        try:
            os.close(os.open(f"/proc/{self.pid}/auxv", os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            return False
        return True

    def wait(self) -> None:
        """Waits for the leader's end."""
        if self.ours:
            self._see_end()
        else:
            wait_for_stranger(self.pid, self.started)

    def has_ended(self) -> bool:
        """Whether the leader has ended, be it reaped or not."""
        if self.ours:
            with self._reaping:
                return self._see_end(os.WNOHANG)
        entry = look_up(self.pid)
        return entry is None or entry.started != self.started or not entry.running

    def reap(self) -> bool:
        """Reaps a child of ours if it has ended; False if that is still to be done."""
        with self._reaping:
            if not self.ours or self._reaped:
                return True
            if not self._see_end(os.WNOHANG):
                return False
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, os.WNOHANG)
            self._reaped = True
            return True

    def has_survivors(self) -> bool:
        """Whether there are any; True as well while the system has no descriptor left to look for them with."""
        try:
            return bool(self.survivors())
        except OSError:
            return True

    def survivors(self) -> list[int]:
        """Who has to end too, after the leader was reaped: when the run is being stopped, its whole group."""
        if not self.stopping:
            return []
        try:
            os.killpg(self.pid, 0)  # most often there is nobody, and this is a thousand times cheaper than a search
        except ProcessLookupError:
            return []
        except PermissionError:
            pass
        return group_members(self.pid)

    def _see_end(self, options: int = 0) -> bool:
        """Waits for a child's end, and leaves it to be reaped; with WNOHANG, looks for it. Whether it has ended."""
        if self._ended:
            return True
        try:
            if not hasattr(os, "waitid"):  # macOS, before Python 3.13
                return self._see_end_and_reap(options)
            end = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | options)
            if end is None:
                return False
            self.exit_code = end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
        except ChildProcessError:  # somebody else reaped it, or the system, where SIGCHLD is ignored
            pass
        self._ended = True
        return True

    def _see_end_and_reap(self, options: int) -> bool:
        pid, status = os.waitpid(self.pid, options)
        if pid:
            self.exit_code = os.waitstatus_to_exitcode(status)
            self._ended = self._reaped = True
        return self._ended

    def _is_there(self) -> bool:
        if self.ours and not self._reaped:
            return True
        entry = look_up(self.pid)
        return entry.started == self.started if entry else bool(group_members(self.pid))


def exit_of(process: LocalProcess) -> Exit:
    """The Exit of a process that has ended just now."""
    reason, message, hint = of_exit_code(process.exit_code)
    if process.ours and process.exit_code is None:
        hint = TAKEN
    return Exit(
        exit_code=process.exit_code, reason=reason, message=message, hint=hint, ended_at=datetime.now(timezone.utc)
    )


def handle_id(process: LocalProcess) -> str:
    return f"{process.pid}@{process.started}"


def parse_handle(handle: Handle) -> tuple[int, str]:
    """The pid and the start time in a handle; LaunchError where it is none of ours."""
    pid, _, started = handle.id.partition("@")
    if not (pid.isdecimal() and started):
        raise LaunchError(f"The handle's id {handle.id!r} is not that of a local process (pid@start time).")
    return int(pid), started
