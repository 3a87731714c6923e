"""A proxy before the API server, for faults of the network: it hears plain HTTP, and says what it hears over TLS."""

from __future__ import annotations

import re
import select
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

Asked = Callable[[str], bool]
"""Says of a request, as "GET /api/v1/…", whether it is meant."""

_REQUEST = re.compile(rb"^(GET|POST|DELETE|PUT|PATCH) (\S+) HTTP/1\.1\r\n", re.MULTILINE)


class Connection:
    """One connection through the proxy: what was asked on it last, and both its ends."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.asked = ""
        self.deaf = False
        self.passed = b""
        self._ends = (client, server)

    def cut(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                socket.socket.shutdown(end, socket.SHUT_RDWR)  # that of an SSLSocket goes on without its encryption


class Proxy:
    """Passes everything on, and keeps `requests`, until it is told otherwise. `url` is the address to connect to."""

    def __init__(self, server: str) -> None:
        self._server = urlsplit(server)
        self._tls = ssl.create_default_context()
        self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.requests: list[str] = []
        self._changed = threading.Condition()  # guards all below
        self._connections: list[Connection] = []
        self._lost: Asked | None = None
        self._cut: tuple[Asked, bytes] | None = None
        self._flowing = threading.Event()
        self._flowing.set()
        self._in_thread(self._accept)

    def count(self, pattern: str) -> int:
        """How many requests match."""
        return sum(bool(re.search(pattern, request)) for request in self.requests)

    def lose_answer(self, asked: Asked) -> None:
        """The next request of that kind reaches the server; its answer does not come back."""
        self._lost = asked

    def cut_after(self, asked: Asked, passed: bytes) -> None:
        """The next connection of that kind is cut as soon as these bytes have been passed on."""
        self._cut = (asked, passed)

    def cut(self, asked: Asked) -> int:
        """Cuts what is open, and says how many connections that was."""
        with self._changed:
            cut = [connection for connection in self._connections if asked(connection.asked)]
            self._connections = [one for one in self._connections if one not in cut]
        for connection in cut:
            connection.cut()
        return len(cut)

    def freeze(self) -> None:
        """From now on nothing comes back: a black hole."""
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def wait_for(self, asked: Asked, times: int = 1) -> None:
        """Waits until a request of that kind has come that often."""
        with self._changed:
            assert self._changed.wait_for(lambda: sum(map(asked, self.requests)) >= times, 60), self.requests

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._flowing.set()
        self.cut(lambda request: True)

    def _in_thread(self, target: Callable[..., None], *args: object) -> None:
        threading.Thread(target=target, args=args, name="proxy", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._in_thread(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        """One thread for both directions: a TLS connection must not be read and written to at once."""
        try:
            plain = socket.create_connection((self._server.hostname, self._server.port), 5)
            server = self._tls.wrap_socket(plain)
        except OSError:
            client.close()
            return
        connection = Connection(client, server)
        with self._changed:
            self._connections.append(connection)
        with client, server, suppress(OSError):
            flows = True
            while flows:
                ready, _, _ = select.select([client, server], [], [])
                flows = client not in ready or self._pass_on(connection, client, server)
                flows = flows and (server not in ready or self._pass_back(connection, client, server))

    def _pass_on(self, connection: Connection, client: socket.socket, server: ssl.SSLSocket) -> bool:
        """Whether there is more to come."""
        data = client.recv(64 * 1024)
        if found := _REQUEST.search(data):
            self._note(connection, f"{found[1].decode()} {found[2].decode()}")
        server.settimeout(None)
        server.sendall(data)
        return bool(data)

    def _note(self, connection: Connection, request: str) -> None:
        with self._changed:
            connection.asked, connection.passed = request, b""
            if self._lost is not None and self._lost(request):
                self._lost, connection.deaf = None, True
            self.requests.append(request)
            self._changed.notify_all()

    def _pass_back(self, connection: Connection, client: socket.socket, server: ssl.SSLSocket) -> bool:
        """Whether there is more to come, after all that is there."""
        server.setblocking(False)
        while True:
            try:
                data = server.recv(64 * 1024)
            except ssl.SSLWantReadError:
                return True
            if not data or connection.deaf:
                return False
            self._flowing.wait()
            connection.passed += data
            if self._cut is not None and self._cut[0](connection.asked) and self._cut[1] in connection.passed:
                wanted, self._cut = self._cut[1], None
                client.sendall(data[: data.find(wanted) + len(wanted)] if wanted in data else data)
                return False
            client.sendall(data)
