"""The API server: requests that return plain dicts, and streams.

The models and the client of the package `kubernetes` are not used: they take ten times as long, hold a lock that all
threads share, and load the certificates for each connection.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from ..core.cancellation import StopToken
from ..core.retries import Transient, persistent, transient
from ..errors import EngineUnavailable, LaunchError
from ..limits import shown_plain
from ..net.http import StreamingResponse, keep_alive
from ..net.limits import NOT_UNDERSTOOD, ResponseTooLarge
from ..secret import Secret, SecretBytes, without_frames, without_login
from .connections import READ_TIMEOUT, Connections
from .errors import error_of, not_understood
from .manifest import CONTAINER

T = TypeVar("T")

Object = dict[str, Any]

_HEADER = re.compile(r"[\t\x20-\x7e]*\Z")

_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG")
"""The reasons of an SSLError for data that is not TLS; they differ from one version of OpenSSL to another."""
Query = Mapping[str, object]
Headers = Mapping[str, str]


class KubernetesApi:
    """One API server, with the credentials of one user. Thread-safe.

    `configure` reads the `Configuration`; it is called again when the server no longer accepts the credentials.
    """

    def __init__(self, configure: Callable[[], Any], read_timeout: float = READ_TIMEOUT) -> None:
        self._configure = configure
        self._read_timeout = read_timeout
        self._lock = threading.Lock()  # guards the next two
        self._configuration = configure()
        self._connections = Connections(self._configuration, read_timeout)
        self.server: str = without_login(self._configuration.host.rstrip("/"))
        self._base: str = urlsplit(self.server).path
        self._version: tuple[int, int] | None = None
        self._reached = False  # whether it has ever answered: only then is it worth waiting for

    def close(self) -> None:
        with self._lock:
            self._connections.close()

    def request(self, method: str, path: str, query: Query | None = None, body: object = None) -> Object:
        """Sends one request and returns the content of the response. Transient, ApiError."""
        credentials = self._credentials()
        status, headers, data = self._exchange(method, path, query, body, credentials)
        if status == 401 and self._renew(credentials):
            status, headers, data = self._exchange(method, path, query, body, self._credentials())
        if 200 <= status < 300:
            return self._content(data)
        if 300 <= status < 400 or (status < 500 and headers.get("content-type", "").startswith("text/html")):
            raise not_understood(self.server)
        raise error_of(status, headers, data, body)

    def _content(self, data: bytes) -> Object:
        with suppress(ValueError, RecursionError):
            content = json.loads(data)
            if isinstance(content, dict):
                return content
        raise not_understood(self.server)

    def version(self) -> tuple[int, int]:
        """The server's version, such as (1, 25). Transient, ApiError."""
        if self._version is None:
            content = self.request("GET", "/version")
            numbers = [re.sub(r"\D.*", "", str(content.get(key))) or "0" for key in ("major", "minor")]
            self._version = (int(numbers[0]), int(numbers[1]))
        return self._version

    def stream(self, path: str, query: Query | None = None) -> StreamingResponse:
        """Sends a GET on a connection of its own, without waiting for the response. Transient.

        The server sends the head of a log's response with the log's first line, and not before.
        """
        credentials = self._credentials()
        try:
            connection = self._connections.new()
            try:
                connection.request("GET", self._target(path, query), headers=_headers(credentials))
                keep_alive(connection.sock)
            except BaseException:
                connection.close()
                raise
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from without_frames(error)

        def translated(status: int, headers: Headers, body: bytes) -> LaunchError | Transient:
            if status == 401 and self._renew(credentials):
                return Transient("the token was renewed")
            return error_of(status, headers, body)

        return StreamingResponse(connection.sock, error=translated)

    def retry(self, stop_token: StopToken, request: Callable[[], T]) -> T:
        """Calls `request` again after a Transient; for minutes if the server has answered before. EngineUnavailable."""
        policy = persistent(stop_token) if self._reached else transient(stop_token)
        try:
            return policy(request)
        except Transient as error:
            raise EngineUnavailable(f"The Kubernetes API server does not answer: {error}") from error.__cause__

    def _exchange(
        self, method: str, path: str, query: Query | None, body: object, credentials: Headers
    ) -> tuple[int, Headers, bytes]:
        headers = _headers(credentials)
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else SecretBytes(json.dumps(body).encode())
        try:
            with self._connections.borrow() as connection:
                connection.request(method, self._target(path, query), body=data, headers=headers)
                response = connection.getresponse()
                content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from without_frames(error)
        except ResponseTooLarge as error:
            raise not_understood(self.server, f" ({error})") from without_frames(error)
        except NOT_UNDERSTOOD as error:  # of http.client, for a response that is not one
            raise not_understood(self.server) from without_frames(error)
        self._reached = True
        return response.status, {name.lower(): value for name, value in response.getheaders()}, content

    def _unreachable(self, error: Exception) -> Transient | EngineUnavailable:
        if isinstance(error, ssl.SSLCertVerificationError):
            return EngineUnavailable(f"The certificate of {self.server} is not trusted: {error.verify_message}.")
        if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS and not self._reached:
            return EngineUnavailable(
                f"What answers at {self.server} does not speak TLS. Check the port of the address in the kubeconfig; a "
                "server without TLS has an address that begins with http://."
            )
        why = shown_plain(str(error).strip() or type(error).__name__)  # which may be what the server said
        return Transient(f"{self.server} cannot be reached: {why}")

    def _credentials(self) -> dict[str, str]:
        """The headers that authenticate this user. EngineUnavailable, without their values."""
        try:
            settings, problem = self._configuration.auth_settings(), ""
        except LaunchError:  # of a login plugin
            raise
        except Exception as error:  # of any auth provider; it may hold what cannot be encoded
            problem = type(error).__name__ if isinstance(error, UnicodeError) else str(error)
        if problem:
            raise EngineUnavailable(f"The credentials for {self.server} cannot be read: {problem}")
        found: dict[str, str] = {
            auth["key"]: Secret(auth["value"].strip()) for auth in settings.values() if auth.get("value")
        }
        settings = {}
        if not all(_HEADER.match(value) for value in found.values()):  # an error of the request would show it
            raise EngineUnavailable(
                f"The credentials for {self.server} have characters that a header cannot have: log in again."
            )
        return found

    def _renew(self, rejected: Headers) -> bool:
        """Reads the credentials again, unless another thread has, and returns whether they are not `rejected`."""
        with self._lock:
            certificate = getattr(self._configuration, "cert_file", None)
            if self._credentials() == rejected:
                self._configuration = self._configure()
                old, self._connections = self._connections, Connections(self._configuration, self._read_timeout)
                old.close()
            renewed = getattr(self._configuration, "cert_file", None) != certificate
            return renewed or self._credentials() != rejected

    def _target(self, path: str, query: Query | None) -> str:
        return self._base + path + (f"?{urlencode(query)}" if query else "")


