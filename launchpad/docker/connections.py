"""Connections to the engine, by whatever way its address names: all are sockets that can be waited on together."""

from __future__ import annotations

import functools
import select
import socket
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from .config import Address, Tls

if TYPE_CHECKING:
    import ssl


class HasFileno(Protocol):
    def fileno(self) -> int: ...


def dial(address: Address, timeout: float) -> socket.socket:
    """A new connection, each of whose operations may take `timeout` seconds. OSError where there is none to be had."""
    if address.scheme == "unix":
        return _connect_unix(address.path, timeout)
    if address.scheme == "ssh":
        return _connect_ssh(address.url, timeout)
    host, port = address.place
    connection = socket.create_connection((host, port), timeout)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection if address.tls is None else _secure(connection, address.tls, host)


def readable(sources: Sequence[HasFileno], timeout: float | None) -> bool:
    """Waits until one of `sources` has something to read, at most `timeout` seconds; whether one has."""
    if not hasattr(select, "poll"):
        return bool(select.select(sources, [], [], timeout)[0])
    poll = select.poll()
    for source in sources:
        poll.register(source.fileno(), select.POLLIN)
    return bool(poll.poll(None if timeout is None else max(0.0, timeout) * 1000))


def _connect_unix(path: str, timeout: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _secure(connection: socket.socket, tls: Tls, host: str) -> socket.socket:
    try:
        return _ssl_context(tls).wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


@functools.cache
def _ssl_context(tls: Tls) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context(cafile=tls.ca)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate is not None:
        context.load_cert_chain(tls.certificate, tls.key)
    return context


class _SshConnection(socket.socket):
    """Our end of what an `ssh` process carries to the engine's socket; the process ends with it."""

    process: subprocess.Popen[bytes]

    def close(self) -> None:
        super().close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def _connect_ssh(url: str, timeout: float) -> socket.socket:
    ours, theirs = socket.socketpair()
    with theirs:
        # A session of its own: a Ctrl-C at the terminal is for us to handle, not for ssh.
        process = subprocess.Popen(
            ssh_command(url, timeout),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    connection = _SshConnection(fileno=ours.detach())
    connection.process = process
    connection.settimeout(timeout)
    return connection


def ssh_command(url: str, timeout: float) -> list[str]:
    """What the docker CLI runs for an address like ssh://user@host:port."""
    parts = urlsplit(url)
    words = ["ssh", "-o", f"ConnectTimeout={max(1, round(timeout))}", "-T"]
    if parts.username:
        words += ["-l", parts.username]
    if parts.port:
        words += ["-p", str(parts.port)]
    socket_path = [] if parts.path in ("", "/") else ["--host", f"unix://{parts.path}"]
    return [*words, "--", parts.hostname or "", "docker", *socket_path, "system", "dial-stdio"]
