"""The fault proxy for a Docker Engine: unix sockets on both sides."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.fault_proxy import FaultProxy


class Proxy(FaultProxy):
    """A unix socket at `path` that leads to the one at `target`."""

    def __init__(self, path: Path, target: str) -> None:
        self.url = f"unix://{path}"
        self._path, self._target = path, target
        super().__init__()

    def listen(self) -> socket.socket:
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen(128)
        return listener

    def connect(self) -> socket.socket:
        engine = socket.socket(socket.AF_UNIX)
        try:
            engine.connect(self._target)
        except OSError:
            engine.close()
            raise
        return engine

    def down(self) -> None:
        self._path.unlink(missing_ok=True)
        super().down()