def _headers(credentials: Headers) -> dict[str, str]:
    return {"Accept": "application/json, */*", "User-Agent": "launchpad", **credentials}


def _part(text: str) -> str:
    """`text` as one part of a path, whatever it is: "/" and ".." too."""
    return quote(text, safe="").replace(".", "%2E") if text in (".", "..") else quote(text, safe="")


class Jobs:
    """The Jobs of one namespace, their pods and their events. Thread-safe. All methods raise Transient and ApiError."""

    def __init__(self, api: KubernetesApi, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        self.path = f"/apis/batch/v1/namespaces/{_part(namespace)}/jobs"
        self.pods_path = f"/api/v1/namespaces/{_part(namespace)}/pods"
        self.events_path = f"/api/v1/namespaces/{_part(namespace)}/events"

    def create(self, manifest: Object, manager: str) -> Object:
        """Creates a Job; Kubernetes 1.18 and later record `manager` as its writer, 1.25 and later check the fields."""
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        return self._object(self.api.request("POST", self.path, query, manifest))

    def read(self, name: str) -> Object:
        return self._object(self.api.request("GET", f"{self.path}/{_part(name)}"))

    def delete(self, name: str, uid: str) -> None:
        """Deletes the Job with this uid; the server removes it once its pods are gone."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Foreground",
            "preconditions": {"uid": uid},
        }
        self.api.request("DELETE", f"{self.path}/{_part(name)}", body=options)

    def pods(self, name: str) -> list[Object]:
        """The current pods of the Job."""
        return self._items(self.pods_path, {"labelSelector": f"job-name={name}"})

    def delete_pod(self, name: str, grace: int | None, version: str | None = None) -> None:
        """Makes the node end the pod within `grace` seconds. With 0, the server removes it without asking the node.

        None: within the pod's own grace. With `version`, ApiError (409) if the pod has changed since.
        """
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        if version is not None:
            options["preconditions"] = {"resourceVersion": version}
        self.api.request("DELETE", f"{self.pods_path}/{_part(name)}", body=options)

    def events(self, uid: str) -> list[Object]:
        """The cluster's events about one object."""
        return self._items(self.events_path, {"fieldSelector": f"involvedObject.uid={uid}"})

    def log(self, pod: str, since: str | None, follow: bool) -> StreamingResponse:
        """Opens the log of the run's container, each line with its time, from `since` on (RFC 3339, whole seconds)."""
        query = {"container": CONTAINER, "follow": "true" if follow else "false", "timestamps": "true"}
        if since is not None:
            query["sinceTime"] = since
        return self.api.stream(f"{self.pods_path}/{_part(pod)}/log", query)

    def _items(self, path: str, query: Query) -> list[Object]:
        items = self.api.request("GET", path, query).get("items")
        if not isinstance(items, list):
            raise not_understood(self.api.server)
        return [self._object(item) for item in items]

    def _object(self, content: Any) -> Object:
        """An object of the server, which has a name. EngineUnavailable if it is something else."""
        metadata = content.get("metadata") if isinstance(content, dict) else None
        if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
            raise not_understood(self.api.server)
        return content  # type: ignore[no-any-return]
