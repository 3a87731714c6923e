"""Connections to one API server: kept from one request to the next, or given away for a stream.

They share one TLS context: to load the certificates for each would take longer than all the rest, and more memory.
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

CONNECT = 5.0
"""Seconds for a connection to be made."""

READ = 35.0
"""Seconds of silence after which an answer is given up. Admission webhooks may take up to 30."""

AT_ONCE = 32
"""How many requests are under way at once, and so how many connections are kept; streams have their own."""


class Connections:
    """Connections by the settings of one `Configuration` of the official package. Thread-safe."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()  # guards all below
        self._idle: list[http.client.HTTPConnection] = []
        self._tls: ssl.SSLContext | None = None
        self._closed = False

    @contextmanager
    def lent(self) -> Iterator[http.client.HTTPConnection]:
        """A connection for one request, which is kept if the request was answered to the end."""
        with self._places:
            connection = self._take() or self.new()
            connection.timeout = READ
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._give_back(connection)

    def new(self) -> http.client.HTTPConnection:
        """A connection that is the caller's."""
        settings, server = self._settings, urlsplit(self._settings.host)
        host, port = server.hostname or "", server.port or (443 if server.scheme == "https" else 80)
        proxy = urlsplit(settings.proxy) if settings.proxy and not _bypassed(settings, host) else None
        to = (proxy.hostname or "", proxy.port or 80) if proxy else (host, port)
        if server.scheme != "https":
            return _connected(http.client.HTTPConnection(to[0], to[1], timeout=CONNECT))
        connection = _TlsConnection(to[0], to[1], timeout=CONNECT, context=self._tls_context())
        connection.server_name = getattr(settings, "tls_server_name", None)
        if proxy:
            connection.set_tunnel(host, port, headers=dict(settings.proxy_headers or {}))
        return _connected(connection)

    def close(self) -> None:
        """Closes those that are not in use; those that are, when they are given back. Idempotent."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> http.client.HTTPConnection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if not _is_stale(connection):
                return connection
            connection.close()

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if not self._closed and connection.sock is not None:
                self._idle.append(connection)
                return
        connection.close()

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                self._tls = _tls_context(self._settings)
            return self._tls


class _TlsConnection(http.client.HTTPSConnection):
    """An HTTPSConnection that can ask for another name than the host's."""

    server_name: str | None = None

    def connect(self) -> None:
        if self.server_name is None:
            super().connect()
            return
        plain = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.server_name)  # type: ignore[attr-defined]


def _connected(connection: http.client.HTTPConnection) -> http.client.HTTPConnection:
    try:
        connection.connect()
        connection.sock.settimeout(READ)
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_stale(connection: http.client.HTTPConnection) -> bool:
    """Whether the server has closed it, or says something that nobody asked for."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(connection.sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([connection.sock], [], [], 0)[0])


def _tls_context(settings: Any) -> ssl.SSLContext:
    authorities = getattr(settings, "ca_cert_data", None) or None
    context = ssl.create_default_context(cafile=settings.ssl_ca_cert, cadata=authorities)
    if not settings.verify_ssl or settings.assert_hostname is False:
        context.check_hostname = False
    if not settings.verify_ssl:
        context.verify_mode = ssl.CERT_NONE
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context


def _bypassed(settings: Any, host: str) -> bool:
    named = [entry.strip().lstrip(".").lower() for entry in (settings.no_proxy or "").split(",")]
    return any(entry and (entry in ("*", host.lower()) or host.lower().endswith("." + entry)) for entry in named)
