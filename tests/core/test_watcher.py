"""`Watcher`: listeners get their facts, also from streams that break, end or raise."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from launchpad import EngineUnavailable, LaunchError
from launchpad.core.cancellation import StopToken
from launchpad.core.retries import Transient
from launchpad.core.watcher import Watcher
from tests.helping import QUICK_TIMEOUT, until

Event = tuple[str | None, str] | None | BaseException


class Stream:
    """An event stream of what the test puts in; it raises an error that is put in, and END ends it."""

    END = ("", "END")

    def __init__(self, *events: Event) -> None:
        self.closed = threading.Event()
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.put(*events)

    def put(self, *events: Event) -> None:
        for event in events:
            self._events.put(event)

    def __iter__(self) -> Iterator[tuple[str | None, str] | None]:
        while (event := self._events.get()) != Stream.END:
            if isinstance(event, BaseException):
                raise event
            yield event

    def close(self) -> None:
        self.closed.set()
        self.put(Stream.END)


class Events:
    """Opens the streams that the test has put in, in order; waits for one if there is none yet."""

    def __init__(self, *streams: Stream | BaseException) -> None:
        self.opened = 0
        self._streams: queue.SimpleQueue[Stream | BaseException] = queue.SimpleQueue()
        self.put(*streams)

    def put(self, *streams: Stream | BaseException) -> None:
        for stream in streams:
            self._streams.put(stream)

    def open(self) -> Stream:
        stream = self._streams.get(timeout=QUICK_TIMEOUT)
        self.opened += 1
        if isinstance(stream, BaseException):
            raise stream
        return stream


class Listener:
    """Keeps the facts and the error that it gets."""

    def __init__(self) -> None:
        self.facts: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.failed = threading.Event()
        self.error: LaunchError | None = None

    def notify(self, fact: str) -> None:
        self.facts.put(fact)

    def fail(self, error: LaunchError) -> None:
        assert self.error is None, "failed twice"
        self.error = error
        self.failed.set()

    def next(self) -> str:
        return self.facts.get(timeout=QUICK_TIMEOUT)


class WatcherOfEvents(Watcher[str]):
    """A watcher whose `events` a test can look at."""

    def __init__(self, events: Events, longest_outage: float = QUICK_TIMEOUT) -> None:
        super().__init__(events, "engine", longest_outage)
        self.events = events


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def listener() -> Listener:
    return Listener()


Watch = Callable[..., WatcherOfEvents]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Makes watchers of streams that are closed after the test."""
    watchers: list[WatcherOfEvents] = []

    def watch(*streams: Stream | BaseException, longest_outage: float = QUICK_TIMEOUT) -> WatcherOfEvents:
        watchers.append(WatcherOfEvents(Events(*streams), longest_outage))
        return watchers[-1]

    yield watch
    for watcher in watchers:
        watcher.events.put(Stream())  # it may be waiting for one
        watcher.close()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "launchpad-engine"]


def test_facts_go_to_the_listeners_of_their_key(watch: Watch, stream: Stream) -> None:
    watcher, one, two = watch(stream), Listener(), Listener()
    watcher.register("one", one)
    watcher.register("two", two)
    stream.put(("two", "B"), ("other", "X"), ("one", "A"))
    assert (one.next(), two.next()) == ("A", "B")
    assert one.facts.empty()
    assert two.facts.empty()


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


def test_close_fails_the_listeners_and_ends_thread_and_stream(watch: Watch, stream: Stream, listener: Listener) -> None:
    watcher = watch(stream)
    watcher.register("key", listener)
    stream.put(("key", "fact"))
    listener.next()
    watcher.close()
    watcher.close()
    assert "closed" in str(listener.error)
    assert stream.closed.is_set()
    assert threads() == []


def test_a_closed_watcher_accepts_no_listeners(watch: Watch, listener: Listener) -> None:
    watcher = watch()
    watcher.close()
    with pytest.raises(EngineUnavailable, match="closed"):
        watcher.register("key", listener)
    assert threads() == []


def test_close_takes_effect_while_a_stream_is_being_opened(listener: Listener) -> None:
    class Opening(Events):
        def open(self) -> Stream:
            threading.Thread(target=closed.submit, args=(watcher.close,)).start()
            until(refuses_listeners)  # close() is in progress, and has seen no stream yet
            return super().open()

    def refuses_listeners() -> bool:
        try:
            watcher.register("other", Listener())
        except EngineUnavailable:
            return True
        return False

    stream = Stream()
    watcher: Watcher[str] = Watcher(Opening(stream), "engine")
    with ThreadPoolExecutor(1) as closed:
        watcher.register("key", listener)
        assert listener.failed.wait(QUICK_TIMEOUT)
    assert stream.closed.is_set()


def test_close_wakes_a_watcher_that_waits_to_reconnect(listener: Listener) -> None:
    watcher = WatcherOfEvents(Events(Transient("busy", retry_after=60)))
    watcher.register("key", listener)
    until(lambda: watcher.events.opened == 1)
    started = time.monotonic()
    watcher.close()
    assert time.monotonic() - started < QUICK_TIMEOUT
    assert listener.failed.is_set()


def test_a_listener_may_close_the_watcher(watch: Watch, stream: Stream) -> None:
    class Closer(Listener):
        def notify(self, fact: str) -> None:
            watcher.close()

    watcher, closer = watch(stream), Closer()
    watcher.register("key", closer)
    stream.put(("key", "fact"))
    assert closer.failed.wait(QUICK_TIMEOUT)
    until(lambda: not threads())


