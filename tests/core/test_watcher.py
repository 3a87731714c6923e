"""`Watcher`: listeners get their facts, also from streams that break, end or raise."""

from __future__ import annotations

import errno
import logging
import time

import pytest

from launchpad import EngineUnavailable, LaunchError
from launchpad.core.retries import Transient
from tests.helping import QUICK_TIMEOUT, until

from .streams import Event, Listener, Stream, Watch, threads


def test_facts_go_to_the_listeners_of_their_key(watch: Watch, stream: Stream) -> None:
    watcher, one, two = watch(stream), Listener(), Listener()
    watcher.register("one", one)
    watcher.register("two", two)
    stream.put(("two", "B"), ("other", "X"), ("one", "A"))
    assert (one.next(), two.next()) == ("A", "B")
    assert one.facts.empty()
    assert two.facts.empty()


def test_a_shortage_of_descriptors_at_the_opening_is_waited_out(watch: Watch, stream: Stream) -> None:
    watcher, listener = watch(OSError(errno.EMFILE, "Too many open files"), stream), Listener()
    watcher.register("one", listener)
    stream.put(("one", "A"))
    assert listener.next() == "A"


def test_a_fact_without_a_key_goes_to_all_listeners(watch: Watch, stream: Stream) -> None:
    watcher, listeners = watch(stream), [Listener() for _ in range(3)]
    for number, listener in enumerate(listeners):
        watcher.register(str(number // 2), listener)
    stream.put((None, "for all"))
    assert [listener.next() for listener in listeners] == ["for all"] * 3


def test_all_listeners_of_a_key_get_its_facts_in_order(watch: Watch, stream: Stream) -> None:
    watcher, listeners = watch(stream), [Listener(), Listener()]
    for listener in listeners:
        watcher.register("key", listener)
    stream.put(("key", "1"), ("key", "2"))
    assert [(listener.next(), listener.next()) for listener in listeners] == [("1", "2")] * 2


def test_a_listener_that_is_removed_gets_no_more_facts(watch: Watch, stream: Stream) -> None:
    watcher, leaves, stays = watch(stream), Listener(), Listener()
    watcher.register("key", leaves)
    watcher.register("key", stays)
    watcher.unregister("key", leaves)
    watcher.unregister("key", leaves)
    watcher.unregister("other", leaves)
    stream.put(("key", "fact"))
    assert stays.next() == "fact"
    assert leaves.facts.empty()


def test_one_thread_and_one_stream_serve_all_listeners(watch: Watch, stream: Stream) -> None:
    watcher, listeners = watch(stream), [Listener() for _ in range(20)]
    for number, listener in enumerate(listeners):
        watcher.register(str(number), listener)
        stream.put((str(number), "fact"))
    assert [listener.next() for listener in listeners] == ["fact"] * 20
    assert (len(threads()), watcher.events.opened) == (1, 1)


@pytest.mark.parametrize("broken", [Transient("reset by peer"), Stream.END], ids=["breaks", "ends"])
def test_after_a_stream_ends_another_is_opened_and_its_listing_counts(
    watch: Watch, listener: Listener, broken: Event
) -> None:
    first, second = Stream(("key", "1"), broken), Stream(("key", "2"))
    watch(first, second).register("key", listener)
    assert [listener.next(), listener.next()] == ["1", "2"]
    assert first.closed.is_set()
    assert not second.closed.is_set()


def test_a_stream_that_cannot_be_opened_now_is_tried_again(watch: Watch, stream: Stream, listener: Listener) -> None:
    watch(Transient("refused"), Transient("refused", retry_after=0.01), stream).register("key", listener)
    stream.put(("key", "fact"))
    assert listener.next() == "fact"


def test_a_long_outage_fails_all_listeners(watch: Watch) -> None:
    watcher, listeners = watch(longest_outage=0), [Listener(), Listener()]
    for key, listener in zip("ab", listeners, strict=True):
        watcher.register(key, listener)
    watcher.events.put(Transient("refused"))
    for listener in listeners:
        assert listener.failed.wait(QUICK_TIMEOUT)
        assert isinstance(listener.error, EngineUnavailable)
        assert "refused" in str(listener.error)


def test_streams_that_break_before_their_first_event_are_an_outage(watch: Watch, listener: Listener) -> None:
    streams = [Stream(Transient("cut off")) for _ in range(1000)]
    watcher = watch(*streams, longest_outage=0.3)
    watcher.register("key", listener)
    assert listener.failed.wait(QUICK_TIMEOUT)
    assert "cut off" in str(listener.error)
    assert watcher.events.opened < 30


def test_streams_that_break_after_a_sign_of_life_are_opened_again_after_a_pause(
    watch: Watch, listener: Listener
) -> None:
    streams = [Stream(None, Transient("cut off")) for _ in range(4)]
    started = time.monotonic()
    watch(*streams, Stream(("key", "fact")), longest_outage=0).register("key", listener)
    assert listener.next() == "fact"
    assert time.monotonic() - started >= 0.4


@pytest.mark.parametrize("where", ["opening", "reading"])
def test_an_error_that_is_not_transient_fails_all_listeners(watch: Watch, listener: Listener, where: str) -> None:
    error = LaunchError("forbidden: events list")
    watch(error if where == "opening" else Stream(error)).register("key", listener)
    assert listener.failed.wait(QUICK_TIMEOUT)
    assert listener.error is error


@pytest.mark.parametrize("fault", [KeyError("raw_object"), SystemExit(1)], ids=repr)
@pytest.mark.parametrize("where", ["opening", "reading"])
def test_a_defect_of_the_stream_fails_all_listeners_and_is_logged(
    watch: Watch, listener: Listener, where: str, fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    watch(fault if where == "opening" else Stream(fault)).register("key", listener)
    assert listener.failed.wait(QUICK_TIMEOUT)
    assert isinstance(listener.error, EngineUnavailable)
    assert type(fault).__name__ in str(listener.error)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_shortage_while_a_stream_is_read_fails_all_listeners_with_the_advice(
    watch: Watch, listener: Listener
) -> None:
    watch(Stream(OSError(errno.EMFILE, "Too many open files"))).register("key", listener)
    assert listener.failed.wait(QUICK_TIMEOUT)
    assert "ulimit -n" in str(listener.error)


def test_after_a_failure_a_new_thread_serves_new_listeners(watch: Watch, stream: Stream) -> None:
    watcher, first, second = watch(LaunchError("forbidden"), stream), Listener(), Listener()
    watcher.register("key", first)
    assert first.failed.wait(QUICK_TIMEOUT)
    watcher.register("key", second)
    stream.put(("key", "fact"))
    assert second.next() == "fact"
    assert first.facts.empty()


def test_without_listeners_the_thread_ends_at_a_sign_of_life_and_another_starts_later(
    watch: Watch, listener: Listener
) -> None:
    first, second = Stream(("key", "1")), Stream(("key", "2"))
    watcher = watch(first, second)
    watcher.register("key", listener)
    assert listener.next() == "1"
    watcher.unregister("key", listener)
    first.put(None)
    assert first.closed.wait(QUICK_TIMEOUT)
    watcher.register("key", listener)
    assert listener.next() == "2"


def test_without_listeners_a_broken_stream_is_not_opened_again(
    watch: Watch, stream: Stream, listener: Listener
) -> None:
    watcher = watch(stream)
    watcher.register("key", listener)
    stream.put(("key", "fact"))
    assert listener.next() == "fact"
    watcher.unregister("key", listener)
    stream.put(Transient("cut off"))
    until(lambda: not threads())
    assert watcher.events.opened == 1


def test_a_sign_of_life_changes_nothing_while_there_are_listeners(
    watch: Watch, stream: Stream, listener: Listener
) -> None:
    watch(stream).register("key", listener)
    stream.put(None, None, ("key", "fact"))
    assert listener.next() == "fact"
