"""Connections to one API server: kept from one request to the next, or given away for a stream.

They share one TLS context: loading the certificates for each would take longer than all the rest, and more memory.
Why this is not the pool of urllib3: docs/decisions/kubernetes-requests.rst.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from ..core.shortages import advice_on
from ..errors import EngineUnavailable
from ..net.limits import LimitedResponse
from ..net.wakeup import readable
from . import proxies

CONNECT_TIMEOUT = 5.0
"""Seconds in which a connection must be made."""

READ_TIMEOUT = 35.0
"""Seconds of silence after which a response is given up; also of a whole response, from its first byte on.

Admission webhooks may take up to 30.
"""

MAX_REQUESTS = 32
"""How many requests run at once, and so how many connections are kept; streams have their own."""


class Connections:
    """Connections as one `Configuration` of the package `kubernetes` describes them. Thread-safe."""

    def __init__(self, configuration: Any, read_timeout: float = READ_TIMEOUT) -> None:
        self._configuration = configuration
        self._read_timeout = read_timeout
        self._slots = threading.BoundedSemaphore(MAX_REQUESTS)
        self._lock = threading.Lock()  # guards all below
        self._idle: list[http.client.HTTPConnection] = []
        self._tls: ssl.SSLContext | None = None
        self._closed = False

    @contextmanager
    def borrow(self) -> Iterator[http.client.HTTPConnection]:
        """A connection for one request. It is kept for the next one unless the block raises."""
        with self._slots:
            connection = self._take() or self.new()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._give_back(connection)

    def new(self) -> http.client.HTTPConnection:
        """A new connection, which the caller closes. Without a descriptor for it, idle connections give theirs."""
        try:
            return self._new()
        except OSError as error:
            if advice_on(error) is None or not self._drop_idle():
                raise
            return self._new()

    def _new(self) -> http.client.HTTPConnection:
        configuration, server = self._configuration, urlsplit(self._configuration.host)
        host, port = server.hostname or "", server.port or (443 if server.scheme == "https" else 80)
        proxied = bool(configuration.proxy) and not proxies.bypasses(
            getattr(configuration, "no_proxy", None), host, port
        )
        login: dict[str, str] = {}
        to_host, to_port = host, port
        if proxied:
            to_host, to_port, login = proxies.address(configuration.proxy)
        if server.scheme != "https":
            return self._connected(http.client.HTTPConnection(to_host, to_port, timeout=CONNECT_TIMEOUT))
        connection = _TlsConnection(to_host, to_port, timeout=CONNECT_TIMEOUT, context=self._tls_context())
        connection.server_name = getattr(configuration, "tls_server_name", None)
        if proxied:
            connection.set_tunnel(host, port, headers={**login, **(configuration.proxy_headers or {})})
        try:
            return self._connected(connection)
        except ssl.SSLError:
            raise
        except OSError as error:
            if not proxied:
                raise
            raise OSError(f"through the proxy {to_host}:{to_port}: {error}") from error

    def _connected(self, connection: http.client.HTTPConnection) -> http.client.HTTPConnection:
        connection.response_class = LimitedResponse
        try:
            connection.connect()
            connection.sock.settimeout(self._read_timeout)
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Closes idle connections now, and those in use when they are given back. Idempotent."""
        with self._lock:
            self._closed = True
        self._drop_idle()

    def _drop_idle(self) -> bool:
        """Closes idle connections; False if there are none."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        return bool(idle)

    def _take(self) -> http.client.HTTPConnection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if not readable([connection.sock], 0.0):  # else the server has closed it
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
                self._tls = _tls_context(self._configuration)
            return self._tls


class _TlsConnection(http.client.HTTPSConnection):
    """An HTTPSConnection that can ask for another name than the host's."""

    server_name: str | None = None

    def connect(self) -> None:
        if self.server_name is None:
            super().connect()
            return
        http.client.HTTPConnection.connect(self)  # through the tunnel of a proxy, if there is one
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.server_name)  # type: ignore[attr-defined]


def _tls_context(configuration: Any) -> ssl.SSLContext:
    try:
        return _loaded_tls_context(configuration)
    except (OSError, ValueError) as error:
        files = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
        raise EngineUnavailable(
            f"The certificates for {configuration.host} cannot be used: {error.args[-1] if error.args else error} "
            f"({', '.join(str(file) for file in files if file)}). "
            "Check the kubeconfig: the certificate and the key of a client must belong together."
        ) from error


def _loaded_tls_context(configuration: Any) -> ssl.SSLContext:
    authorities = getattr(configuration, "ca_cert_data", None) or None
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=authorities)
    if not configuration.verify_ssl or configuration.assert_hostname is False:
        context.check_hostname = False
    if not configuration.verify_ssl:
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
