"""Responses of an engine that are scripted: no engine is needed."""

from __future__ import annotations

import socket

from launchpad.docker.errors import error_of_response
from launchpad.net.http import StreamingResponse


def response_of(data: bytes) -> tuple[StreamingResponse, socket.socket]:
    """A response with `data` so far, and the engine's end of its connection."""
    ours, engine = socket.socketpair()
    engine.settimeout(10)
    engine.sendall(data)
    return StreamingResponse(ours, b"request", error=error_of_response), engine


def whole_response(data: bytes) -> StreamingResponse:
    """A response with `data` on a connection that the engine has closed."""
    response, engine = response_of(data)
    with engine:
        engine.shutdown(socket.SHUT_WR)
        engine.recv(4096)
    return response


def error_response(status: int, message: str, *headers: str) -> bytes:
    body = f'{{"message":"{message}"}}'
    head = [f"HTTP/1.1 {status} Scripted", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()