def test_listeners_are_called_without_the_lock(watch: Watch, stream: Stream) -> None:
    class Busy(Listener):
        def notify(self, fact: str) -> None:
            with ThreadPoolExecutor(1) as other:
                other.submit(watcher.register, "other", self).result(QUICK_TIMEOUT)
                other.submit(watcher.unregister, "other", self).result(QUICK_TIMEOUT)
            super().notify(fact)

        def fail(self, error: LaunchError) -> None:
            with ThreadPoolExecutor(1) as other:
                other.submit(watcher.unregister, "other", self).result(QUICK_TIMEOUT)
            super().fail(error)

    watcher, busy = watch(stream), Busy()
    watcher.register("key", busy)
    stream.put(("key", "fact"), LaunchError("over"))
    assert busy.next() == "fact"
    assert busy.failed.wait(QUICK_TIMEOUT)


def test_a_listener_that_raises_does_not_affect_the_others(watch: Watch, stream: Stream, listener: Listener) -> None:
    class Broken(Listener):
        def notify(self, fact: str) -> None:
            raise ZeroDivisionError

    watcher, broken = watch(stream), Broken()
    watcher.register("key", broken)
    watcher.register("key", listener)
    stream.put(("key", "1"), ("key", "2"))
    assert [listener.next(), listener.next()] == ["1", "2"]
    assert broken.failed.is_set()


def test_a_listener_whose_fail_raises_does_not_affect_the_others(
    watch: Watch, stream: Stream, listener: Listener
) -> None:
    class Broken(Listener):
        def fail(self, error: LaunchError) -> None:
            raise ZeroDivisionError

    watcher = watch(stream)
    watcher.register("a", Broken())
    watcher.register("b", listener)
    stream.put(LaunchError("over"))
    assert listener.failed.wait(QUICK_TIMEOUT)


def test_no_fact_is_lost_while_threads_register_and_unregister(watch: Watch, stream: Stream) -> None:
    watcher = watch(stream)

    def come_and_go(name: str) -> int:
        received = 0
        for number in range(100):
            listener, key = Listener(), f"{name}{number}"
            watcher.register(key, listener)
            stream.put((key, "fact"), None)
            received += listener.next() == "fact"
            watcher.unregister(key, listener)
        return received

    watcher.register("always", Listener())  # else the thread may end before the stream's last facts
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(come_and_go, "abcdefgh")) == [100] * 8
    assert len(threads()) == 1


class Engine:
    """An engine that remembers: every stream lists the past events, then yields new ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._happened: list[tuple[str, str]] = []
        self._streams: list[Stream] = []

    def happen(self, key: str) -> None:
        with self._lock:
            self._happened.append((key, "fact"))
            for stream in self._streams:
                stream.put((key, "fact"))

    def quiet(self) -> None:
        with self._lock:
            for stream in self._streams:
                stream.put(None)

    def break_all(self) -> None:
        with self._lock:
            for stream in self._streams:
                stream.put(None, Transient("cut off"))
            self._streams.clear()

    def open(self) -> Stream:
        with self._lock:
            stream = Stream(*self._happened)
            self._streams.append(stream)
        return stream


def test_no_fact_is_lost_while_the_thread_ends_and_starts_and_streams_break() -> None:
    engine = Engine()
    watcher: Watcher[str] = Watcher(engine, "engine")

    def come_and_go(name: str) -> int:
        received = 0
        for number in range(20):
            listener, key = Listener(), f"{name}{number}"
            watcher.register(key, listener)
            engine.happen(key)
            engine.break_all() if number % 7 == 6 else engine.quiet()
            received += listener.next() == "fact"
            watcher.unregister(key, listener)
            engine.quiet()
        return received

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(come_and_go, "abcd")) == [20] * 4
    watcher.close()


def test_a_listener_registered_during_close_fails_or_is_refused() -> None:
    for _ in range(100):
        watcher, listener, ready = Watcher(Engine(), "engine"), Listener(), threading.Barrier(2)

        def register(
            watcher: Watcher[str] = watcher, listener: Listener = listener, ready: threading.Barrier = ready
        ) -> bool:
            ready.wait()
            try:
                watcher.register("key", listener)
            except EngineUnavailable:
                return False
            return True

        with ThreadPoolExecutor(1) as pool:
            registered = pool.submit(register)
            ready.wait()
            watcher.close()
            assert not registered.result(QUICK_TIMEOUT) or listener.failed.wait(QUICK_TIMEOUT)


def test_a_stream_that_is_opened_just_before_the_stop_is_closed(listener: Listener) -> None:
    class LateStop(StopToken):
        def stop(self, *, hurry: bool = False) -> None:
            events.put(stream)
            assert listener.next() == "fact"  # so it is being followed
            super().stop(hurry=hurry)

    class SlowToStop(Watcher[str]):
        def __init__(self) -> None:
            super().__init__(events, "engine")
            self._stop_token = LateStop()

    stream, events = Stream(("key", "fact")), Events()
    watcher = SlowToStop()
    watcher.register("key", listener)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(watcher.close).result(QUICK_TIMEOUT)
    assert stream.closed.is_set()


def test_a_thread_that_has_ended_does_not_fail_later_listeners(
    watch: Watch, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    class Fragile(Stream):
        def close(self) -> None:
            watcher.register("key", listener)
            raise ZeroDivisionError

    first, before = Fragile(("key", "1")), Listener()
    watcher = watch(first, Stream(("key", "2")))
    watcher.register("key", before)
    assert before.next() == "1"
    watcher.unregister("key", before)
    first.put(None)
    assert listener.next() == "2"
    assert listener.error is None
