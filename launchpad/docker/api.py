"""The API of a Docker Engine. Only this module and `client` import docker-py."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import requests
from docker.errors import APIError, DockerException

from ..core.backend import Spec
from ..core.cancellation import Stopped, StopToken
from ..core.retries import LONGEST_OUTAGE, Transient, reconnecting, transient
from ..core.shortages import advice_on
from ..errors import EngineUnavailable, LaunchError
from ..net.http import Query, StreamingResponse, encode_request
from ..net.limits import NOT_UNDERSTOOD, ResponseTooLarge
from ..secret import SecretBytes
from .client import Client
from .config import Address
from .connections import dial
from .errors import ApiError, error_of, error_of_response, forget_request, root_of, unreachable_advice
from .spec import RUN_ID
from .status import State, knows_gateway, state_of, versions_of
from .words import BEING_REMOVED

T = TypeVar("T")


class DockerApi:
    """Requests to one engine. Thread-safe.

    All raise Transient for faults that may pass and ApiError for error responses. `retried` and `through_outage` repeat
    them, and raise EngineUnavailable in place of the last Transient.
    """

    def __init__(
        self,
        address: Address,
        timeout: float,
        max_outage: float = LONGEST_OUTAGE,
        config: Mapping[str, Any] = {},
    ) -> None:
        self.address = address
        self._timeout = timeout
        self.max_outage = max_outage
        """Seconds that the engine may be out of reach, or not do what it was asked, until a run is given up."""
        self._closing = StopToken()
        self._drop_idle: Callable[[], bool] = lambda: False
        (self.version, api_version, self.is_podman), self.now = self._ask_first("/version", versions_of)
        self._prefix = f"/v{api_version}"
        self._client = Client(self._dial, api_version, timeout, config)
        self._drop_idle = self._client.drop_idle
        self.id = self._identity()

    @property
    def has_gateway(self) -> bool:
        """Whether the engine knows the address `host-gateway`. All versions of Podman that have this API do."""
        return self.is_podman or knows_gateway(self.version)

    def retried(self, call: Callable[[], T], stop_token: StopToken | None = None) -> T:
        """Repeats `call` a few times after a Transient. Stopped when `stop_token` is stopped."""
        try:
            return transient(stop_token or self._closing)(call)
        except Transient as error:
            raise self._unreachable(error) from error.__cause__

    def through_outage(self, call: Callable[[], T]) -> T:
        """Repeats `call` after a Transient until the engine is back, or has been out of reach for too long.

        For requests about a run that has started: an engine may be restarted under its containers.
        """
        try:
            return reconnecting(self._closing, self.max_outage)(call)
        except Transient as error:
            raise self._unreachable(error) from error.__cause__
        except Stopped:
            raise EngineUnavailable("The connection to the engine was closed while a run was followed.") from None

    def create(self, spec: Spec) -> str:
        """Creates a container and returns its id."""
        try:
            host = self._client.create_host_config(**spec["host"])
        except (TypeError, ValueError, DockerException) as error:
            raise LaunchError(f"The options of container {spec['create']['name']!r} are not valid: {error}") from error
        with self._translated():
            return str(self._client.create_container(**spec["create"], host_config=host)["Id"])

    def image_id(self, image: str) -> str | None:
        """The id of the engine's image with this name, id or beginning of an id; None if there is none."""
        try:
            with self._translated():
                return str(self._client.inspect_image(image)["Id"])  # type: ignore[no-untyped-call]
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def connect(self, container: str, network: str) -> None:
        with self._translated():
            self._client.connect_container_to_network(container, network)

    def start(self, container: str) -> None:
        with self._translated():
            self._client.start(container)

    def inspect(self, container: str) -> State | None:
        """The state of the container with this id or name; None if there is none."""
        try:
            with self._translated():
                return state_of(self._client.inspect_container(container))
        except ApiError as error:
            if error.is_missing_container:
                return None
            raise

    def statuses(self, containers: list[str]) -> dict[str, str]:
        """The statuses in the engine's list of those of `containers` that exist."""
        entries = self.list({"id": containers})
        with self._translated():
            return {entry["Id"]: entry["State"] for entry in entries}

    def list(self, filters: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        """The engine's list of containers in any state."""
        with self._translated():
            entries: list[dict[str, Any]] = self._client.containers(all=True, filters=dict(filters))
            if not all(isinstance(entry, dict) for entry in entries):
                raise TypeError("not a list of containers")
            return entries

    def remove(self, container: str, *, force: bool) -> None:
        """Removes the container and its unnamed volumes. A container that is gone or being removed is a success."""
        try:
            with self._translated():
                self._client.remove_container(container, v=True, force=force)
        except ApiError as error:
            if error.status != 404 and not BEING_REMOVED.match(error.message):
                raise

    def attach(self, container: str, streams: Sequence[str] = ("stdout", "stderr")) -> StreamingResponse:
        """The stream of all output of a container that has not started, or of its stdin; attached when this returns."""
        query: Query = {"stream": 1, **dict.fromkeys(streams, 1)}
        upgrade = {"Connection": "Upgrade", "Upgrade": "tcp"}
        path = f"{self._prefix}/containers/{container}/attach"
        response = self._open(encode_request("POST", path, query, {"Host": "docker", **upgrade}, version="1.1"))
        try:
            response.wait_success(self._timeout)
            if response.headers.get("content-type", "").startswith("text/"):
                raise self._not_an_engine(ValueError("text"))
        except BaseException:
            response.close()
            raise
        return response

    def open_log(self, container: str, follow: bool) -> StreamingResponse:
        query: Query = {"stdout": 1, "stderr": 1, "follow": int(follow)}
        return self._stream("GET", f"{self._prefix}/containers/{container}/logs", query)

    def open_events(self, since: str) -> StreamingResponse:
        """The events of runs' containers from `since` on, a time of the engine's clock."""
        filters = {"type": ["container"], "event": ["start", "kill", "oom", "die", "destroy"], "label": [RUN_ID]}
        if self.is_podman:  # it filters by its own names of events, and loses events to a label without a value
            filters = {"type": ["container"], "event": ["start", "kill", "restart", "oom", "died", "remove"]}
        return self._stream("GET", f"{self._prefix}/events", {"since": since, "filters": json.dumps(filters)})

    def past_events(self, since: str, until: str) -> tuple[int, str]:
        """How many events of any kind the engine remembers, and the present time. All times are the engine's."""
        with closing(self._stream("GET", f"{self._prefix}/events", {"since": since, "until": until})) as response:
            response.wait_success(self._timeout)
            events = response.read_all(self._timeout).count(b"\n")
            date = response.headers.get("date")
            return events, f"{parsedate_to_datetime(date).timestamp():.0f}" if date else until

    def open_pull(self, query: Query, headers: Mapping[str, str]) -> StreamingResponse:
        return self._stream("POST", "/images/create", query, headers)

    def archive(self, container: str, path: str, limit: int) -> bytes:
        """The file at `path` in a container, as a tar archive. ResponseTooLarge if that has more than `limit` bytes."""
        query: Query = {"path": path}
        with closing(self._stream("GET", f"{self._prefix}/containers/{container}/archive", query)) as response:
            response.wait_success(self._timeout)
            return response.read_all(self._timeout, limit)

    def send(self, container: str, action: str, query: Query) -> StreamingResponse:
        """Sends a request for `action` (stop, kill). Its response may be read or not; it raises no ApiError."""
        path = f"{self._prefix}/containers/{container}/{action}"
        return self._open(encode_request("POST", path, query, {"Host": "docker"}), raise_errors=False)

    def close(self) -> None:
        """Closes idle connections, and ends the waits of `through_outage` with EngineUnavailable."""
        self._closing.stop()
        self._client.close()

    def _stream(self, method: str, path: str, query: Query, headers: Mapping[str, str] = {}) -> StreamingResponse:
        return self._open(SecretBytes(encode_request(method, path, query, {"Host": "docker", **headers})))

    def _open(self, request: bytes, *, raise_errors: bool = True) -> StreamingResponse:
        """Sends `request` on a connection of its own."""
        try:
            return StreamingResponse(self._dial(), request, error=error_of_response if raise_errors else None)
        except OSError as error:
            raise Transient(str(error)) from error

    def _dial(self) -> socket.socket:
        try:
            return dial(self.address, self._timeout)
        except OSError as error:
            if advice_on(error) is None or not self._drop_idle():
                raise
            return dial(self.address, self._timeout)

    def _ask_first(self, path: str, read: Callable[[Any], T]) -> tuple[T, str]:
        """What `read` finds in a response, and the response's time in the engine's clock. EngineUnavailable."""
        try:
            request = encode_request("GET", path, headers={"Host": "docker"})
            with closing(StreamingResponse(self._dial(), request, error=error_of_response)) as response:
                response.wait_success(self._timeout)
                content, date = response.read_all(self._timeout), response.headers.get("date", "")
            return read(json.loads(content)), date if date and parsedate_to_datetime(date) else ""
        except (OSError, ResponseTooLarge, Transient, ApiError) as error:  # first: SSL errors are also ValueErrors
            raise EngineUnavailable(
                f"No Docker Engine can be reached at {self.address.shown}: {error or type(error).__name__}. "
                f"To do: {unreachable_advice(self.address.scheme, self.address.shown, error)}."
            ) from (error.__cause__ if isinstance(error, Transient) else error)
        except NOT_UNDERSTOOD as error:
            raise self._not_an_engine(error) from error

    def _identity(self) -> str:
        """The engine's id. Podman has none: its address serves, with this machine's name if it is a local one."""
        if self.is_podman:
            host = f"@{socket.gethostname()}" if self.address.scheme == "unix" else ""
            return self.address.shown + host
        return self._ask_first(f"{self._prefix}/info", lambda info: str(info["ID"]))[0]

    def _unreachable(self, error: Transient) -> EngineUnavailable:
        return EngineUnavailable(
            f"The Docker Engine at {self.address.shown} cannot be reached any more: {error}. Check whether it runs."
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raises docker-py's errors as launchpad's."""
        try:
            yield
        except APIError as error:
            after = error.response.headers.get("Retry-After") if error.response is not None else None
            status, message = error.status_code or 0, str(error.explanation or error)
            forget_request(error)
            raise error_of(status, message, after) from None
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            root = root_of(error)
            forget_request(error)
            raise Transient(str(root) or type(root).__name__) from root
        except (DockerException, requests.RequestException, ResponseTooLarge, *NOT_UNDERSTOOD) as error:
            forget_request(error)
            raise self._not_an_engine(error) from error

    def _not_an_engine(self, error: Exception) -> EngineUnavailable:
        why = f": {error}" if isinstance(error, ResponseTooLarge) else ""
        return EngineUnavailable(
            f"The server at {self.address.shown} does not answer as a Docker Engine does{why}. "
            "To do: check the address (DOCKER_HOST, DOCKER_CONTEXT)."
        )
