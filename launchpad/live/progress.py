"""`launchpad.progress`: a bar for futures, and the futures as they complete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar, cast

from ..core.interrupts import uninterrupted
from .bar import Bar, MakeDisplay, display_here

F = TypeVar("F", bound=Future[Any])
Self = TypeVar("Self", bound="Progress[Any]")

WAKE_INTERVAL = 0.5
"""Seconds between two wake-ups of a waiting loop: an interrupt just before it blocks does not wake it."""


def progress(futures: Iterable[F]) -> Progress[F]:
    """Shows the progress of `futures` by a bar, during an iteration or a `with` block.

    `for future in progress(futures)` yields each future as it completes, like `as_completed`. `with progress(futures)`
    shows the bar for the duration of the block. Leaving early stops no run. The bar is drawn on stderr if that is a
    terminal, or in the notebook's cell; elsewhere, a line is printed to stderr every ten seconds.

    LaunchError if the package rich (extras `cli` and `notebook`) is missing.
    """
    return Progress(futures, display_here())


class Progress(Generic[F]):
    """The result of `progress`. Not thread-safe."""

    def __init__(self, futures: Iterable[F], make_display: MakeDisplay | None) -> None:
        self._futures = list(dict.fromkeys(futures))
        for future in self._futures:
            if not isinstance(future, Future):
                raise TypeError(f"progress takes futures, not {type(future).__name__}")
        self._make_display = make_display
        self._bar: Bar | None = None
        self._entered = 0

    def __len__(self) -> int:
        return len(self._futures)

    def __iter__(self) -> Iterator[F]:
        with self:
            ended = self._ended()
            for _ in self._futures:
                yield _next(ended)

    def __enter__(self: Self) -> Self:
        if not self._entered and self._make_display is not None and self._futures:
            self._bar = Bar(self._make_display, expected=len(self))
            self._bar.start(self._futures)
        self._entered += 1
        return self

    def __exit__(self, *error: object) -> None:
        self._entered -= 1
        if self._entered == 0 and self._bar is not None:
            bar, self._bar = self._bar, None
            bar.close()

    def _ended(self) -> SimpleQueue[F]:
        """A queue that receives each future when it ends.

        Not `as_completed`: if an interrupt breaks it off, futures stay locked, and the threads that end them hang.
        """
        ended: SimpleQueue[F] = SimpleQueue()

        def listen() -> None:
            for future in self._futures:
                future.add_done_callback(cast("Callable[[Future[Any]], object]", ended.put))

        uninterrupted(listen, lambda: None)
        return ended


def _next(ended: SimpleQueue[F]) -> F:
    while True:
        with suppress(Empty):
            return ended.get(timeout=WAKE_INTERVAL)
