"""Counts the requests to a Docker Engine, on the socket to it."""

from __future__ import annotations

import os
import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

REQUEST = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE) /[^ ]* HTTP/1\.1\r\n")


class RequestCounter:
    """A proxy on a unix socket at `path` that counts requests."""

    def __init__(self, path: Path, target: str) -> None:
        self.requests = 0
        self._target = target
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(512)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self._target)
            threading.Thread(target=self._pump, args=(client, engine, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(engine, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if counted:
                    self.requests += len(REQUEST.findall(data))
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def counted_docker() -> Iterator[RequestCounter]:
    """Counts the requests of clients that are made during the block, in child processes too."""
    engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not engine.startswith("unix://"):
        raise RuntimeError(f"only requests on a unix socket can be counted; DOCKER_HOST is {engine.partition(':')[0]}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "docker.sock"
        counter = RequestCounter(path, engine.removeprefix("unix://"))
        os.environ["DOCKER_HOST"] = f"unix://{path}"
        try:
            yield counter
        finally:
            os.environ["DOCKER_HOST"] = engine
