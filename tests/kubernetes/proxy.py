"""The fault proxy for an API server: it accepts plain HTTP, and connects to the server by TLS."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from tests.fault_proxy import FaultProxy

CONNECT_TIMEOUT = 5.0
"""Seconds within which the API server must accept a connection."""


class Proxy(FaultProxy):
    """A port of this host that leads to `server`, an https address."""

    def __init__(self, server: str) -> None:
        self._server = urlsplit(server)
        self._tls = ssl.create_default_context()
        self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        self._port = 0
        super().__init__()

    def listen(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        return listener

    def connect(self) -> socket.socket:
        plain = socket.create_connection((self._server.hostname, self._server.port), CONNECT_TIMEOUT)
        return self._tls.wrap_socket(plain)
