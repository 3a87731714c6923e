"""Connections to an API server: certificates that cannot be used, and proxies that refuse."""

from __future__ import annotations

import pathlib
import socket
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from launchpad import EngineUnavailable
from launchpad.kubernetes.connections import Connections

SECRET = "hush-0123456789"


def configuration(**settings: Any) -> SimpleNamespace:
    usual = {"host": "https://server.example:6443", "proxy": None, "no_proxy": None, "proxy_headers": None}
    tls = {"ssl_ca_cert": None, "verify_ssl": False, "assert_hostname": None, "cert_file": None, "key_file": None}
    return SimpleNamespace(**{**usual, **tls, **settings})


@pytest.mark.parametrize("setting", ["ssl_ca_cert", "cert_file"])
def test_certificates_that_cannot_be_used_are_named(tmp_path: pathlib.Path, setting: str) -> None:
    file = tmp_path / "broken.pem"
    file.write_text(SECRET)
    with pytest.raises(
        EngineUnavailable, match=r"certificates for https://server.example:6443 .*broken\.pem"
    ) as raised:
        Connections(configuration(**{setting: str(file)})).new()
    assert SECRET not in str(raised.value)


# On Python 3.10, http.client leaves the socket of a refused tunnel to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("server_name", [None, "other.example"])
def test_a_proxy_gets_its_password_and_an_error_does_not(server_name: str | None) -> None:
    requests = []

    def refuse() -> None:
        peer, _ = listener.accept()
        with peer:
            requests.append(peer.recv(4096))
            peer.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=refuse)
        thread.start()
        proxied = configuration(proxy=f"http://me:{SECRET}@127.0.0.1:{port}", tls_server_name=server_name)
        with pytest.raises(OSError, match=rf"through the proxy 127.0.0.1:{port}: .*407") as raised:
            Connections(proxied).new()
        thread.join()
    assert requests[0].startswith(b"CONNECT server.example:6443 ")
    assert b"Proxy-Authorization: Basic bWU6aHVzaC0wMTIzNDU2Nzg5" in requests[0]
    assert SECRET not in str(raised.value)
