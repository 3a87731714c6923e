"""docker-py's client, with connections and limits of launchpad's own."""

from __future__ import annotations

import queue
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import requests
import urllib3
from docker import APIClient
from docker.transport.basehttpadapter import BaseHTTPAdapter

from ..net.limits import LimitedResponse
from .errors import TRANSIENT

MAX_IDLE = 1024
"""Idle connections that are kept: more than there are threads that launch."""


class Client(APIClient):
    """docker-py's client on connections of `dial`, so that requests and streams reach the engine in one way."""

    def __init__(
        self, dial: Callable[[], socket.socket], version: str, timeout: float, config: Mapping[str, Any]
    ) -> None:
        self._adapter = _Adapter(dial)
        self._config = {key: config.get(key) or {} for key in ("HttpHeaders", "proxies")}
        super().__init__(base_url="unix:///engine", version=version)
        self.timeout = timeout  # type: ignore[assignment]  # requests takes fractions, too
        self.max_redirects = 0  # an engine sends none
        self.trust_env = False  # proxies and CA bundles for the web do not apply to the engine

    @property
    def _general_configs(self) -> dict[str, Any]:
        """The config file without its logins: docker-py fails if one is broken."""
        return dict(self._config)

    @_general_configs.setter
    def _general_configs(self, config: object) -> None:
        """Ignores what docker-py reads: it takes other files than docker does."""

    def get_adapter(self, url: str) -> BaseHTTPAdapter:
        return self._adapter

    def drop_idle(self) -> bool:
        """Closes idle connections, for another use of their descriptors; False if there are none."""
        return self._adapter.pool.drop_idle()

    def close(self) -> None:
        super().close()
        self._adapter.close()


class _Adapter(BaseHTTPAdapter):
    def __init__(self, dial: Callable[[], socket.socket]) -> None:
        super().__init__()
        self.pool = _Pool(dial)

    def get_connection(self, url: str | bytes, proxies: object = None) -> urllib3.HTTPConnectionPool:
        return self.pool

    def request_url(self, request: requests.PreparedRequest, proxies: object) -> str:
        return request.path_url

    def send(self, *args: Any, **options: Any) -> requests.Response:
        response = super().send(*args, **options)
        if _is_odd(response):
            response.close()
            raise requests.RequestException("not an engine's response")
        return response

    def close(self) -> None:
        super().close()
        self.pool.close()


def _is_odd(response: requests.Response) -> bool:
    """Whether no engine sends this: a page of HTML, or content after a start or a removal."""
    request, status = response.request, response.status_code
    if response.headers.get("Content-Type", "").startswith("text/html"):
        return status not in TRANSIENT
    without_content = request.method == "DELETE" or request.path_url.endswith("/start")
    return without_content and 200 <= status < 300 and status != 204


class _Pool(urllib3.HTTPConnectionPool):
    def __init__(self, dial: Callable[[], socket.socket]) -> None:
        super().__init__("docker", maxsize=MAX_IDLE)
        self._dial = dial

    def _new_conn(self) -> _Connection:
        return _Connection(self._dial)

    def drop_idle(self) -> bool:
        dropped = 0
        with suppress(queue.Empty):
            while self.pool is not None and (connection := self.pool.get_nowait()) is not None:
                connection.close()
                dropped += 1
        for _ in range(dropped + 1):  # urllib3's marks of free places
            self._put_conn(None)
        return dropped > 0


class _Connection(urllib3.connection.HTTPConnection):
    response_class = LimitedResponse

    def __init__(self, dial: Callable[[], socket.socket]) -> None:
        super().__init__("docker")
        self._dial = dial

    def connect(self) -> None:
        self.sock = self._dial()
