"""Connections to the engine by a Unix socket, TCP, TLS or ssh. Each is a socket, to be waited for with others."""

from __future__ import annotations

import functools
import shlex
import socket
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import EngineUnavailable
from ..net.http import keep_alive
from .config import Address, Tls

if TYPE_CHECKING:
    import ssl


def dial(address: Address, timeout: float) -> socket.socket:
    """Opens a connection, whose operations have a timeout of `timeout` seconds.

    OSError; EngineUnavailable if a certificate file is broken.
    """
    if address.scheme == "unix":
        return _connect_unix(address.path, timeout)
    if address.scheme == "ssh":
        return _connect_ssh(address.url, timeout)
    host, port = address.host_and_port
    connection = socket.create_connection((host, port), timeout)
    keep_alive(connection)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection if address.tls is None else _secure(connection, address.tls, host)


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

    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except OSError as error:
        raise EngineUnavailable(f"{tls.ca} is not a file of CA certificates: {error}.") from None
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate is not None:
        try:
            context.load_cert_chain(tls.certificate, tls.key, password="")  # never ask for it at the terminal
        except OSError as error:
            raise EngineUnavailable(
                f"{tls.certificate} and {tls.key} are not a certificate and its key without a password: {error}."
            ) from None
    return context


class _SshConnection(socket.socket):
    """A socket whose other end an `ssh` process connects to the engine's; closing it ends the process."""

    process: subprocess.Popen[bytes]

    def close(self) -> None:
        super().close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def _connect_ssh(url: str, timeout: float) -> socket.socket:
    ours, theirs = socket.socketpair()
    with theirs, ExitStack() as undo:
        undo.callback(ours.close)
        # A session of its own: Ctrl-C at the terminal must not reach ssh.
        process = subprocess.Popen(
            ssh_command(url, timeout),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        undo.pop_all()
    connection = _SshConnection(fileno=ours.detach())
    connection.process = process
    connection.settimeout(timeout)
    return connection


def ssh_command(url: str, timeout: float) -> list[str]:
    """The command that the docker CLI runs for an address such as ssh://user@host:port."""
    parts = urlsplit(url)
    words = ["ssh", "-o", f"ConnectTimeout={max(1, round(timeout))}", "-T"]
    if parts.username:
        words += ["-l", parts.username]
    if parts.port:
        words += ["-p", str(parts.port)]
    # ssh joins these words to a command for the remote user's shell.
    socket_path = [] if parts.path in ("", "/") else ["--host", shlex.quote(f"unix://{parts.path}")]
    return [*words, "--", parts.hostname or "", "docker", *socket_path, "system", "dial-stdio"]
