"""Kubernetes, through the official package: how its cluster is found, and how Jobs are started, found and removed."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from kubernetes import client, config
from kubernetes.config import ConfigException

from ..core.backend import Backend, Exit, Spec, Unit
from ..core.cancellation import StopToken
from ..core.retries import Transient, reconnecting, transient
from ..core.watcher import Watcher
from ..errors import EngineUnavailable, LaunchError, NameConflict, RunNotAvailable, RunNotFound
from ..ids import new_id
from ..models import Handle, Run
from .api import Api
from .errors import ApiError
from .events import Fact, ListAndWatch
from .jobs import Jobs, Object
from .labels import RUN_ID
from .observed import ObservedJob
from .rbac import NEEDED, USEFUL, Permission, missing
from .status import end_of
from .unit import JobUnit

T = TypeVar("T")

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

_logger = logging.getLogger("launchpad")


def connecting(kubeconfig: str | None, context: str | None) -> tuple[Callable[[], Any], str]:
    """How to read the settings of the cluster that is meant, and the namespace that goes with it.

    EngineUnavailable where they mean none.
    """
    if kubeconfig is None and context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
        namespace = _OWN_NAMESPACE.read_text().strip() if _OWN_NAMESPACE.exists() else ""
        return partial(_configuration, config.load_incluster_config), namespace or "default"
    file = kubeconfig or os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")
    load = partial(config.load_kube_config, config_file=file, context=context, persist_config=False)
    return partial(_configuration, load), _context_namespace(file, context)


def _configuration(load: Callable[..., None]) -> Any:
    configuration = client.Configuration()
    try:
        load(client_configuration=configuration)
    except (ConfigException, OSError) as error:
        raise EngineUnavailable(f"The cluster's address and credentials cannot be had: {error}") from error
    return configuration


def _context_namespace(file: str, context: str | None) -> str:
    try:
        contexts, current = config.list_kube_config_contexts(file)  # type: ignore[no-untyped-call]
    except ConfigException as error:
        raise EngineUnavailable(
            f"No Kubernetes cluster is configured ({error}): set KUBECONFIG, or the launcher's kubeconfig and context."
        ) from error
    found = next((one for one in contexts if one["name"] == context), None) if context else current
    if found is None:
        known = ", ".join(sorted(one["name"] for one in contexts))
        raise LaunchError(f"There is no context {context!r} in {file}; there are: {known}.")
    return str((found.get("context") or {}).get("namespace") or "default")


class KubernetesBackend(Backend):
    """The Jobs of one namespace of one cluster. Thread-safe."""

    def __init__(self, configure: Callable[[], Any], namespace: str, pod_watch_timeout: float) -> None:
        self._api = Api(configure)
        self._jobs = Jobs(self._api, namespace)
        self._pod_watch_timeout = pod_watch_timeout
        self.engine = f"{self._api.server}/{namespace}"
        self._watching = _Watching(self._jobs)
        self._lock = threading.Lock()  # guards the one below
        self._claimed: weakref.WeakValueDictionary[str, JobUnit] = weakref.WeakValueDictionary()  # by the Job's name

    def start(self, spec: Spec, name: str, run: Run, *, output: bool, stop_token: StopToken) -> Unit:
        stop_token.check()
        unit = self._unit(name, output)
        try:
            if not self._claim(name, unit):
                raise NameConflict(f"Job {name!r} is another launch of the same run: choose another name.")
            job = _Creation(self, spec, name).carry_out(stop_token)
        except BaseException:
            unit.close()
            raise
        handle = Handle("kubernetes", job["metadata"]["uid"], name, self.engine, run.id)
        unit.identify(handle, Fact("job", name, False, job))
        return unit

    def find(self, handle: Handle, *, output: bool) -> Unit:
        return self._find(handle, output)

    def remove(self, handle: Handle) -> None:
        """Deletes the ended Job and its pods, and waits until they are gone."""
        try:
            unit = self._find(handle, False)
        except RunNotFound:
            return
        try:
            if not unit.has_ended():
                raise LaunchError(f"Job {handle.name!r} is still running: stop the run before removing it.")
            unit.terminate(0.0)
            while not any(isinstance(event, Exit) for event in unit.poll(None)):
                pass
        finally:
            unit.close()

    def close(self) -> None:
        self._watching.close()
        self._api.close()

    def examine(self) -> tuple[str, list[Permission], dict[Permission, str]]:
        """The server's version, the rights that we need and lack, and those that would be useful. EngineUnavailable."""
        stop_token = StopToken()
        version = self.asked(stop_token, lambda: self._api.request("GET", "/version"))["gitVersion"]
        lacking = self.asked(stop_token, lambda: missing(self._jobs, [*NEEDED, *USEFUL]))
        needed = [right for right in lacking if right in NEEDED]
        return version, needed, {right: USEFUL[right] for right in lacking if right in USEFUL}

    def asked(self, stop_token: StopToken, request: Callable[[], T]) -> T:
        """`request()`, again while its faults pass: for long where the server has answered before."""
        policy = reconnecting(stop_token) if self._api.reached else transient(stop_token)
        try:
            return policy(request)
        except Transient as error:
            raise EngineUnavailable(f"The Kubernetes API server does not answer: {error}") from error

    @property
    def jobs(self) -> Jobs:
        return self._jobs

    def _unit(self, name: str, output: bool) -> JobUnit:
        return JobUnit(self._jobs, self._watching, name, output=output, longest_wait=self._pod_watch_timeout)

    def _claim(self, name: str, unit: JobUnit) -> bool:
        """Whether a Job of this name is that unit's to make or to follow: none that is open has claimed it before.

        A Job with the id of its run would be taken for ours, and the same run can be launched several times at once.
        """
        with self._lock:
            other = self._claimed.get(name)
            if other is not None and not other.closed:
                return False
            self._claimed[name] = unit
            return True

    def _find(self, handle: Handle, output: bool) -> JobUnit:
        if handle.engine != self.engine:
            raise RunNotAvailable(
                f"Run {handle.name!r} is a Job of {handle.engine}, and this launcher's are those of {self.engine}."
            )
        unit = self._unit(handle.name, output)
        try:
            job = self.asked(StopToken(), lambda: self._jobs.read(handle.name))
            if job["metadata"]["uid"] != handle.id:
                raise _not_found(handle)
            pods = self.asked(StopToken(), lambda: self._jobs.pods(handle.name))
        except BaseException as error:
            unit.close()
            if isinstance(error, ApiError) and error.status == 404:
                raise _not_found(handle) from error
            raise
        facts = [Fact("pod", pod["metadata"]["name"], False, pod) for pod in pods]
        unit.identify(handle, Fact("job", handle.name, False, job), *facts)
        self._claim(handle.name, unit)
        return unit


