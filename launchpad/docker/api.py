"""A Docker Engine: the only file, with images.py, that speaks to it through docker-py."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import requests
import urllib3
from docker import APIClient
from docker.errors import APIError, DockerException
from docker.transport.basehttpadapter import BaseHTTPAdapter

from ..core.backend import Spec
from ..core.retries import Transient
from ..errors import EngineUnavailable, LaunchError
from ..net.exchange import Query, StreamingResponse, message_of, request, upgrade
from .config import Address
from .connections import dial
from .errors import ApiError
from .spec import RUN_ID
from .status import State, state_of

POOLED = 1024
"""Connections that are kept open for the next request: more than there are threads that launch."""

OLDEST_WITH_GATEWAY = (20, 10)


class DockerApi:
    """The engine's API, in our words: Transient for what may heal, ApiError where it says no. Thread-safe."""

    def __init__(self, address: Address, timeout: float) -> None:
        self.address = address
        self._timeout = timeout
        version, self.now = self._ask_first("/version")
        self.version = str(version["Version"])
        self.is_podman = any("podman" in part.get("Name", "").lower() for part in version.get("Components") or ())
        self._prefix = f"/v{version['ApiVersion']}"
        self.client = _Client(self._dial, version["ApiVersion"], timeout)
        self.id = self._identity()

    @property
    def has_gateway(self) -> bool:
        """Whether the engine knows the address `host-gateway`; Podman counts its versions differently, and does."""
        numbers = re.match(r"(\d+)\.(\d+)", self.version)
        return self.is_podman or not numbers or (int(numbers[1]), int(numbers[2])) >= OLDEST_WITH_GATEWAY

    def create(self, spec: Spec) -> str:
        try:
            host = self.client.create_host_config(**spec["host"])
        except (TypeError, ValueError, DockerException) as error:
            raise LaunchError(f"The options of container {spec['create']['name']!r} are not valid: {error}") from error
        with self._translated():
            return str(self.client.create_container(**spec["create"], host_config=host)["Id"])

    def connect(self, container: str, network: str) -> None:
        with self._translated():
            self.client.connect_container_to_network(container, network)

    def start(self, container: str) -> None:
        with self._translated():
            self.client.start(container)

    def inspect(self, container: str) -> State | None:
        """The state of the container with this id or name; None where there is none."""
        try:
            with self._translated():
                return state_of(self.client.inspect_container(container))
        except ApiError as refused:
            if refused.status == 404:
                return None
            raise

    def statuses(self, containers: list[str]) -> dict[str, str]:
        return {entry["Id"]: entry["State"] for entry in self.list({"id": containers})}

    def list(self, filters: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        """The entries of the engine's list, of containers in any state."""
        with self._translated():
            entries: list[dict[str, Any]] = self.client.containers(all=True, filters=dict(filters))
            return entries

    def remove(self, container: str, *, force: bool) -> None:
        """Removes the container and its unnamed volumes; gone already, or on its way out, is success."""
        try:
            with self._translated():
                self.client.remove_container(container, v=True, force=force)
        except ApiError as refused:
            if refused.status != 404 and "already in progress" not in refused.words:
                raise

    def attach(self, container: str) -> StreamingResponse:
        """The stream of what the container will write; it is attached when this returns."""
        query: Query = {"stream": 1, "stdout": 1, "stderr": 1}
        exchange = self.open(upgrade(f"{self._prefix}/containers/{container}/attach", query))
        try:
            if not exchange.answered(self._timeout):
                raise Transient("the engine did not attach in time")
            if exchange.status not in (101, 200):
                raise _refused(exchange.status, message_of(exchange.read_all(self._timeout).decode("utf-8", "replace")))
        except (OSError, TimeoutError) as error:
            exchange.close()
            raise Transient(str(error)) from error
        except BaseException:
            exchange.close()
            raise
        return exchange

    def open_log(self, container: str, follow: bool) -> StreamingResponse:
        query: Query = {"stdout": 1, "stderr": 1, "follow": int(follow)}
        return self.open(request("GET", f"{self._prefix}/containers/{container}/logs", query))

    def open_events(self, since: str) -> StreamingResponse:
        filters = {"type": ["container"], "event": ["start", "oom", "die", "destroy"], "label": [RUN_ID]}
        if (
            self.is_podman
        ):  # it filters by its own words, tells in Docker's, and loses events to a label without a value
            filters = {"type": ["container"], "event": ["start", "oom", "died", "remove"]}
        query: Query = {"since": since, "filters": json.dumps(filters)}
        return self.open(request("GET", f"{self._prefix}/events", query))

    def send(self, container: str, order: str, query: Query) -> StreamingResponse:
        """Sends an order to the container; who gets the exchange may look for the answer."""
        return self.open(request("POST", f"{self._prefix}/containers/{container}/{order}", query))

    def open(self, data: bytes) -> StreamingResponse:
        """Sends a request on a connection of its own."""
        try:
            return StreamingResponse(self._dial(), data)
        except OSError as error:
            raise Transient(str(error)) from error

    def close(self) -> None:
        self.client.close()

    def _dial(self) -> socket.socket:
        return dial(self.address, self._timeout)

    def _ask_first(self, path: str) -> tuple[dict[str, Any], str]:
        """An answer, and when (in the engine's clock) it was given: EngineUnavailable where there is none."""
        try:
            with closing(StreamingResponse(self._dial(), request("GET", path))) as exchange:
                if not exchange.answered(self._timeout):
                    raise TimeoutError(f"it does not answer within {self._timeout:g} s")
                body = exchange.read_all(self._timeout)
                if exchange.status != 200:
                    raise OSError(message_of(body.decode("utf-8", "replace")))
                return json.loads(body), exchange.headers.get("date", "")
        except (OSError, ValueError, TimeoutError) as error:
            raise EngineUnavailable(
                f"No Docker Engine can be reached at {self.address.url}: {error or type(error).__name__}. "
                f"To do: {_advice(self.address, error)}."
            ) from error

    def _identity(self) -> str:
        """What tells this engine from all others. Podman has no name for itself: its place has to do."""
        if self.is_podman:
            where = f"@{socket.gethostname()}" if self.address.scheme == "unix" else ""
            return self.address.url + where
        info, _ = self._ask_first(f"{self._prefix}/info")
        return str(info["ID"])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except APIError as error:
            raise _refused(error.status_code, str(error.explanation or error), error) from error
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise Transient(_words(error)) from error
        except (DockerException, requests.RequestException, TypeError, ValueError) as error:
            raise LaunchError(f"The Docker Engine at {self.address.url} was not understood: {error}") from error


class _Client(APIClient):
    """docker-py's client on our connections: one way to the engine for requests and streams alike."""

    def __init__(self, dial: Callable[[], socket.socket], version: str, timeout: float) -> None:
        self._adapter = _Adapter(dial)
        super().__init__(base_url="unix:///engine", version=version)
        self.timeout = timeout  # type: ignore[assignment]  # requests takes fractions, too
        self.trust_env = False  # proxies and CA bundles for the web are none of the engine's

    def get_adapter(self, url: str) -> BaseHTTPAdapter:
        return self._adapter

    def close(self) -> None:
        super().close()
        self._adapter.close()


class _Adapter(BaseHTTPAdapter):
    def __init__(self, dial: Callable[[], socket.socket]) -> None:
        super().__init__()
        self._pool = _Pool(dial)

    def get_connection(self, url: str | bytes, proxies: object = None) -> urllib3.HTTPConnectionPool:
        return self._pool

    def request_url(self, request: requests.PreparedRequest, proxies: object) -> str:
        return request.path_url

    def close(self) -> None:
        super().close()
        self._pool.close()


class _Pool(urllib3.HTTPConnectionPool):
    def __init__(self, dial: Callable[[], socket.socket]) -> None:
        super().__init__("docker", maxsize=POOLED)
        self._dial = dial

    def _new_conn(self) -> _Connection:
        return _Connection(self._dial)


class _Connection(urllib3.connection.HTTPConnection):
    def __init__(self, dial: Callable[[], socket.socket]) -> None:
        super().__init__("docker")
        self._dial = dial

    def connect(self) -> None:
        self.sock = self._dial()


def _refused(status: int | None, words: str, error: APIError | None = None) -> Exception:
    if status in (429, 502, 503, 504):
        after = (
            error.response.headers.get("Retry-After", "") if error is not None and error.response is not None else ""
        )
        return Transient(words, float(after) if after.isdigit() else None)
    return ApiError(words, status or 0)


def _words(error: BaseException) -> str:
    """What lies at the bottom of an error of the HTTP client: its own words are of pools and proxies."""
    while (below := error.__cause__ or error.__context__) is not None and below is not error:
        error = below
    return str(error) or type(error).__name__


def _advice(address: Address, error: BaseException) -> str:
    if isinstance(error, PermissionError):
        return "add your user to the group that owns the socket (docker), or use an engine of your own (rootless)"
    if address.scheme == "ssh":
        return f"see that 'docker --host {address.url} version' works without asking for a password"
    return "start it, or set DOCKER_HOST or DOCKER_CONTEXT to where it is"
