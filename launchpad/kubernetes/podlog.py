"""The log of a pod: followed from its first line, and after a break from where it was.

Every line comes with its time, and a log can be asked for from a second on: what we have had of that second, and of the
one before (lines of two threads may be a little out of order), is counted, and skipped when it comes again.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from ..core.retries import Patience, Transient, asking_again
from ..net.streams import Stream
from .errors import ApiError

RESUMED_AFTER = 2.0
"""Seconds from the proper end of a stream until it is asked for again, unless the container is known to have ended.

A log that was rotated ends, and so does one whose server goes down. The news of a container's end takes about a second.
"""

STEADY = 10.0
"""Seconds that a stream has lasted after which its break is a new fault, and not the last one going on."""

OpenLog = Callable[[str, str | None, bool], Stream]
"""Opens the log of a pod, from a time (RFC 3339) on, and follows it or gives what is there."""

_NOT_THERE = (400, 404)

_TIME = rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)"
_LINE = re.compile(_TIME + rb" ")
_PIECE = 16 * 1024
"""Bytes after which a line is cut into pieces where it is kept; older kubelets put the time before each."""

_LONGEST_TIME = len(b"2000-01-01T00:00:00.000000000+00:00 ")
_CUT_WITHIN = 12  # Docker writes three bytes for each byte of a character that it has cut apart

_logger = logging.getLogger("launchpad")


class LogCursor:
    """Which lines of a log we have had."""

    def __init__(self) -> None:
        self._seconds: dict[bytes, dict[bytes, int]] = {}  # lines by their time, of the last two seconds
        self._again: dict[bytes, int] = {}
        self._zone = b"Z"

    def is_new(self, moment: bytes, zone: bytes) -> bool:
        """Counts a line of this time; False if it came again."""
        again = self._again.get(moment)
        if again:
            self._again[moment] = again - 1
            return False
        counts = self._seconds.get(moment[:19])
        if counts is None:
            counts = self._seconds[moment[:19]] = {}
            self._zone = zone
            if len(self._seconds) > 2:
                del self._seconds[min(self._seconds)]
        counts[moment] = counts.get(moment, 0) + 1
        return True

    def resume(self) -> str | None:
        """From when on the log is to be asked for now; None: from its beginning."""
        self._again = {moment: count for counts in self._seconds.values() for moment, count in counts.items()}
        if not self._seconds:
            return None
        second = datetime.fromisoformat(max(self._seconds).decode()) - timedelta(seconds=1)
        return second.isoformat() + self._zone.decode()


class PodLog:
    """The log of the run's container in one pod, as bytes without the times. Owned by the thread that reads it."""

    def __init__(self, pod: str, open_log: OpenLog, new_patience: Callable[[], Patience] = asking_again) -> None:
        self.pod = pod
        self.over = False
        self.stream: Stream | None = None
        """To wait with; None while there is no connection."""
        self.due: float | None = 0.0
        """When (monotonic seconds) to read again, if nothing can be waited for."""
        self.heard = time.monotonic()
        """When something last came, or was asked for anew."""
        self.not_there = False
        """Whether the log was asked for and not found: a node that has just come up does not know of its pods yet."""
        self.restarts = 0
        """How often the container had been started again when we last asked."""
        self._open = open_log
        self._position = LogCursor()
        self._opened_at = 0.0
        self._held: list[bytes] = []  # of a line whose end has not come
        self._ended_properly = False
        self._new_patience = new_patience
        self._patience: Patience | None = None  # from the first of some faults in a row on

    def read(self, ended: bool, *, follow: bool = True) -> bytes:
        """What has come, without waiting; `ended`: what comes now is the last. b"" is nothing yet.

        A log that is still to be asked for is followed, or read as it is: to what has ended nothing is added.
        LaunchError where the log cannot be had.
        """
        if ended and self._ended_properly:
            return self._finish()
        if self.over or (self.due is not None and time.monotonic() < self.due):
            return b""
        try:
            if self.stream is None:
                self.stream, self.due = self._open(self.pod, self._position.resume(), follow), None
                self._opened_at, self._held, self._ended_properly = time.monotonic(), [], False
            return self._read(self.stream, ended)
        except Transient as error:
            self._broke(error)
        except ApiError as error:
            if error.status not in _NOT_THERE:
                raise
            self.not_there = True
            self._broke(Transient(str(error)))
        return b""

    def reopen(self) -> None:
        """Asks for the log anew: nothing has come for long, or the container was started again; more may be there."""
        self._disconnect()
        self.over = self._ended_properly = False
        self._patience = None
        self.due, self.heard = 0.0, time.monotonic()

    def close(self) -> None:
        self.over = True
        self._disconnect()

    def _read(self, stream: Stream, ended: bool) -> bytes:
        while data := stream.read():
            self.heard = time.monotonic()
            self._patience = None
            if text := self._lines(data):
                return text
        if data is None:
            self._ended_properly = True
            self._disconnect()
            self.due = time.monotonic() + RESUMED_AFTER
            return self._finish() if ended else b""
        return b""

    def _finish(self) -> bytes:
        """The last line, if it has no end."""
        self.close()
        self._ended_properly = False
        last = b"".join(self._held)
        self._held = []
        return self._text(last) or b""

    def _broke(self, error: Transient) -> None:
        lasted = self.stream is not None and time.monotonic() - self._opened_at > STEADY
        if self._patience is None or lasted:
            self._patience = self._new_patience()
        self._disconnect()
        delay = self._patience.next_in(error)
        if delay is None:
            _logger.warning("The output of pod %s may lack its end: its log cannot be had: %s", self.pod, error)
            self.over = True
        else:
            self.due = time.monotonic() + delay

    def _disconnect(self) -> None:
        if self.stream is not None:
            self.stream.close()
            self.stream = None

    def _lines(self, data: bytes) -> bytes:
        head, end, rest = data.rpartition(b"\n")
        if not end:
            self._held.append(data)
            return b""
        self._held.append(head)
        lines = b"".join(self._held).split(b"\n")
        self._held = [rest]
        texts = [text for line in lines if (text := self._text(line)) is not None]
        return b"\n".join(texts) + b"\n" if texts else b""

    def _text(self, line: bytes) -> bytes | None:
        """The line without its time; None for one that we have had, or that is not of the log but about it."""
        stamp = _LINE.match(line)
        if stamp is None or not self._position.is_new(line[: stamp.end() - 1], stamp[2]):
            return None
        text = line[stamp.end() :]
        return text if len(text) <= _PIECE else _joined(text)


def _joined(text: bytes) -> bytes:
    """A long line without the times before its pieces."""
    pieces = []
    at = 0
    while at < len(text):
        stamp = _LINE.search(text, at + _PIECE, at + _PIECE + _CUT_WITHIN + _LONGEST_TIME)
        end, after = (stamp.start(), stamp.end()) if stamp else (at + _PIECE, at + _PIECE)
        pieces.append(text[at:end])
        at = after
    return b"".join(pieces)