def _not_found(handle: Handle) -> RunNotFound:
    return RunNotFound(f"Job {handle.name!r} is gone: it was removed, or its time to live after its end is over.")


class _Creation:
    """The making of one Job, such that there is one of it, and that it is known whose it is."""

    def __init__(self, backend: KubernetesBackend, spec: Spec, name: str) -> None:
        self._backend = backend
        self._spec = spec
        self._name = name
        self._manager = f"launchpad-{new_id()}"
        self._answer_lost = False

    def carry_out(self, stop_token: StopToken) -> Object:
        """The Job. NameConflict; what fails or is stopped leaves none behind."""
        try:
            return self._backend.asked(stop_token, self._attempt)
        except BaseException:
            if self._answer_lost:
                self._undo()
            raise

    def _attempt(self) -> Object:
        try:
            return self._backend.jobs.create(self._spec, self._manager)
        except Transient:
            self._answer_lost = True
            raise
        except ApiError as error:
            if error.status != 409:
                raise
            if error.reason != "AlreadyExists":  # a quota was being counted
                raise Transient(str(error)) from error
            job = self._existing()
            if job is None or not self._is_ours(job):
                raise NameConflict(
                    f"There is a Job {self._name!r} already: choose another name, or delete it."
                ) from error
            return job

    def _existing(self) -> Object | None:
        try:
            return self._backend.jobs.read(self._name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def _is_ours(self, job: Object) -> bool:
        """Whether it is what we made, or another process that had this run before us, and not an earlier run of it."""
        going = end_of(job) is None and "deletionTimestamp" not in job["metadata"]
        return self._is_of_the_run(job) and (going or self._is_made_here(job))

    def _is_of_the_run(self, job: Object) -> bool:
        labels = job["metadata"].get("labels") or {}
        return bool(labels.get(RUN_ID) == self._spec["metadata"]["labels"][RUN_ID])

    def _is_made_here(self, job: Object) -> bool:
        """Whether this very creation made it, as the server notes who wrote what; older ones do not."""
        writers = [entry.get("manager") for entry in job["metadata"].get("managedFields") or ()]
        return self._manager in writers if writers else self._answer_lost

    def _undo(self) -> None:
        try:
            job = self._existing()
            if job is not None and self._is_of_the_run(job) and self._is_made_here(job):
                self._backend.jobs.delete(self._name, job["metadata"]["uid"])
        except (Transient, LaunchError) as error:
            _logger.warning("Job %s may have been made, and cannot be deleted: %s", self._name, error)


class _Watching:
    """The two watchers of a namespace: one for Jobs, one for pods."""

    def __init__(self, jobs: Jobs) -> None:
        place = f"{jobs.api.server}/{jobs.namespace}"
        self._watchers: list[Watcher[Fact]] = [
            Watcher(ListAndWatch(jobs.api, jobs.path, "job"), f"jobs of {place}"),
            Watcher(ListAndWatch(jobs.api, jobs.pods_path, "pod"), f"pods of {place}"),
        ]

    def register(self, name: str, observed: ObservedJob) -> None:
        for watcher in self._watchers:
            watcher.register(name, observed)

    def unregister(self, name: str, observed: ObservedJob) -> None:
        for watcher in self._watchers:
            watcher.unregister(name, observed)

    def close(self) -> None:
        for watcher in self._watchers:
            watcher.close()
