"""List and watch: the states of the Jobs, and of the pods, of all runs of one namespace, in one stream each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any, Literal, NamedTuple

from ..core.retries import Transient
from ..core.watcher import Listener, Watcher
from ..errors import LaunchError
from ..net.http import StreamingResponse
from ..net.limits import LineSplitter
from ..net.wakeup import CLOCK, Clock, Wakeup
from .api import Jobs, KubernetesApi, Object
from .errors import ApiError, not_understood, understood
from .labels import RUN_ID
from .shared_listing import SharedListing

Kind = Literal["job", "pod", "event"]

OWN: Mapping[str, object] = {"labelSelector": RUN_ID}
"""Selects the objects of runs on the server."""

WATCH_TIMEOUT = 30
"""Seconds after which the server ends a watch. It is then opened again, which proves that the connection is alive."""

SILENCE_TIMEOUT = WATCH_TIMEOUT + 10.0
"""Seconds without a whole line after which a watch counts as broken."""

HEAD_TIMEOUT = 15.0
"""Seconds in which the server must accept a watch."""

HEARTBEAT_INTERVAL = 2.0
"""Seconds between two signs of life of a quiet watch."""

PAGE_SIZE = 500
"""Objects of a page of a listing, at most."""

MAX_PAGES = 400
"""Pages that a listing may have. A server that announces more and more would fill the memory."""

LIST_TIMEOUT = 300.0
"""Seconds in which a listing must be complete. API servers forget the rest of a listing after five minutes."""

_EXPIRED = 410
_UNAUTHORIZED = (401, 403)


class Fact(NamedTuple):
    """The state of a Job or pod, or an event about one. `object` is None if only the name is known: it was deleted."""

    kind: Kind | Literal["listing"]
    name: str
    gone: bool
    object: Object | None


def listed(kind: Kind, begun: float) -> Fact:
    """The fact that ends each listing, for every listener: all existing objects have been reported.

    `begun` is when (monotonic seconds) the listing began.
    """
    return Fact("listing", kind, False, {"begun": begun})


def list_all(
    api: KubernetesApi, path: str, clock: Clock = CLOCK, selector: Mapping[str, object] = OWN
) -> tuple[list[Object], str]:
    """The selected objects of one kind, and the version of the listing. EngineUnavailable if it has no end."""
    items: list[Object] = []
    query: dict[str, object] = {**selector, "limit": PAGE_SIZE}
    until = clock.now() + LIST_TIMEOUT
    for _ in range(MAX_PAGES):
        page = api.request("GET", path, query)
        items += page["items"]
        query["continue"] = page["metadata"].get("continue")
        if not query["continue"]:
            return items, page["metadata"]["resourceVersion"]
        if clock.now() > until:
            break
    raise not_understood(api.server, f" (its listing has no end after {len(items)} objects)")


class ListAndWatch:
    """Reports the runs' objects of one kind in one namespace. The key of a fact is the name of its Job.

    A watch that is opened again continues from where the last one ended. If the server no longer knows that version,
    all objects are listed again, and those that have disappeared are reported as gone.
    """

    selector = OWN

    def __init__(
        self,
        api: KubernetesApi,
        path: str,
        kind: Kind,
        silence_timeout: float = SILENCE_TIMEOUT,
        clock: Clock = CLOCK,
    ) -> None:
        self._api = api
        self._path = path
        self._kind: Kind = kind
        self._silence_timeout = silence_timeout
        self._clock = clock
        self._version: str | None = None  # of the last object that was reported; None: list first
        self._keys: dict[str, str] = {}  # of all existing objects, by their names
        self._missing: Set[str] = set()  # the objects that the last listing no longer had
        self._accepted = False  # whether the server has ever accepted a watch
        self._watch: Watch | None = None
        self._listing_wanted = False
        self.moved_at = float("-inf")
        """When (monotonic seconds) an object was reported for the last time."""

    def list_again(self) -> None:
        """Has the next watch begin with a listing, and ends the current one. Called by any thread."""
        self._listing_wanted = True
        if self._watch is not None:
            self._watch.interrupt()

    def open(self) -> Watch:
        listing_needed = self._version is None or self._listing_wanted
        try:
            with understood(self._api.server):
                listing = self._list() if listing_needed else []
            stream = self._accepted_stream()
        except (ApiError, Transient) as error:
            if listing_needed:  # the listing has not been reported
                self._version = None
            raise self._translated(error) if isinstance(error, ApiError) else error from error.__cause__
        self._accepted = True
        self._keys = {name: key for name, key in self._keys.items() if name not in self._missing}
        try:
            self._watch = Watch(stream, listing, self._read, self._silence_timeout, self._clock)
            if self._listing_wanted:  # since the last listing
                self._watch.interrupt()
            return self._watch
        except OSError:  # no descriptor is left
            stream.close()
            if listing_needed:
                self._version = None
            raise

    def _accepted_stream(self) -> StreamingResponse:
        query = {
            **self.selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": WATCH_TIMEOUT,
            "resourceVersion": self._version,
        }
        stream = self._api.stream(self._path, query)
        try:
            stream.wait_success(HEAD_TIMEOUT)
        except BaseException:
            stream.close()
            raise
        return stream

    def _translated(self, error: ApiError) -> LaunchError | Transient:
        """A permission that was there before may come back: the token is being renewed, or the server starts."""
        if error.status == _EXPIRED:
            self._version = None
            return Transient(str(error))
        return Transient(str(error)) if self._accepted and error.status in _UNAUTHORIZED else error

    def _list(self) -> list[tuple[str | None, Fact]]:
        self._listing_wanted, begun = False, self._clock.now()
        items, self._version = list_all(self._api, self._path, self._clock, self.selector)
        self._missing = self._keys.keys() - {item["metadata"]["name"] for item in items}
        facts = [fact for item in items if (fact := self._fact("LISTED", item)) is not None]
        gone = [(self._keys[name], Fact(self._kind, name, True, None)) for name in self._missing]
        self.moved_at = self._clock.now()
        return [*facts, *gone, *([] if self._kind == "event" else [(None, listed(self._kind, begun))])]

    def _read(self, line: bytes) -> tuple[str, Fact] | None:
        """The fact in one line of the watch, if any. Transient if the line reports an error."""
        with understood(self._api.server):
            event = json.loads(line)
            item = event["object"]
            if event["type"] == "ERROR":
                self._version = None
                raise Transient(f"the watch of {self._path} ended: {item.get('message')}")
            self._version = item["metadata"]["resourceVersion"]
            self.moved_at = self._clock.now()
            return None if event["type"] == "BOOKMARK" else self._fact(event["type"], item)

    def _fact(self, change: str, item: dict[str, Any]) -> tuple[str, Fact] | None:
        metadata = item["metadata"]
        name = metadata["name"]
        key = name if self._kind == "job" else (metadata.get("labels") or {}).get("job-name")
        if key is None:
            return None
        gone = change == "DELETED"
        if gone:
            self._keys.pop(name, None)
        else:
            self._keys[name] = key
        return key, Fact(self._kind, name, gone, item)


class Watch:
    """One open watch: first the facts of the listing, then those of the stream."""

    def __init__(
        self,
        stream: StreamingResponse,
        listing: Iterable[tuple[str | None, Fact]],
        read: Callable[[bytes], tuple[str, Fact] | None],
        silence_timeout: float,
        clock: Clock,
    ) -> None:
        self._stream = stream
        self._listing = listing
        self._read = read
        self._silence_timeout = silence_timeout
        self._clock = clock
        self._wakeup = Wakeup()
        self._closed = False
        self._interrupted = False
        self._iterated = False

    def __iter__(self) -> Iterator[tuple[str | None, Fact] | None]:
        self._iterated = True
        try:
            yield from self._listing
            self._listing = ()
            yield from self._streamed()
        finally:
            self._release()

    def close(self) -> None:
        self._closed = True
        self._wakeup.set()
        if not self._iterated:  # else the iteration releases it at its end
            self._release()

    def interrupt(self) -> None:
        """Ends the iteration, from any thread. What has not been read is lost."""
        self._interrupted = True
        self._wakeup.set()

    def _streamed(self) -> Iterator[tuple[str, Fact] | None]:
        lines = LineSplitter()
        last_line_at = self._clock.now()
        while not self._closed and not self._interrupted:
            data = self._stream.read()
            if data == b"":
                yield from filter(None, map(self._read, lines.finish()))
                return
            found = lines.feed(data) if data is not None else []
            if found:  # a part of a line is no sign of life
                last_line_at = self._clock.now()
                yield from filter(None, map(self._read, found))
            elif self._clock.now() - last_line_at > self._silence_timeout:
                raise Transient(f"the watch has been silent for {self._silence_timeout:g} s")
            elif data is None and not self._clock.wait(
                self._wakeup, min(HEARTBEAT_INTERVAL, self._silence_timeout), self._stream
            ):
                yield None

    def _release(self) -> None:
        self._stream.close()
        self._wakeup.close()


class Watchers:
    """The two watchers of a namespace: one for Jobs, one for pods."""

    def __init__(self, jobs: Jobs, clock: Clock = CLOCK) -> None:
        place = f"{jobs.api.server}/{jobs.namespace}"
        watches = {
            "job": ListAndWatch(jobs.api, jobs.path, "job", clock=clock),
            "pod": ListAndWatch(jobs.api, jobs.pods_path, "pod", clock=clock),
        }
        self._watchers: list[Watcher[Fact]] = [Watcher(one, f"{kind}s of {place}") for kind, one in watches.items()]
        self.listings = {kind: SharedListing(one, clock) for kind, one in watches.items()}
        """The listings of Jobs and of pods that runs share which miss news."""

    def register(self, job: str, listener: Listener[Fact]) -> None:
        """From now on, `listener` gets the facts about the Job of this name and its pods."""
        for watcher in self._watchers:
            watcher.register(job, listener)

    def unregister(self, job: str, listener: Listener[Fact]) -> None:
        for watcher in self._watchers:
            watcher.unregister(job, listener)

    def close(self) -> None:
        for watcher in self._watchers:
            watcher.close()
