"""What every way of following a local process shares: identity, signals to its group, and the end."""

from __future__ import annotations

import os
import signal
import subprocess
from datetime import datetime, timezone

from ..backend import Exit
from ..diagnosis import of_exit_code
from ..errors import LaunchError
from ..models import Handle
from .processes import group_members, look_up, wait_for_stranger


class Child(subprocess.Popen[bytes]):
    """A process of ours. Unlike a plain Popen it may be let go of while it runs: a run may outlive who started it."""

    def __del__(self) -> None:
        pass


class LocalProcess:
    """The leader of a run's process group: a child of this process, or somebody else's, found by its handle.

    Owned by the unit that follows it. The group can be signalled safely while the leader is not reaped, or while
    members of it are known to run: both keep its number from being given away.
    """

    def __init__(self, pid: int, started: str, child: Child | None) -> None:
        self.pid = pid
        self.started = started
        self.stopping = False
        self.followed = False
        self._child = child

    def signal(self, number: signal.Signals) -> None:
        """Signals the whole group, if it is still the run's."""
        self.stopping = True
        if not self._is_ours():
            return
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass
        except PermissionError as error:
            raise LaunchError(f"Process {self.pid} may not be signalled: it belongs to another user.") from error

    def reap(self) -> int | None:
        """Waits for the leader's end and gives its exit code; None where it is another process's to know."""
        if self._child is not None:
            return self._child.wait()
        wait_for_stranger(self.pid, self.started)
        return None

    def has_ended(self) -> bool:
        """Whether the leader has ended, be it reaped or not."""
        entry = look_up(self.pid)
        return entry is None or entry.started != self.started or not entry.running

    def reap_if_ended(self) -> bool:
        """For a child that nobody follows: whether it has ended, and is reaped."""
        return self._child is None or self._child.poll() is not None

    def survivors(self) -> list[int]:
        """Who is left of the group after its leader was reaped."""
        try:
            os.killpg(self.pid, 0)  # most often there is nobody, and this is a thousand times cheaper than a search
        except ProcessLookupError:
            return []
        except PermissionError:
            pass
        return group_members(self.pid)

    def _is_ours(self) -> bool:
        if self._child is not None and self._child.returncode is None:
            return True
        entry = look_up(self.pid)
        return entry.started == self.started if entry else bool(group_members(self.pid))


def exit_of(code: int | None) -> Exit:
    """The Exit of a process that has ended just now."""
    reason, message, hint = of_exit_code(code)
    return Exit(exit_code=code, reason=reason, message=message, hint=hint, ended_at=datetime.now(timezone.utc))


def handle_id(process: LocalProcess) -> str:
    return f"{process.pid}@{process.started}"


def parse_handle(handle: Handle) -> tuple[int, str]:
    """The pid and the start time in a handle; LaunchError where it is none of ours."""
    pid, _, started = handle.id.partition("@")
    if not (pid.isdecimal() and started):
        raise LaunchError(f"The handle's id {handle.id!r} is not that of a local process (pid@start time).")
    return int(pid), started
