"""`Watcher`: `close`, errors of listeners, and many threads at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from launchpad import EngineUnavailable, LaunchError
from launchpad.core.cancellation import StopToken
from launchpad.core.retries import Transient
from launchpad.core.watcher import Watcher
from tests.helping import QUICK_TIMEOUT, until

from .streams import Events, Listener, Stream, Watch, WatcherOfEvents, threads


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
