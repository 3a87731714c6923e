"""`Delivery`: how far the output of one run was passed on, for a thread that decides whether to wait for the rest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from operator import length_hint


class DeliveryAbandoned(Exception):
    """The output of a run is given up: the run was stopped while its sink blocked. Internal."""


class Delivery:
    """The delivery of the output of one run to its sink. One thread delivers; any thread may look at it, or abandon it.

    It has no lock: each attribute is set by one thread only.
    """

    def __init__(self) -> None:
        self.abandoned = False
        """Whether the rest of the output is dropped."""
        self.steps = 0
        """Counts what the sink has taken. Not exact: it shows only that the delivery goes on."""
        self.lines: Iterator[str] = iter(())
        """The lines that a callback has still to get."""

    @property
    def progress(self) -> tuple[int, int]:
        """Two equal values with some time in between mean that the sink has taken nothing meanwhile."""
        return self.steps, length_hint(self.lines)

    def check(self) -> None:
        """Raises DeliveryAbandoned if the delivery is abandoned."""
        if self.abandoned:
            raise DeliveryAbandoned


class _Current(threading.local):
    """The delivery that the calling thread makes; outside of one, a delivery that is never abandoned."""

    delivery = Delivery()


current = _Current()
