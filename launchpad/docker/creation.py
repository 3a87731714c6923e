"""From a spec to a started container: the pull of its image, creation, networks, attaching, the start."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ..core import deadlines
from ..core.backend import Spec
from ..core.cancellation import Stopped, StopToken
from ..core.retries import Transient
from ..core.shortages import advice_on
from ..core.starters import this_process
from ..errors import EngineUnavailable, ImagePullError, LaunchError, NameConflict
from ..ids import new_id
from ..models import ImagePullPolicy, Run
from ..net.http import StreamingResponse
from . import references
from . import spec as specs
from .api import DockerApi
from .errors import ApiError, not_started
from .images import Images, Pull
from .networks import GATEWAY
from .words import CONNECTED

T = TypeVar("T")

WHOLE_ID = len("sha256:") + 64
"""Characters of an image id that is not shortened."""

_logger = logging.getLogger("launchpad")


class Creation:
    """Creates and starts the container of one launch. All of its steps raise LaunchError and Stopped.

    Requests are repeated after a Transient, which may mean that the engine received one and its response was lost: the
    label `CREATION` shows whether a container is that of this creation.
    """

    def __init__(self, api: DockerApi, images: Images, spec: Spec, run: Run, stop_token: StopToken) -> None:
        self._api = api
        self._images = images
        self._stop_token = stop_token
        self._creation = new_id()
        self._timeout = run.timeout
        self._spec = self._completed(spec)
        self._name: str = spec["create"]["name"]

    def create(self, since: float, *, show_progress: bool) -> str:
        """Creates the container and returns its id. Pulls its image as the policy says, unless pulled after `since`."""
        create, pull = self._spec["create"], self._spec["pull"]
        image, policy = create["image"], pull["policy"]
        wanted = Pull(image, create.get("platform"), pull["auth"], show_progress)
        with self._explained():
            if policy == ImagePullPolicy.ALWAYS and self._is_local_id(image):
                policy = ImagePullPolicy.NEVER
            if policy != ImagePullPolicy.ALWAYS:
                try:
                    return self._create()
                except ApiError as error:
                    if not error.is_missing_image:
                        raise
                    if policy == ImagePullPolicy.NEVER and error.is_missing_platform:
                        raise
                if policy == ImagePullPolicy.NEVER:
                    raise _missing(image)
            try:
                self._images.pull(wanted, since, self._stop_token)
            except ImagePullError as error:
                if policy == ImagePullPolicy.ALWAYS and self._has_image(image):
                    raise ImagePullError(
                        f"{error} The engine has an image of this name: image_pull_policy='IfNotPresent' uses it."
                    ) from error.__cause__
                raise
            return self._create()

    def connect(self, container: str) -> None:
        """Connects the container to the networks beside its first."""
        for network in self._spec["networks"]:
            with self._explained():
                self._retried_connect(container, network)

    def attach(self, container: str) -> StreamingResponse:
        with self._explained():  # Podman prepares the start here, and reports what prevents it
            return self._api.retried(lambda: self._api.attach(container), self._stop_token)

    def attach_input(self, container: str) -> StreamingResponse:
        streams = ["stdin", "stdout", "stderr"] if self._api.is_podman else ["stdin"]
        with self._explained():
            return self._api.retried(lambda: self._api.attach(container, streams), self._stop_token)

    def start(self, container: str) -> None:
        sent = 0

        def start() -> None:
            nonlocal sent
            sent += 1
            if sent > 1:  # the first request may have arrived: a second start would run the container twice
                state = self._api.inspect(container)
                if state is None or state.has_run:
                    return
            self._api.start(container)

        with self._explained():
            try:
                self._api.retried(start, self._stop_token)
            except ApiError as error:
                if CONNECTED.match(error.message):  # an engine that was killed keeps endpoints of removed containers
                    raise self._taken() from None
                raise

    def discard(self, container: str) -> None:
        """Removes the container, even if the launch was stopped; a failure is logged."""
        try:
            self._surely(lambda: self._api.remove(container, force=True))
        except LaunchError as error:
            _logger.warning("Container %r could not be removed: %s", self._name, error)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raises an ApiError as the LaunchError of a run that was not started, with advice."""
        try:
            yield
        except ApiError as error:
            raise not_started(self._spec, error) from None

    def _completed(self, spec: Spec) -> Spec:
        """The spec with the values that are known only at the launch."""
        spec = copy.deepcopy(spec)
        image: str = spec["create"]["image"]
        if self._api.is_podman and references.is_id(image) and len(image) < WHOLE_ID:  # it knows no shortened sha256:…
            spec["create"]["image"] = image.removeprefix("sha256:")
        spec["create"]["labels"].update({specs.CREATION: self._creation, specs.STARTER: str(this_process())})
        hosts = spec["host"].get("extra_hosts")
        if isinstance(hosts, dict) and hosts.get(GATEWAY) == "host-gateway" and not self._api.has_gateway:
            del hosts[GATEWAY]
            warnings.warn(
                f"Docker Engine {self._api.version} is older than 20.10 and does not know host-gateway: containers "
                f"cannot reach this machine as {GATEWAY}. To do: update the engine, or use network_mode='host'.",
                UserWarning,
                stacklevel=2,
            )
        return spec

    def _is_local_id(self, image: str) -> bool:
        """Whether `image` is the beginning of the id of an image that the engine has, and no name."""
        if not references.may_be_id(image):
            return False
        found = self._api.retried(lambda: self._api.image_id(image), self._stop_token)
        return found is not None and found.removeprefix("sha256:").startswith(image)

    def _has_image(self, image: str) -> bool:
        try:
            return self._api.image_id(image) is not None
        except (Transient, LaunchError):  # the error of the pull is to be reported
            return False

    def _create(self) -> str:
        sent = 0

        def create() -> str:
            nonlocal sent
            sent += 1
            if self._timeout is not None:  # from now on: the image is there
                self._spec["create"]["labels"][specs.DEADLINE] = deadlines.after(self._timeout)
            try:
                return self._api.create(self._spec)
            except ApiError as error:
                if not error.is_taken_name:
                    raise
            if sent > 1 and (container := self._created()) is not None:
                return container  # by a request whose response was lost
            raise self._taken()

        try:
            return self._api.retried(create, self._stop_token)
        except (EngineUnavailable, Stopped):
            if sent:
                self._discard_created()
            raise

    def _taken(self) -> NameConflict:
        return NameConflict(
            f"The name {self._name!r} is taken by another container, and so are those that were tried after it."
        )

    def _created(self) -> str | None:
        """The id of the container if this creation has created it."""
        state = self._api.inspect(self._name)
        return state.id if state is not None and state.labels.get(specs.CREATION) == self._creation else None

    def _discard_created(self) -> None:
        try:
            if (container := self._surely(self._created)) is not None:
                self._surely(lambda: self._api.remove(container, force=True))
        except (Transient, LaunchError) as error:
            _logger.warning("Container %r may have been left behind: %s", self._name, error)

    def _surely(self, request: Callable[[], T]) -> T:
        """Repeats a request a few times, or after a shortage of this process for long: nothing must be left behind."""
        try:
            return self._api.retried(request, StopToken())
        except EngineUnavailable as error:
            if advice_on(error) is None:
                raise
            return self._api.through_outage(request)

    def _retried_connect(self, container: str, network: str) -> None:
        def connect() -> None:
            try:
                self._api.connect(container, network)
            except ApiError as error:
                if not CONNECTED.match(error.message):  # by a request whose response was lost
                    raise

        self._api.retried(connect, self._stop_token)


def _missing(image: str) -> ImagePullError:
    """The error of an image that the engine lacks and that must not be pulled."""
    if references.is_id(image):
        return ImagePullError(f"The engine has no image with the id {image!r}, and ids cannot be pulled: use its name.")
    return ImagePullError(
        f"The image {image!r} is not there, and image_pull_policy is Never: pull it, or change the policy."
    )
