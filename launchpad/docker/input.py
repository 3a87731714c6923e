"""A container's input: sent by the thread that polls the run, as fast as the run reads it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from ..core.cancellation import StopToken
from ..core.retries import Transient
from ..errors import LaunchError
from ..net.http import StreamingResponse
from ..net.wakeup import HasFileno, readable
from ..stdin import StandardInput, open_stdin

READ_SIZE = 64 * 1024

MAX_SENT = 1024 * 1024
"""Bytes after which `advance` returns although the run may take more."""

START_TIMEOUT = 60.0
"""Seconds within which a run that is only started must have taken its whole input."""

CHECK_INTERVAL = 0.1
"""Seconds between two looks whether such a run has ended."""

_logger = logging.getLogger("launchpad")


class RunInput:
    """The input of one container, on a connection of its own, which the engine closes when it has passed all on.

    A run that ends, or closes its input, before it has read everything is no error. Podman writes the run's output to
    all its connections, and waits until it is read: it is dropped here. LaunchError if the file cannot be opened.
    """

    def __init__(self, stdin: StandardInput, name: str) -> None:
        descriptor = open_stdin(stdin)
        assert descriptor is not None
        self._name = name
        self._descriptor = descriptor
        self._stream: StreamingResponse | None = None
        self._held = b""  # read, and not sent yet
        self._gets_output = False
        self._sent = False  # to its end
        self._closed = False

    def connect(self, stream: StreamingResponse, *, gets_output: bool) -> None:
        """Sends the input on `stream` from now on. With `gets_output`, output arrives there too."""
        self._stream = stream
        self._gets_output = gets_output

    @property
    def sources(self) -> list[HasFileno]:
        """What to wait for until it can be read."""
        if self._closed or self._stream is None:
            return []
        return [self._stream] if self._held or self._sent else [self._stream, self]

    @property
    def targets(self) -> list[HasFileno]:
        """What to wait for until it can be written."""
        return [self._stream] if self._stream is not None and self._held else []

    def fileno(self) -> int:
        return self._descriptor

    def advance(self) -> None:
        """Sends what is there and what the engine takes. Does not block."""
        try:
            self._drop_output()
            self._send()
        except Transient:  # the run has ended, or has closed its input
            self.close()

    def send_all(self, has_ended: Callable[[], bool], stop_token: StopToken) -> None:
        """Sends everything, unless the run ends. Stopped; LaunchError if the run does not read it soon enough."""
        waited = 0.0
        while not (self._closed or has_ended() or (self._sent and self._gets_output)):
            stop_token.check()
            if waited > START_TIMEOUT:
                raise LaunchError(
                    f"Run {self._name!r} has not read its input within {START_TIMEOUT:g} s, which `start` waits for: "
                    "use submit or launch, or mount the input as a volume."
                )
            if not readable(self.sources, CHECK_INTERVAL, self.targets):
                waited += CHECK_INTERVAL
            self.advance()

    def close(self) -> None:
        """Ends the input. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._held = b""
        os.close(self._descriptor)
        if self._stream is not None:
            self._stream.close()

    def _drop_output(self) -> None:
        dropped = 0
        while self._stream is not None and not self._closed and dropped < MAX_SENT:
            if (data := self._stream.read()) is None:
                return
            if not data:
                self.close()
            dropped += len(data)

    def _send(self) -> None:
        sent = 0
        while sent < MAX_SENT and self._fill():
            assert self._stream is not None
            if not (taken := self._stream.send(self._held)):
                return
            self._held = self._held[taken:]
            sent += taken

    def _fill(self) -> bool:
        """Reads what is there, unless some is held already. Whether there is something to send."""
        if self._closed or self._sent or self._held:
            return bool(self._held)
        if not readable([self], 0):
            return False
        try:
            self._held = os.read(self._descriptor, READ_SIZE)
        except OSError as error:
            _logger.warning("Input of run %r may be incomplete: %s", self._name, error.strerror)
        if not self._held:
            self._sent = True
            if self._stream is not None:
                self._stream.end_sending()  # and no more: ssh has not passed everything on
        return bool(self._held)
