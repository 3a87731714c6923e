"""The API server, as launchpad speaks to it: requests that give plain dicts, and streams.

The official package knows where the cluster is and who we are. Its models and its client are not used: they take a
lock that all threads share, ten times as long, and a certificate store for each connection.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from ..core.retries import Transient
from ..errors import EngineUnavailable, LaunchError
from ..net.streams import Stream
from .connections import Connections
from .errors import refusal

Query = Mapping[str, object]
Headers = Mapping[str, str]


class Api:
    """One API server, with one user's rights. Thread-safe. `configure` reads the settings, anew when a token is old."""

    def __init__(self, configure: Callable[[], Any]) -> None:
        self._configure = configure
        self._lock = threading.Lock()  # guards the two below
        self._settings = configure()
        self._connections = Connections(self._settings)
        self.server: str = self._settings.host.rstrip("/")
        self._base: str = urlsplit(self.server).path
        self.reached = False
        """Whether it has ever answered: then it is worth waiting for."""

    def close(self) -> None:
        with self._lock:
            self._connections.close()

    def request(self, method: str, path: str, query: Query | None = None, body: object = None) -> dict[str, Any]:
        """The answer as a dict. Transient, ApiError."""
        used = self._credentials()
        status, headers, data = self._exchange(method, path, query, body, used)
        if status == 401 and self._renewed(used):
            status, headers, data = self._exchange(method, path, query, body, self._credentials())
        if 200 <= status < 300:
            answer: dict[str, Any] = json.loads(data)
            return answer
        raise refusal(status, headers, data)

    def stream(self, path: str, query: Query | None = None) -> Stream:
        """Asks for what comes bit by bit, and returns at once. Transient."""
        used = self._credentials()
        try:
            connection = self._connections.new()
            try:
                connection.request("GET", self._target(path, query), headers=_headers(used))
            except BaseException:
                connection.close()
                raise
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) from error

        def translated(status: int, headers: Headers, body: bytes) -> LaunchError | Transient:
            if status == 401 and self._renewed(used):
                return Transient("the token was renewed")
            return refusal(status, headers, body)

        return Stream(connection.sock, translated)

    def _exchange(
        self, method: str, path: str, query: Query | None, body: object, credentials: Headers
    ) -> tuple[int, Headers, bytes]:
        headers = _headers(credentials)
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        try:
            with self._connections.lent() as connection:
                connection.request(method, self._target(path, query), body=data, headers=headers)
                answer = connection.getresponse()
                content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) from error
        self.reached = True
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content

    def _lost(self, error: Exception) -> Transient | EngineUnavailable:
        if isinstance(error, ssl.SSLCertVerificationError):
            return EngineUnavailable(f"The certificate of {self.server} is not trusted: {error.verify_message}.")
        return Transient(f"{self.server} cannot be reached: {error or type(error).__name__}")

    def _credentials(self) -> dict[str, str]:
        try:
            settings = self._settings.auth_settings()
        except Exception as error:  # from whatever plugin the kubeconfig names
            raise EngineUnavailable(f"No credentials for {self.server} can be had: {error}") from error
        return {auth["key"]: auth["value"] for auth in settings.values() if auth.get("value")}

    def _renewed(self, used: Headers) -> bool:
        """Whether there are other credentials than those that were not accepted, after a look at their source."""
        with self._lock:
            if self._credentials() == used:
                self._settings = self._configure()
                old, self._connections = self._connections, Connections(self._settings)
                old.close()
            return self._credentials() != used

    def _target(self, path: str, query: Query | None) -> str:
        return self._base + path + (f"?{urlencode(query)}" if query else "")


def _headers(credentials: Headers) -> dict[str, str]:
    return {"Accept": "application/json, */*", "User-Agent": "launchpad", **credentials}
