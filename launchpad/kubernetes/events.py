"""List and watch: what happens to the Jobs, or to the pods, of all runs of one namespace, in one stream."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Set
from typing import Any, Literal, NamedTuple

from ..core.retries import Transient
from ..errors import LaunchError
from ..net.streams import Stream
from ..net.wakeup import Wakeup
from .api import Api
from .errors import ApiError
from .labels import RUN_ID

Kind = Literal["job", "pod"]

RENEWED_EVERY = 30
"""Seconds after which the server ends a watch, to be opened anew from where it was: the proof that it is alive."""

SILENCE = RENEWED_EVERY + 10.0
"""Seconds without a byte after which a watch is taken to be dead."""

HEAD = 15.0
"""Seconds in which the server must accept a watch."""

SIGN_OF_LIFE = 2.0
PAGE = 500

_EXPIRED = 410
_UNAUTHORIZED = (401, 403)


class Fact(NamedTuple):
    """What a Job or a pod is like now. `object` is None where only its name is known: it was gone when we looked."""

    kind: Kind | Literal["listing"]
    name: str
    gone: bool
    object: dict[str, Any] | None


LISTED = Fact("listing", "", False, None)
"""All Jobs that there are have been told of: for every listener, at the end of a listing."""


class ListAndWatch:
    """The facts about one kind of object, in one namespace, that belong to runs. Keyed by the name of the Job.

    Opened again, it goes on from where it was; where the server no longer knows that, it lists anew, and tells of those
    that have disappeared meanwhile too.
    """

    def __init__(self, api: Api, path: str, kind: Kind, silence: float = SILENCE) -> None:
        self._silence = silence
        self._api = api
        self._path = path
        self._kind: Kind = kind
        self._version: str | None = None  # where the watch is; None: to be listed
        self._known: dict[str, str] = {}  # the key of every object that is there, by its name
        self._missing: Set[str] = set()  # what the last listing showed to have disappeared
        self._accepted = False

    def open(self) -> Watch:
        anew = self._version is None
        try:
            listing = self._list() if anew else []
            watch = Watch(self._api.stream(self._path, self._query()), listing, self._read, self._silence)
            watch.wait_accepted()
        except (ApiError, Transient) as error:
            if anew:  # nobody has heard of what was listed
                self._version = None
            raise self._refused(error) if isinstance(error, ApiError) else error from error.__cause__
        self._accepted = True
        self._known = {name: key for name, key in self._known.items() if name not in self._missing}
        return watch

    def _query(self) -> dict[str, object]:
        return {
            "labelSelector": RUN_ID,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": RENEWED_EVERY,
            "resourceVersion": self._version,
        }

    def _refused(self, error: ApiError) -> LaunchError | Transient:
        """What worked before may work again: a token that is being renewed, a server that has only just started."""
        if error.status == _EXPIRED:
            self._version = None
            return Transient(str(error))
        return Transient(str(error)) if self._accepted and error.status in _UNAUTHORIZED else error

    def _list(self) -> list[tuple[str | None, Fact]]:
        items: list[dict[str, Any]] = []
        query: dict[str, object] = {"labelSelector": RUN_ID, "limit": PAGE}
        while True:
            page = self._api.request("GET", self._path, query)
            items += page["items"]
            if not page["metadata"].get("continue"):
                break
            query["continue"] = page["metadata"]["continue"]
        self._missing = self._known.keys() - {item["metadata"]["name"] for item in items}
        self._version = page["metadata"]["resourceVersion"]
        facts = [fact for item in items if (fact := self._fact("LISTED", item)) is not None]
        gone = [(self._known[name], Fact(self._kind, name, True, None)) for name in self._missing]
        return [*facts, *gone, *([(None, LISTED)] if self._kind == "job" else [])]

    def _read(self, line: bytes) -> tuple[str, Fact] | None:
        """The fact in one line of the watch. Transient where it is an error."""
        event = json.loads(line)
        item = event["object"]
        if event["type"] == "ERROR":
            self._version = None
            raise Transient(f"the watch of {self._path} ended: {item.get('message')}")
        self._version = item["metadata"]["resourceVersion"]
        return None if event["type"] == "BOOKMARK" else self._fact(event["type"], item)

    def _fact(self, change: str, item: dict[str, Any]) -> tuple[str, Fact] | None:
        metadata = item["metadata"]
        name = metadata["name"]
        key = name if self._kind == "job" else (metadata.get("labels") or {}).get("job-name")
        if key is None:
            return None
        gone = change == "DELETED"
        if gone:
            self._known.pop(name, None)
        else:
            self._known[name] = key
        return key, Fact(self._kind, name, gone, item)


class Watch:
    """One open watch: what was listed, then what happens."""

    def __init__(
        self,
        stream: Stream,
        listing: list[tuple[str | None, Fact]],
        read: Callable[[bytes], tuple[str, Fact] | None],
        silence: float,
    ) -> None:
        self._stream = stream
        self._listing = listing
        self._read = read
        self._silence = silence
        self._wakeup = Wakeup()
        self._closed = False
        self._followed = False
        self._early = b""  # what came with the head
        self._heard = time.monotonic()

    def wait_accepted(self) -> None:
        """Transient or ApiError where the server does not accept it; closed then."""
        until = time.monotonic() + HEAD
        try:
            while not self._stream.accepted:
                data = self._stream.read()
                self._early += data or b""
                if not self._stream.accepted and time.monotonic() > until:
                    raise Transient("the API server does not answer")
                if not data and not self._stream.accepted:
                    self._wakeup.wait(max(0.0, until - time.monotonic()), self._stream)
        except BaseException:
            self._release()
            raise

    def __iter__(self) -> Iterator[tuple[str | None, Fact] | None]:
        self._followed = True
        try:
            yield from self._listing
            self._listing = []
            yield from self._watched()
        finally:
            self._release()

    def close(self) -> None:
        self._closed = True
        self._wakeup.set()
        if not self._followed:  # else who follows it lets go of it
            self._release()

    def _watched(self) -> Iterator[tuple[str, Fact] | None]:
        held = self._early
        while not self._closed:
            *lines, held = held.split(b"\n")
            for line in lines:
                if line.strip() and (fact := self._read(line)) is not None:
                    yield fact
            data = self._stream.read()
            if data is None:
                return
            if data:
                held += data
                self._heard = time.monotonic()
            elif not self._wakeup.wait(min(SIGN_OF_LIFE, self._silence), self._stream):
                if time.monotonic() - self._heard > self._silence:
                    raise Transient(f"the watch has been silent for {self._silence:g} s")
                yield None

    def _release(self) -> None:
        self._stream.close()
        self._wakeup.close()
