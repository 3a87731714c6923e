"""The output of a run: the logs of its pods, one after the other, and when there is no more to come."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import LaunchError
from ..net.http import StreamingResponse
from .observed import JobSnapshot
from .podlog import OpenLog, PodLog
from .status import has_ended, has_log, restarts

QUIET_TIMEOUT = 3.0
"""Seconds without a byte, after the Job's end, until its log is requested again: the connection may be dead."""

UNREACHABLE_TIMEOUT = 30.0
"""Seconds after the Job's end in which a log that broke, or that was requested again, must be readable."""


COMPLAINT_TIMEOUT = 10.0
"""Seconds after the Job's end in which a node that answers must be able to read the log."""


class RunOutput:
    """The logs of one Job's pods. Owned by the thread that follows the run."""

    def __init__(self, open_log: OpenLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._open_log = open_log
        self._clock = clock
        self._log: PodLog | None = None
        self._opened: set[str] = set()  # the pods whose log has been read, or is being read
        self._reopened = False
        self._has_gap = False  # in the logs before this one
        self._ends_midline = False  # whether the log before this one ended without a newline

    def is_complete(self, snapshot: JobSnapshot) -> bool:
        """Whether, as far as is known, every line has been read that the pods have written."""
        unread = [pod for pod in snapshot.pods if has_log(pod) and pod["metadata"]["name"] not in self._opened]
        return not (self._has_gap or unread or (self._log is not None and self._log.gap))

    @property
    def sources(self) -> list[StreamingResponse]:
        """What to wait for."""
        return [self._log.stream] if self._log is not None and self._log.stream is not None else []

    def due(self, ended_at: float | None) -> float | None:
        """When (monotonic seconds) to read again even if nothing arrives."""
        if self._log is None or self._log.finished:
            return None
        if ended_at is None or self._log.stream is None:
            return self._log.due
        return self._deadline(self._log, ended_at)

    def read(self, snapshot: JobSnapshot, ended: bool) -> bytes:
        """Returns the data that has arrived; b"" if none has. `ended`: the Job has ended."""
        while (log := self._current(snapshot)) is not None:
            try:
                complete = _has_ended(log.pod, snapshot)
                data = log.read(ended or complete, follow=not complete)
            except LaunchError as error:
                log.report_gap(str(error))
                log.close()
                continue
            if data:
                return self._on_a_new_line(data, log)
            if not (log.finished or self._is_lost(log, snapshot)):
                break
        return b""

    def is_finished(self, snapshot: JobSnapshot, ended_at: float) -> bool:
        """Whether no more output is to be expected of a Job that ended at `ended_at` (monotonic seconds)."""
        log, now = self._log, self._clock()
        if log is None or log.finished:
            return True
        if now < self._deadline(log, ended_at) or (log.stream is not None and self._reopen(log)):
            return False
        self.abandon()
        return True

    def abandon(self) -> None:
        """Stops reading, with a warning if there may be more output."""
        if self._log is not None and not self._log.finished:
            self._log.report_gap(self._log.complaint or "its log could not be read in time")
            self._log.close()

    def close(self) -> None:
        if self._log is not None:
            self._log.close()

    def _current(self, snapshot: JobSnapshot) -> PodLog | None:
        """The log to read: the unfinished one, the last one if its container was restarted, or that of the next pod."""
        if self._log is not None and (not self._log.finished or self._was_restarted(self._log, snapshot)):
            return self._log
        for pod in snapshot.present:
            name: str = pod["metadata"]["name"]
            if name not in self._opened and has_log(pod):
                self._opened.add(name)
                self._has_gap = self._has_gap or (self._log is not None and bool(self._log.gap))
                self._log = PodLog(name, self._open_log, clock=self._clock)
                return self._log
        return None

    def _is_lost(self, log: PodLog, snapshot: JobSnapshot) -> bool:
        """Whether there is no more of this log, because its pod is gone. The next pod's is read then.

        A node removes the log of a pod that is deleted, and reports later that the pod is gone.
        """
        if log.stream is not None or not log.not_found:
            return False
        if not _is_gone(log.pod, snapshot) and not (log.read_to_end and _is_going(log.pod, snapshot)):
            return False
        if not log.read_to_end:
            log.report_gap("its pod was removed before its log was read")
        log.close()
        return True

    def _on_a_new_line(self, data: bytes, log: PodLog) -> bytes:
        """`data`, after a newline if the log before it ended without one."""
        midline, self._ends_midline = self._ends_midline, log.finished and not data.endswith(b"\n")
        return b"\n" + data if midline else data

    def _was_restarted(self, log: PodLog, snapshot: JobSnapshot) -> bool:
        """Whether the container was restarted since its log was requested; the log is then requested again."""
        count = max((restarts(pod) for pod in snapshot.present if pod["metadata"]["name"] == log.pod), default=0)
        if count <= log.restarts:
            return False
        log.restarts, log.read_to_end = count, False
        log.reopen()
        return True

    def _deadline(self, log: PodLog, ended_at: float) -> float:
        """When to give up waiting for a silent stream, or for a connection. A busy node answers late."""
        if log.stream is None:
            return ended_at + (COMPLAINT_TIMEOUT if log.complaint else UNREACHABLE_TIMEOUT)
        return max(ended_at, log.active_at) + (UNREACHABLE_TIMEOUT if self._reopened else QUIET_TIMEOUT)

    def _reopen(self, log: PodLog) -> bool:
        """Requests the log again, once: an idle connection may have died unnoticed. False if that has been done."""
        if self._reopened:
            return False
        self._reopened = True
        log.reopen()
        return True


def _has_ended(pod: str, snapshot: JobSnapshot) -> bool:
    return any(one["metadata"]["name"] == pod and (one["gone"] or has_ended(one)) for one in snapshot.pods)


def _is_going(pod: str, snapshot: JobSnapshot) -> bool:
    """Whether the pod is being deleted, and its container has ended."""
    return any(
        one["metadata"]["name"] == pod and "deletionTimestamp" in one["metadata"] and has_ended(one)
        for one in snapshot.present
    )


def _is_gone(pod: str, snapshot: JobSnapshot) -> bool:
    return snapshot.gone or all(one["metadata"]["name"] != pod for one in snapshot.present)
