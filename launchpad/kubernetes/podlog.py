"""The log of a pod: read from its first line and, after a break, from where the last connection ended.

Every line comes with its time, and a log can be requested from a second on. The lines of the last two seconds (those of
two threads may be slightly out of order) are counted, and skipped when they are sent again.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from ..core.retries import RetrySchedule, Transient, request_schedule, resume_schedule
from ..net.http import StreamingResponse
from .errors import ApiError

RESUME_INTERVAL = 2.0
"""Seconds from the end of a stream until the log is requested again, unless the container is known to have ended.

The stream ends when the log is rotated and when the server goes down. News of a container's end takes about a second,
and longer from a busy node: without new lines, the log is requested ever more rarely.
"""

STABLE_WINDOW = 10.0
"""Seconds after which the break of a stream counts as a new fault, and not as the last one continuing."""

COMPLAINT_INTERVAL = 5.0
"""Seconds between two requests of a log that its node cannot read."""

OpenLog = Callable[[str, str | None, bool], StreamingResponse]
"""Opens the log of a pod from a time (RFC 3339) on: `open_log(pod, since, follow)`."""

_NOT_FOUND = (400, 404)

_TIME = rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)"
_LINE = re.compile(_TIME + rb" ")
_PIECE_SIZE = 16 * 1024
"""Bytes after which a node cuts a line into pieces. Older kubelets put the time before each piece."""

_MAX_TIME_SIZE = len(b"2000-01-01T00:00:00.000000000+00:00 ")
_MAX_CUT_SIZE = 12  # Docker writes three bytes for each byte of a character that it has cut apart

_logger = logging.getLogger("launchpad")


class LogCursor:
    """Knows which lines of a log have been read."""

    def __init__(self) -> None:
        self._counts: dict[bytes, dict[bytes, int]] = {}  # of the lines of the last two seconds: by second, by time
        self._repeated: dict[bytes, int] = {}  # how many lines of a time are still expected to come again
        self.has_missed = False
        """Whether none of the lines that were expected to come again has, since the last `resume`."""
        self._zone = b"Z"

    def is_new(self, moment: bytes, zone: bytes) -> bool:
        """Counts a line of this time; False if the line has been read before."""
        repeated = self._repeated.get(moment)
        if repeated:
            self._repeated[moment] = repeated - 1
            self.has_missed = False
            return False
        counts = self._counts.get(moment[:19])
        if counts is None:
            counts = self._counts[moment[:19]] = {}
            self._zone = zone
            if len(self._counts) > 2:
                del self._counts[min(self._counts)]
        counts[moment] = counts.get(moment, 0) + 1
        return True

    def resume(self) -> str | None:
        """The time from which to request the log now; None: from its beginning."""
        self._repeated = {moment: count for counts in self._counts.values() for moment, count in counts.items()}
        self.has_missed = bool(self._repeated)
        if not self._counts:
            return None
        second = datetime.fromisoformat(max(self._counts).decode()) - timedelta(seconds=1)
        return second.isoformat() + self._zone.decode()


class PodLog:
    """The log of the run's container in one pod, as bytes without the times. Owned by the thread that reads it."""

    def __init__(
        self,
        pod: str,
        open_log: OpenLog,
        new_schedule: Callable[[], RetrySchedule] = request_schedule,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pod = pod
        self._clock = clock
        self.finished = False
        self.stream: StreamingResponse | None = None
        """To wait for; None while there is no connection."""
        self.due: float | None = 0.0
        """When (monotonic seconds) to read again if there is no connection."""
        self.active_at = self._clock()
        """When data last arrived, or the log was requested again."""
        self.not_found = False
        """Whether the last request found no log: a node that has just started does not know its pods yet."""
        self.read_to_end = False
        """Whether the last stream that had lines ended as a log does, without a fault."""
        self.gap = ""
        """Why lines are missing; empty if none are known to be."""
        self.complaint = ""
        """What the node writes in place of the log, or after a part of it."""
        self.restarts = 0
        """How often the container had been restarted when the log was last requested."""
        self._open = open_log
        self._cursor = LogCursor()
        self._opened_at = 0.0
        self._partial_line: list[bytes] = []
        self._at_end = False  # whether the last stream was read to its end, and nothing has failed since
        self._has_lines = False  # whether the last stream had any, new or not
        self._resumed_after_fault = False
        self._new_schedule = new_schedule
        self._schedule: RetrySchedule | None = None  # from the first of several faults in a row on
        self._resumptions: RetrySchedule | None = None  # from the first of several ends without a new line on

    def read(self, ended: bool, *, follow: bool = True) -> bytes:
        """Returns the data that has arrived, without waiting; b"" if none has. `ended`: the container has ended.

        Requests the log if there is no connection: without `follow`, only the text written so far. LaunchError if the
        server refuses it.
        """
        if ended and self._at_end:  # it may have ended before the container: with its node, or with the server
            self.due = 0.0
        if self.finished or (self.due is not None and self._clock() < self.due):
            return b""
        try:
            if self.stream is None:
                self.stream, self.due = self._open(self.pod, self._cursor.resume(), follow), None
                self._resumed_after_fault = not self._at_end
                self._opened_at, self._partial_line, self._at_end = self._clock(), [], False
                self.complaint, self._has_lines = "", False
            return self._read(self.stream, ended)
        except Transient as error:
            self._retry_later(error)
        except ApiError as error:
            if error.status not in _NOT_FOUND:
                raise
            last = self._last_line() if self.read_to_end else b""  # it cannot be read again: the pod is gone
            self.not_found = True
            self._retry_later(Transient(str(error)), read_to_end=self.read_to_end)
            return last
        return b""

    def reopen(self) -> None:
        """Makes the next `read` request the log again: the connection may be dead, or the container was restarted."""
        self._disconnect()
        self.finished = self._at_end = False
        self._schedule = None
        self.due, self.active_at = 0.0, self._clock()

    def close(self) -> None:
        self.finished = True
        self._disconnect()

    def _read(self, stream: StreamingResponse, ended: bool) -> bytes:
        while data := stream.read():
            self.active_at = self._clock()
            text = self._complete_lines(data)
            if text or not self.complaint:
                self._schedule = None
            if text:
                self._resumptions = None
                return text
        if data is None:
            return b""
        self._disconnect()
        if _LINE.match(last := b"".join(self._partial_line)) is None:
            self.complaint = self.complaint or last.decode("utf-8", "replace").strip()
        if self.complaint:
            self.not_found = not self._has_lines
            self._retry_later(Transient(self.complaint), read_to_end=self.read_to_end and not self._has_lines)
            return b""
        self._at_end = self.read_to_end = True
        self._resumptions = self._resumptions or resume_schedule(RESUME_INTERVAL, self._clock)
        self.due = self._clock() + (self._resumptions.next_in() or 0.0)
        return self._finish() if ended else b""

    def _finish(self) -> bytes:
        """Ends the log, and returns its last line if that has no newline."""
        self.close()
        self._at_end = False
        return self._last_line()

    def _last_line(self) -> bytes:
        """Takes the last line, if it has no newline."""
        last = b"".join(self._partial_line)
        self._partial_line = []
        return (self._text(last) if last else None) or b""

    def _retry_later(self, error: Transient, *, read_to_end: bool = False) -> None:
        stable = self.stream is not None and self._clock() - self._opened_at > STABLE_WINDOW
        if self._schedule is None or stable:
            self._schedule = self._new_schedule()
        self._disconnect()
        self._at_end, self.read_to_end = False, read_to_end
        delay = self._schedule.next_in(error)
        if delay is None and self.complaint:  # the node answers: it is asked as long as the container runs
            delay = COMPLAINT_INTERVAL
        if delay is None:
            self.report_gap(f"its log cannot be read: {error}")
            self.finished = True
        else:
            self.due = self._clock() + delay

    def report_gap(self, reason: str) -> None:
        """Takes note that output is lost, and warns once."""
        if not self.gap:
            self.gap = reason
            _logger.warning("The output of pod %s may be incomplete: %s", self.pod, reason)

    def _disconnect(self) -> None:
        if self.stream is not None:
            self.stream.close()
            self.stream = None

    def _complete_lines(self, data: bytes) -> bytes:
        head, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._partial_line.append(data)
            return b""
        self._partial_line.append(head)
        lines = b"".join(self._partial_line).split(b"\n")
        self._partial_line = [rest]
        texts = [text for line in lines if (text := self._text(line)) is not None]
        return b"\n".join(texts) + b"\n" if texts else b""

    def _text(self, line: bytes) -> bytes | None:
        """The line without its time; None if it was read before, or is a message of the node about the log."""
        stamp = _LINE.match(line)
        if stamp is None:
            self.complaint = self.complaint or line.decode("utf-8", "replace").strip()
            return None
        self._has_lines, self.not_found = True, False
        if not self._cursor.is_new(line[: stamp.end() - 1], stamp[2]):
            return None
        if self._cursor.has_missed and self._resumed_after_fault and not self.restarts:
            self.report_gap("after a break, it began later than where it had broken: its node had rotated the log")
        text = line[stamp.end() :]
        return text if len(text) <= _PIECE_SIZE else _joined(text)


def _joined(text: bytes) -> bytes:
    """A long line without the times before its pieces."""
    pieces = []
    at = 0
    while at < len(text):
        stamp = _LINE.search(text, at + _PIECE_SIZE, at + _PIECE_SIZE + _MAX_CUT_SIZE + _MAX_TIME_SIZE)
        end, after = (stamp.start(), stamp.end()) if stamp else (at + _PIECE_SIZE, at + _PIECE_SIZE)
        pieces.append(text[at:end])
        at = after
    return b"".join(pieces)
