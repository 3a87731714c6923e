"""Stands between a client and an engine's socket: counts requests, cuts connections, loses and makes up answers."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_REQUEST = re.compile(rb"(?:^|\r\n\r\n|[}\]])((?:GET|POST|DELETE|HEAD) (?:/v[0-9.]+)?(/[^ ?]*)[^ ]* HTTP/1\.[01]\r\n)")


class Proxy:
    """A unix socket at `path` that leads to that at `target`. Requests are named as "POST /containers/create"."""

    def __init__(self, path: Path, target: str) -> None:
        self.url = f"unix://{path}"
        self.requests: list[str] = []
        self._path, self._target = path, target
        self._lock = threading.Lock()  # guards all here
        self._links: list[Link] = []
        self._lost: list[str] = []
        self._made_up: list[tuple[str, bytes]] = []
        self._held: list[tuple[str, threading.Event]] = []
        self._came: dict[str, threading.Event] = {}
        self._listener: socket.socket | None = None
        self.up()

    def up(self) -> None:
        """Takes connections."""
        listener = socket.socket(socket.AF_UNIX)
        self._path.unlink(missing_ok=True)
        listener.bind(str(self._path))
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self) -> None:
        """Takes none any more, and cuts those there are: as if the engine had gone away."""
        listener, self._listener = self._listener, None
        if listener is not None:
            self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut("")

    def cut(self, request: str) -> int:
        """Cuts the connections on which a request that contains `request` was the last; says how many."""
        with self._lock:
            links = [link for link in self._links if request in link.last]
        for link in links:
            link.close()
        return len(links)

    def lose_answer(self, request: str, times: int = 1) -> None:
        """The engine gets the next such requests, and answers; the client is cut off instead of getting the answer."""
        with self._lock:
            self._lost += [request] * times

    def make_up(self, request: str, answer: bytes, times: int = 1) -> None:
        """The client gets `answer` to the next such requests; the engine does not get them."""
        with self._lock:
            self._made_up += [(request, answer)] * times

    def hold(self, request: str) -> threading.Event:
        """The engine gets the next such request when the event is set."""
        let_go = threading.Event()
        with self._lock:
            self._held.append((request, let_go))
        return let_go

    def wait_for(self, request: str, timeout: float = 60) -> None:
        """Until such a request has come."""
        with self._lock:
            if any(request in known for known in self.requests):
                return
            came = self._came.setdefault(request, threading.Event())
        assert came.wait(timeout), f"no request {request!r} came"

    def count(self, request: str) -> int:
        with self._lock:
            return sum(request in known for known in self.requests)

    def open_now(self, request: str) -> int:
        """How many connections are open on which such a request was the last."""
        with self._lock:
            return sum(request in link.last for link in self._links)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                try:
                    link = Link(self, client, self._target)
                except OSError:
                    client.close()
                    continue
                with self._lock:
                    self._links.append(link)
                link.begin()

    def _begins(self, link: Link, name: str) -> bytes | None:
        """Notes a request; an answer where it is made up."""
        with self._lock:
            link.last = name
            self.requests.append(name)
            for awaited, event in self._came.items():
                if awaited in name:
                    event.set()
            for lost in self._lost:
                if lost in name:
                    self._lost.remove(lost)
                    link.loses_answer = True
                    return None
            for script in self._made_up:
                if script[0] in name:
                    self._made_up.remove(script)
                    return script[1]
        return None

    def _wait_if_held(self, name: str) -> None:
        with self._lock:
            held = next((one for one in self._held if one[0] in name), None)
            if held is not None:
                self._held.remove(held)
        if held is not None:
            held[1].wait(60)

    def _ends(self, link: Link) -> None:
        with self._lock:
            if link in self._links:
                self._links.remove(link)


class Link:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: socket.socket, target: str) -> None:
        self.last = ""
        self.loses_answer = False
        self._pumps = [1, 2]
        self._proxy = proxy
        self._client = client
        self._engine = socket.socket(socket.AF_UNIX)
        try:
            self._engine.connect(target)
        except OSError:
            self._engine.close()
            raise

    def begin(self) -> None:
        for pump in (self._to_engine, self._to_client):
            threading.Thread(target=self._pump, args=(pump,), daemon=True).start()

    def close(self) -> None:
        for end in (self._client, self._engine):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _pump(self, pump: Callable[[], None]) -> None:
        try:
            with contextlib.suppress(OSError):
                pump()
        finally:
            self.close()
            if self._pumps.pop() and not self._pumps:
                self._client.close()
                self._engine.close()
                self._proxy._ends(self)

    def _to_engine(self) -> None:
        for data in _chunks(self._client):
            for match in _REQUEST.finditer(data):
                answer = self._proxy._begins(self, _named(match))
                if answer is not None:
                    self._client.sendall(answer)
                    return
                self._proxy._wait_if_held(self.last)
            self._engine.sendall(data)

    def _to_client(self) -> None:
        for data in _chunks(self._engine):
            if self.loses_answer:
                return
            self._client.sendall(data)


def _named(match: re.Match[bytes]) -> str:
    return f"{match[1].split(b' ')[0].decode()} {match[2].decode()}"


def _chunks(source: socket.socket) -> Iterator[bytes]:
    while data := source.recv(65536):
        yield data
