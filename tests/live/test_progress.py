"""`progress` and the bars of executors: when they start and end, and how a broken display is handled."""

from __future__ import annotations

import logging
import random
import threading
from concurrent.futures import Future

import pytest

from launchpad.live.bar import Bar, Bars
from launchpad.live.lines import LinesDisplay
from launchpad.live.progress import Progress, progress
from launchpad.live.tally import Counts, Failure
from tests.executor.test_interrupts import interrupted
from tests.helping import threads


class Shown:
    """A display that records its calls."""

    interval = 0.001

    def __init__(self) -> None:
        self.counts: list[Counts] = []
        self.failures: list[Failure] = []
        self.over: Counts | None = None
        self.shown = threading.Event()

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        self.counts.append(counts)
        self.failures += failures
        self.shown.set()

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        self.failures += failures
        self.over = counts

    def abandon(self) -> None:
        self.over = Counts(total=-1)


class Displays(list[Shown]):
    """A factory that keeps the displays it made."""

    def __call__(self) -> Shown:
        self.append(Shown())
        return self[-1]


@pytest.fixture
def displays() -> Displays:
    return Displays()


def futures(count: int) -> list[Future[int]]:
    return [Future() for _ in range(count)]


def test_futures_are_yielded_as_they_complete(displays: Displays) -> None:
    first, second = futures(2)
    coming = iter(Progress([first, second], displays))
    second.set_result(2)
    assert next(coming) is second
    first.set_result(1)
    assert list(coming) == [first]
    assert displays[0].over.succeeded == 2


def test_leaving_a_loop_early_ends_the_bar_but_no_future(displays: Displays) -> None:
    first, second = futures(2)
    first.set_result(1)
    for future in Progress([first, second], displays):
        assert future is first
        break
    del future
    assert (displays[0].over.ended, displays[0].over.total) == (1, 2)
    assert not second.done()


def test_a_block_shows_the_bar_until_its_end(displays: Displays) -> None:
    (future,) = futures(1)
    with Progress([future], displays):
        assert displays[0].shown.wait(10)
        assert displays[0].over is None
        future.set_exception(ValueError("no"))
    assert displays[0].failures == [("a call", "ValueError: no")]


def test_a_block_may_iterate_over_the_progress(displays: Displays) -> None:
    (future,) = futures(1)
    future.set_result(1)
    with Progress([future, future], displays) as shown:
        assert len(shown) == 1
        assert list(shown) == [future]
    assert len(displays) == 1


def test_an_interrupt_at_any_moment_leaves_no_bar_and_no_future_locked(displays: Displays) -> None:
    moments = random.Random(5)
    for _ in range(200):
        pending = futures(3)
        interrupted(lambda pending=pending: list(Progress(pending, displays)), moments.uniform(0, 0.003))
        assert [display for display in displays if display.over is None] == []
        assert list(threads()) == []
        for future in pending:
            future.set_result(1)


def test_an_interrupt_at_any_moment_leaves_no_bar_of_an_executor(displays: Displays) -> None:
    moments = random.Random(6)
    for _ in range(100):
        bars, (future,) = Bars(displays), futures(1)
        interrupted(
            lambda bars=bars, future=future: (bars.add(future), threading.Event().wait()), moments.uniform(0, 0.002)
        )
        future.cancel()
        bars.end(wait=True)
        assert [display for display in displays if display.over is None] == []


def test_a_bar_ends_with_its_last_future(displays: Displays) -> None:
    bar = Bar(displays, expected=1)
    bar.start()
    (future,) = futures(1)
    assert bar.add(future)
    future.set_result(1)
    bar._thread.join(10)
    assert displays[0].over.succeeded == 1
    assert not bar.add(future)


def test_later_runs_start_another_bar(displays: Displays) -> None:
    bars = Bars(displays)
    first, second = futures(2)
    bars.add(first)
    first.set_result(1)
    bars.end(wait=True)
    bars.add(second)
    second.set_result(1)
    bars.end(wait=True)
    assert [display.over.total for display in displays] == [1, 1]


def test_a_note_is_shown_beside_the_counts(displays: Displays) -> None:
    (future,) = futures(1)
    bars = Bars(displays)
    bars.add(future)
    bars.say("stopping")
    bars.end(wait=True)
    assert displays[0].over is not None
    assert displays[0].over.note == "stopping"


def test_no_futures_show_no_bar(displays: Displays) -> None:
    assert list(Progress([], displays)) == []
    assert displays == []


def test_nothing_is_printed_without_a_terminal_if_it_does_not_take_long(capfd: pytest.CaptureFixture[str]) -> None:
    (future,) = futures(1)
    future.set_result(1)
    assert list(progress([future])) == [future]
    assert capfd.readouterr() == ("", "")


class OftenLines(LinesDisplay):
    interval = 0.001


def test_without_a_terminal_a_line_is_printed_now_and_then_and_a_summary(capfd: pytest.CaptureFixture[str]) -> None:
    first, second = futures(2)
    first.set_result(1)
    bar, printed = Bar(OftenLines), ""
    bar.start([first, second])
    while "\n" not in printed:
        printed += capfd.readouterr().err
    second.set_result(1)
    bar.close()
    printed += capfd.readouterr().err
    assert printed.startswith("launchpad: 1 of 2 runs have ended, 0 failed")
    assert printed.splitlines()[-1].startswith("2 runs: 2 succeeded in ")


def test_a_display_that_is_rarely_updated_ends_with_its_futures() -> None:
    class Rare(Shown):
        interval = 3600.0

    (future,) = futures(1)
    bar = Bar(Rare, linger=0.0)
    bar.start([future])
    future.set_result(1)
    assert bar._thread is not None
    bar._thread.join(30)
    assert not bar._thread.is_alive()


def test_only_futures_have_progress() -> None:
    with pytest.raises(TypeError, match="takes futures, not str"):
        progress(["future"])  # type: ignore[list-item]


class Broken(Shown):
    """Raises from the second call of `show` on."""

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        super().show(counts, failures)
        if len(self.counts) == 2:
            raise OSError("the terminal is gone")


def test_a_display_that_fails_causes_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    broken = Broken()
    (future,) = futures(1)
    with Progress([future], lambda: broken) as shown:
        shown._bar._thread.join(10)
        future.set_result(1)
        assert list(shown) == [future]
    assert [record.getMessage() for record in caplog.records] == [
        "Progress cannot be shown any more: OSError: the terminal is gone"
    ]
    assert broken.over.total == -1


def test_a_display_that_cannot_be_made_causes_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    def cannot() -> Shown:
        raise RuntimeError("no IPython")

    (future,) = futures(1)
    future.set_result(1)
    assert list(Progress([future], cannot)) == [future]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
