"""What a run writes: the logs of its pods, one after the other, and when there is no more to come."""

from __future__ import annotations

import logging
import time

from ..errors import LaunchError
from ..net.streams import Stream
from .observed import JobSnapshot
from .podlog import OpenLog, PodLog
from .status import has_ended, has_log, restarts

QUIET = 3.0
"""Seconds without a byte, after the Job's end, until its log is asked for anew: the connection may be dead."""

UNREACHABLE = 30.0
"""Seconds after the Job's end within which a log that broke, or that was asked for anew, must be there again."""

_logger = logging.getLogger("launchpad")


class RunOutput:
    """The logs of one Job's pods. Owned by the thread that follows the run."""

    def __init__(self, open_log: OpenLog) -> None:
        self._open_log = open_log
        self._log: PodLog | None = None
        self._begun: set[str] = set()  # the pods whose log we have, or have had
        self._reopened = False
        self._unended = False

    @property
    def connected(self) -> list[Stream]:
        """What to wait with."""
        return [self._log.stream] if self._log is not None and self._log.stream is not None else []

    def due(self, ended_at: float | None) -> list[float | None]:
        """When (monotonic seconds) to look again though nothing has come."""
        if self._log is None or self._log.over:
            return []
        if ended_at is None or self._log.stream is None:
            return [self._log.due]
        return [self._patient_until(self._log, ended_at)]

    def read(self, seen: JobSnapshot, ended: bool) -> bytes:
        """What has come; b"" is nothing yet. `ended`: the Job has."""
        while (log := self._current(seen)) is not None:
            try:
                writes_no_more = _has_ended(log.pod, seen)
                data = log.read(ended or writes_no_more, follow=not writes_no_more)
            except LaunchError as error:
                log.close()
                _logger.warning("The output of pod %s cannot be had: %s", log.pod, error)
                continue
            if data:
                return self._after_the_last(data, log)
            if not log.over:
                break
        return b""

    def is_over(self, seen: JobSnapshot, ended_at: float) -> bool:
        """Whether nothing is to be expected any more of a Job that has ended at `ended_at` (monotonic seconds)."""
        log, now = self._log, time.monotonic()
        if log is None or log.over:
            return True
        if log.stream is None and log.not_there and _is_gone(log.pod, seen):
            log.close()
            return True
        if now < self._patient_until(log, ended_at) or (log.stream is not None and self._reopen(log)):
            return False
        _logger.warning("The output of pod %s may lack its end: its log could not be read in time", log.pod)
        log.close()
        return True

    def close(self) -> None:
        if self._log is not None:
            self._log.close()

    def _current(self, seen: JobSnapshot) -> PodLog | None:
        """The log to read: the one that we are at, one that goes on, or the next."""
        if self._log is not None and (not self._log.over or self._was_restarted(self._log, seen)):
            return self._log
        for pod in seen.there:
            name: str = pod["metadata"]["name"]
            if name not in self._begun and has_log(pod):
                self._begun.add(name)
                self._log = PodLog(name, self._open_log)
                return self._log
        return None

    def _after_the_last(self, data: bytes, log: PodLog) -> bytes:
        """`data`, on a new line if the log before it ended without one."""
        unended, self._unended = self._unended, log.over and not data.endswith(b"\n")
        return b"\n" + data if unended else data

    def _was_restarted(self, log: PodLog, seen: JobSnapshot) -> bool:
        """Whether the container was started again since we asked for its log, which is asked for anew then."""
        now = max((restarts(pod) for pod in seen.there if pod["metadata"]["name"] == log.pod), default=0)
        if now <= log.restarts:
            return False
        log.restarts = now
        log.reopen()
        return True

    def _patient_until(self, log: PodLog, ended_at: float) -> float:
        """Until when more is waited for, on a stream that says nothing or for one. A busy node takes its time."""
        if log.stream is None:
            return ended_at + UNREACHABLE
        return max(ended_at, log.heard) + (UNREACHABLE if self._reopened else QUIET)

    def _reopen(self, log: PodLog) -> bool:
        """Asks once for what an idle connection may have lost without a word; False if that has been done."""
        if self._reopened:
            return False
        self._reopened = True
        log.reopen()
        return True


def _has_ended(pod: str, seen: JobSnapshot) -> bool:
    return any(one["metadata"]["name"] == pod and (one["gone"] or has_ended(one)) for one in seen.pods)


def _is_gone(pod: str, seen: JobSnapshot) -> bool:
    return seen.gone or all(one["metadata"]["name"] != pod for one in seen.there)
