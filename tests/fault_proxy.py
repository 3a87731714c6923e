"""A proxy between a client and an engine, for tests of network faults."""

from __future__ import annotations

import abc
import re
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import attrs

from .helping import TIMEOUT

_REQUEST = re.compile(rb"^(GET|HEAD|POST|PUT|PATCH|DELETE) (?:/v[0-9.]+)?(/\S*) HTTP/1\.[01]\r\n", re.MULTILINE)

_CHUNK = 64 * 1024


@attrs.frozen(eq=False)
class _Fault:
    """What happens to the next request that matches the pattern."""

    kind: str
    pattern: str
    value: Any = None


class FaultProxy(abc.ABC):
    """Passes everything on until a test asks for a fault. Thread-safe; one thread a connection.

    A request is named by its method and target, without the version of Docker's API: "GET /events?since=1". A pattern
    is a regular expression that is searched in that name.
    """

    url: str
    """The address to connect to."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._changed = threading.Condition()  # guards the requests, the connections and the faults
        self._connections: list[_Connection] = []
        self._faults: list[_Fault] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._frozen = ""
        self._piece, self._pause = _CHUNK, 0.0
        self._listener: socket.socket | None = None
        self.up()

    @abc.abstractmethod
    def listen(self) -> socket.socket:
        """Makes a socket that listens at `url`."""

    @abc.abstractmethod
    def connect(self) -> socket.socket:
        """Connects to the engine. OSError if it does not listen."""

    def up(self) -> None:
        """Accepts connections."""
        self._listener = self.listen()
        _in_thread(self._accept, self._listener)

    def down(self) -> None:
        """Refuses new connections and cuts the open ones, as if the engine had stopped."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._flowing.set()
        self.cut("")

    def cut(self, pattern: str) -> int:
        """Cuts the connections whose last request matches; returns their number."""
        with self._changed:
            cut = [connection for connection in self._connections if re.search(pattern, connection.last)]
            self._connections = [connection for connection in self._connections if connection not in cut]
        for connection in cut:
            connection.cut()
        return len(cut)

    def break_off(self, pattern: str, number: int = 1) -> None:
        """Waits until so many matching requests have come, and cuts their connections."""
        self.wait_for(pattern, number)
        assert self.cut(pattern) >= number

    def cut_after(self, pattern: str, passed: bytes) -> None:
        """Cuts the connection of the next matching request as soon as these bytes have been passed to the client."""
        self._add("cut", pattern, passed)

    def lose_answer(self, pattern: str, times: int = 1) -> None:
        """Passes the next matching requests on, and cuts the connection in place of the answer."""
        self._add("lose", pattern, times=times)

    def script_answer(self, pattern: str, answer: bytes, times: int = 1) -> None:
        """Answers the next matching requests itself, then closes the connection. The engine does not get them."""
        self._add("script", pattern, answer, times)

    def hold(self, pattern: str) -> threading.Event:
        """Delays the next matching request until the event is set."""
        event = threading.Event()
        self._add("hold", pattern, event)
        return event

    def half_close(self, pattern: str) -> None:
        """Ends the direction to the client of the connections whose last request matches."""
        for connection in self._matching(pattern):
            connection.half_close()

    def reset(self, pattern: str) -> None:
        """Resets the TCP connections whose last request matches."""
        for connection in self._matching(pattern):
            connection.reset()

    def slow_down(self, piece: int, pause: float) -> None:
        """Passes back at most `piece` bytes at a time from now on, with a pause of so many seconds after each."""
        self._piece, self._pause = piece, pause

    def freeze(self, pattern: str = "") -> None:
        """Passes nothing back to clients whose last request matches, until `thaw`. Connections stay open."""
        self._frozen = pattern
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def wait_for(self, pattern: str, times: int = 1) -> None:
        """Waits until so many matching requests have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.count(pattern) >= times, TIMEOUT), self.requests

    def count(self, pattern: str) -> int:
        """How many matching requests have come."""
        return sum(bool(re.search(pattern, request)) for request in list(self.requests))

    def open_now(self, pattern: str) -> int:
        """How many connections are open whose last request matches."""
        return len(self._matching(pattern))

    def wait_while_frozen(self, request: str) -> None:
        if re.search(self._frozen, request):
            self._flowing.wait()

    def receive(self, server: socket.socket) -> bytes:
        """The next data of the engine: a piece of it if the proxy is slow."""
        if self._pause:
            time.sleep(self._pause)
        return server.recv(self._piece)

    def note(self, connection: _Connection, request: str) -> dict[str, Any]:
        """Records a request; returns the faults that it meets, by kind, each with its value."""
        with self._changed:
            connection.last = request
            self.requests.append(request)
            self._changed.notify_all()
            met: dict[str, Any] = {}
            for fault in list(self._faults):
                if fault.kind not in met and re.search(fault.pattern, request):
                    self._faults.remove(fault)
                    met[fault.kind] = fault.value
        return met

    def _matching(self, pattern: str) -> list[_Connection]:
        with self._changed:
            return [connection for connection in self._connections if re.search(pattern, connection.last)]

    def _add(self, kind: str, pattern: str, value: object = None, times: int = 1) -> None:
        with self._changed:
            self._faults += [_Fault(kind, pattern, value)] * times

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                _in_thread(self._serve, listener.accept()[0])

    def _serve(self, client: socket.socket) -> None:
        try:
            server = self.connect()
        except OSError:
            client.close()
            return
        connection = _Connection(self, client, server)
        with self._changed:
            self._connections.append(connection)
        with client, server, suppress(OSError):
            connection.serve()
        with self._changed:
            if connection in self._connections:
                self._connections.remove(connection)


class _Connection:
    """One connection through the proxy, served by one thread: OpenSSL forbids two threads on one TLS connection."""

    def __init__(self, proxy: FaultProxy, client: socket.socket, server: socket.socket) -> None:
        self.last = ""
        """The name of the last request."""
        self._proxy = proxy
        self._client, self._server = client, server
        self._faults: dict[str, Any] = {}
        self._passed = b""
        self._resets = False

    def cut(self) -> None:
        for end in [self._server] if self._resets else [self._client, self._server]:
            with suppress(OSError):
                socket.socket.shutdown(end, socket.SHUT_RDWR)  # an SSLSocket's own method would end the encryption

    def half_close(self) -> None:
        with suppress(OSError):
            socket.socket.shutdown(self._client, socket.SHUT_WR)

    def reset(self) -> None:
        """Has the client's connection reset when `serve`, which this ends, closes it."""
        self._resets = True
        with suppress(OSError):  # it has just been closed
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.cut()

    def serve(self) -> None:
        """Passes data in both directions until one end closes, or a fault ends the connection."""
        try:
            going_on = True
            while going_on:
                ready, _, _ = select.select([self._client, self._server], [], [])
                going_on = (self._client not in ready or self._pass_on()) and (
                    self._server not in ready or self._pass_back()
                )
        finally:
            self.cut()

    def _pass_on(self) -> bool:
        """Passes data to the engine; False at the end."""
        data = self._client.recv(_CHUNK)
        if found := _REQUEST.search(data):
            self._passed = b""
            self._faults = self._proxy.note(self, f"{found[1].decode()} {found[2].decode()}")
            if "script" in self._faults:
                self._client.sendall(self._faults["script"])
                return False
            if "hold" in self._faults:
                self._faults["hold"].wait(TIMEOUT)
        self._server.settimeout(None)
        self._server.sendall(data)
        return bool(data)

    def _pass_back(self) -> bool:
        """Passes all data that the engine has sent to the client; False at the end."""
        self._server.setblocking(False)
        while True:
            try:
                data = self._proxy.receive(self._server)
            except (BlockingIOError, ssl.SSLWantReadError):
                return True
            if not data or "lose" in self._faults:
                return False
            self._proxy.wait_while_frozen(self.last)
            self._passed += data
            wanted = self._faults.get("cut")
            if wanted is not None and wanted in self._passed:
                self._client.sendall(data[: data.find(wanted) + len(wanted)] if wanted in data else data)
                return False
            self._client.sendall(data)


def _in_thread(target: Callable[..., None], *args: object) -> None:
    threading.Thread(target=target, args=args, name="proxy", daemon=True).start()
