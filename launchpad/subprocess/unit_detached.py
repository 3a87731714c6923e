"""The unit of a detached run: its shim leads it, and writes its output and its end into the run's folder."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Generator, Sequence
from contextlib import suppress

from ..core.backend import Chunk, Exit, StreamName
from ..core.process_table import RESOURCE_ERRORS
from ..errors import LaunchError
from ..models import Reason
from ..net.wakeup import Wakeup
from .detached import DetachedRun
from .logs import LogReader
from .process import LocalProcess
from .sweep import Sweeper
from .sweep_script import send
from .unit import LocalUnit

LOG_CHECK_INTERVAL = 0.05
"""Seconds between two looks for new output in the run's files: no event reports that a file has grown."""


class DetachedUnit(LocalUnit):
    """Follows a detached run. It opens descriptors at the first poll: of runs that nobody waits for, it holds none."""

    def __init__(self, run: DetachedRun, sweeper: Sweeper, *, output: bool) -> None:
        process = LocalProcess(run.known["pid"], run.known["started"], run.handle.run_id, sweeper, is_child=False)
        super().__init__(process, run.handle)
        self._run = run
        self.attempt = run.attempt
        self._logs = log_readers(run) if output and run.known["output"] else {}
        self._stop_reason = Reason.STOPPED
        self._woken = False
        self._wakeup: Wakeup | None = None
        self._pidfd: int | None = None

    def has_ended(self) -> bool:
        try:
            return self._run.exit() is not None
        except OSError:  # no descriptor is left to read its state
            return False

    def wake(self) -> bool:
        self._woken = True  # set before `_wakeup` is read: `_sleep` does it in the other order
        if self._wakeup is not None:
            self._wakeup.set()
        return True

    def note_stop(self, reason: Reason) -> None:
        self._stop_reason = reason

    def terminate(self, grace: float) -> bool:
        if self.has_ended():
            return False
        if self._ask_shim(grace):
            return True
        self._record_stop()
        return super().terminate(grace)

    def kill(self) -> None:
        if not self.has_ended() and not self._ask_shim(0.0):
            self._record_stop()
            super().kill()

    def _release(self) -> None:
        if self._closed:
            return
        self._closed = True
        wakeup, self._wakeup = self._wakeup, None
        if wakeup is not None:
            wakeup.close()
        for log in self._logs.values():
            log.close()
        if self._pidfd is not None:
            os.close(self._pidfd)

    def _wait(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        try:
            return self._look(timeout)
        except OSError as error:
            if error.errno not in RESOURCE_ERRORS:
                raise
            time.sleep(LOG_CHECK_INTERVAL if timeout is None else min(timeout, LOG_CHECK_INTERVAL))
            return []

    def _look(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        exit = self._run.exit()  # before the logs are read: they are complete then
        events: list[Chunk | Exit] = [Chunk(stream, data) for stream, log in self._logs.items() if (data := log.read())]
        if not events and exit is not None and not self._process.has_survivors():
            events.append(self._run.with_result(exit))
        if not events:
            self._sleep(timeout)
        return events

    def _sleep(self, timeout: float | None) -> None:
        """Waits for a wake, the end of the shim, or the moment to look into the logs."""
        if self._wakeup is None:
            self._wakeup = Wakeup()
            self._pidfd = self._open_pidfd()
        if self._woken:
            self._woken = False
            return
        poll = select.poll()
        poll.register(self._wakeup.fileno(), select.POLLIN)
        if self._pidfd is not None:
            poll.register(self._pidfd, select.POLLIN)
        if self._logs or self._pidfd is None:
            timeout = LOG_CHECK_INTERVAL if timeout is None else min(timeout, LOG_CHECK_INTERVAL)
        ready = dict(poll.poll(None if timeout is None else timeout * 1000))
        if self._pidfd in ready and self._run.folder.read("end.json") is None:  # killed: the run may go on without it
            os.close(self._pidfd)
            self._pidfd = None
        self._wakeup.clear()
        self._woken = False

    def _open_pidfd(self) -> int | None:
        """A pidfd of the shim; None if it has ended."""
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(self._run.known["shim"])
            if self._run.shim_runs():
                return pidfd
            os.close(pidfd)
        return None

    def _record_stop(self) -> None:
        """Records the stop for all waiters, in place of the shim."""
        with suppress(OSError):  # the disk is full: then the others do not know why the run ended
            self._run.folder.note_stop(self._stop_reason.value)

    def _ask_shim(self, grace: float) -> bool:
        """Has the shim stop the run; False if there is no shim any more."""
        try:
            if not self._run.shim_runs():
                return False
        except OSError as error:
            raise LaunchError(f"The run cannot be looked up: {error.strerror}.") from error
        with suppress(OSError):  # without the file, the shim takes the run's own grace
            self._run.folder.request_stop(grace)
        return send((self._run.known["shim"], self._run.known["shim_started"], 0), signal.SIGTERM)


def log_readers(run: DetachedRun) -> dict[StreamName, LogReader]:
    streams: tuple[StreamName, ...] = ("stdout", "stderr")
    return {stream: LogReader(run.folder.path / stream) for stream in streams}


def kept_output(run: DetachedRun) -> Generator[Chunk, None, None]:
    """The output of a run so far: all of stdout, then all of stderr."""
    for stream, log in log_readers(run).items():
        try:
            while data := log.read():
                yield Chunk(stream, data)
        finally:
            log.close()
