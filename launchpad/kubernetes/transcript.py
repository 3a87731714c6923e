"""What a run writes: the logs of its pods, one after the other, and when there is no more to come."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ..errors import LaunchError
from .logs import PodLog
from .pods import has_ended, has_log
from .sight import Seen
from .streams import Stream

QUIET = 3.0
"""Seconds without a byte, after the Job's end, until its log is asked for anew, and then taken to be over."""

UNREACHABLE = 20.0
"""Seconds after the Job's end within which a log that broke must be there again."""

_logger = logging.getLogger("launchpad")


class Transcript:
    """The logs of one Job's pods. Owned by the thread that follows the run. `open_log` opens a pod's, since a time."""

    def __init__(self, open_log: Callable[[str, str | None], Stream]) -> None:
        self._open_log = open_log
        self._log: PodLog | None = None
        self._begun: set[str] = set()  # the pods whose log we have, or have had
        self._reopened = False

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
        return [max(ended_at, self._log.heard) + QUIET]

    def read(self, seen: Seen, ended: bool) -> bytes:
        """What has come; b"" is nothing yet. `ended`: the Job has."""
        while (self._log is not None and not self._log.over) or self._begin_next(seen):
            log = self._log
            assert log is not None  # one has just begun, if there was none
            try:
                data = log.read(ended or _has_ended(log.pod, seen))
            except LaunchError as error:
                log.close()
                _logger.warning("The output of pod %s cannot be had: %s", log.pod, error)
                continue
            if data or not log.over:
                return data
        return b""

    def is_over(self, seen: Seen, ended_at: float) -> bool:
        """Whether nothing is to be expected any more of a Job that has ended at `ended_at` (monotonic seconds)."""
        log, now = self._log, time.monotonic()
        if log is None or log.over:
            return True
        if log.stream is None:
            over = now >= ended_at + UNREACHABLE or (log.not_there and _is_gone(log.pod, seen))
        else:
            over = now >= max(ended_at, log.heard) + QUIET and not self._reopen(log)
        if over:
            log.close()
        return over

    def close(self) -> None:
        if self._log is not None:
            self._log.close()

    def _begin_next(self, seen: Seen) -> bool:
        for pod in seen.there:
            name: str = pod["metadata"]["name"]
            if name not in self._begun and has_log(pod):
                self._begun.add(name)
                self._log = PodLog(name, self._open_log)
                return True
        return False

    def _reopen(self, log: PodLog) -> bool:
        """Asks once for what an idle connection may have lost without a word; False if that has been done."""
        if self._reopened:
            return False
        self._reopened = True
        log.reopen()
        return True


def _has_ended(pod: str, seen: Seen) -> bool:
    return any(one["metadata"]["name"] == pod and (one["gone"] or has_ended(one)) for one in seen.pods)


def _is_gone(pod: str, seen: Seen) -> bool:
    return seen.gone or all(one["metadata"]["name"] != pod for one in seen.there)
