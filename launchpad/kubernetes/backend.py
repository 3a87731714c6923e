"""The connection to one namespace of a Kubernetes cluster: starts, finds and removes Jobs."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

from ..core.backend import Backend, Chunk, Exit, Spec, Unit
from ..core.cancellation import StopToken
from ..errors import InvalidHandle, LaunchError, NameConflict, RunNotAvailable, RunNotFound
from ..models import Handle, Listed, Run
from ..net.wakeup import CLOCK, Clock, Wakeup
from ..secret import masked_login, without_login
from ..text import quoted
from .api import Jobs, KubernetesApi, Object
from .cluster_events import ClusterEvents
from .creation import JobCreation, NameClaims
from .errors import ApiError, understood
from .events import Fact, Watchers, list_all
from .labels import attempt_of, is_of_run, own_annotations
from .listing import listed
from .logs import output_of
from .queues import deadline
from .rbac import NEEDED, USEFUL, Permission, missing
from .status import end_of
from .unit import JobUnit

_UID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")


class KubernetesBackend(Backend):
    """The Jobs of one namespace of one cluster. Thread-safe. `configure` reads the cluster's `Configuration`."""

    def __init__(
        self, configure: Callable[[], Any], namespace: str, pod_watch_timeout: float | None, clock: Clock = CLOCK
    ) -> None:
        self._api = KubernetesApi(configure)
        self._jobs = Jobs(self._api, namespace)
        self._watchers = Watchers(self._jobs, clock)
        self._events = ClusterEvents(self._jobs, clock)
        self._claims = NameClaims()
        self._pod_watch_timeout = pod_watch_timeout
        self._clock = clock
        self.engine = f"{self._api.server}/{namespace}"

    def waiting(self, pod_watch_timeout: float | None) -> KubernetesBackend:
        """This connection for the runs of a launcher with another `pod_watch_timeout`. It is closed with this one."""
        other = copy.copy(self)
        other._pod_watch_timeout = pod_watch_timeout
        return other

    def start(self, spec: Spec, name: str, run: Run, *, output: bool, stop_token: StopToken) -> Unit:
        stop_token.check()
        unit = self._unit(name, output)
        try:
            if not self._claims.claim(name, unit):
                raise NameConflict(f"Job {name!r} belongs to another launch of the same run: choose another name.")
            job = JobCreation(self._jobs, spec, name, own_annotations(run.id, run.name)).run(stop_token)
        except BaseException:
            unit.close()
            raise
        handle = Handle("kubernetes", job["metadata"]["uid"], name, self.engine, run.id)
        unit.identify(handle, Fact("job", name, False, job))
        return unit

    def find(self, handle: Handle, *, output: bool) -> Unit:
        return self._find(handle, output)

    def list_runs(self) -> list[Listed]:
        jobs, pods = (self._all(path) for path in (self._jobs.path, self._jobs.pods_path))
        pods_of: dict[object, list[Object]] = {}
        with understood(self._api.server), closing(Wakeup()) as wakeup:
            for pod in pods:
                pods_of.setdefault((pod["metadata"].get("labels") or {}).get("job-name"), []).append(pod)
            found = [listed(job, pods_of.get(job["metadata"]["name"], ()), self.engine, wakeup) for job in jobs]
        return [run for run in found if run is not None]

    def logs(self, handle: Handle, *, follow: bool) -> Generator[Chunk, None, None]:
        self._check(handle)
        job, pods = self._read(handle)
        watchers = self._watchers if follow and end_of(job) is None else None
        return output_of(self._jobs, watchers, job, pods, self._clock)

    def remove(self, handle: Handle) -> None:
        """Deletes the ended Job and its pods, and waits until they are gone."""
        try:
            unit = self._find(handle, False)
        except InvalidHandle:
            raise
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
        self._watchers.close()
        self._events.close()
        self._api.close()

    def examine(self) -> tuple[str, list[Permission], dict[Permission, str]]:
        """The server's version, the missing permissions, and the missing useful ones with their use. LaunchError."""
        stop_token = StopToken()
        version = self._api.retry(stop_token, lambda: self._api.request("GET", "/version"))["gitVersion"]
        lacking = self._api.retry(stop_token, lambda: missing(self._jobs, [*NEEDED, *USEFUL]))
        needed = [permission for permission in lacking if permission in NEEDED]
        return version, needed, {permission: USEFUL[permission] for permission in lacking if permission in USEFUL}

    def _unit(self, name: str, output: bool) -> JobUnit:
        timeout, clock = self._pod_watch_timeout, self._clock
        return JobUnit(
            self._jobs, self._watchers, self._events, name, output=output, pod_watch_timeout=timeout, clock=clock
        )

    def _all(self, path: str) -> list[Object]:
        with understood(self._api.server):
            return self._api.retry(StopToken(), lambda: list_all(self._api, path, self._clock))[0]

    def _find(self, handle: Handle, output: bool) -> JobUnit:
        self._check(handle)
        unit = self._unit(handle.name, output)
        try:
            job, pods = self._read(handle)
        except BaseException:
            unit.close()
            raise
        facts = [Fact("pod", pod["metadata"]["name"], False, pod) for pod in pods]
        unit.identify(handle, Fact("job", handle.name, False, job), *facts)
        unit.deadline, unit.attempt = deadline(job), attempt_of(job)
        self._claims.claim(handle.name, unit)
        return unit

    def _check(self, handle: Handle) -> None:
        """RunNotAvailable or InvalidHandle for a handle that cannot be that of a Job here."""
        if without_login(handle.engine) != self.engine:
            raise RunNotAvailable(
                f"Run {quoted(handle.name)} is a Job of {quoted(masked_login(handle.engine))}, and this launcher's "
                f"are those of {self.engine}."
            )
        _check_form(handle)

    def _read(self, handle: Handle) -> tuple[Object, list[Object]]:
        """The Job of a run, and its pods. RunNotFound, or InvalidHandle if the Job is another run's."""
        try:
            job = self._api.retry(StopToken(), lambda: self._jobs.read(handle.name))
            if job["metadata"]["uid"] != handle.id:
                raise _not_found(handle)
            if not is_of_run(job, handle.run_id):
                raise InvalidHandle(
                    f"Job {handle.name!r} is not that of run {quoted(handle.run_id)}: the handle is not valid, or was "
                    "changed."
                )
            return job, self._api.retry(StopToken(), lambda: self._jobs.pods(handle.name))
        except ApiError as error:
            if error.status == 404:
                raise _not_found(handle) from error
            raise


def _check_form(handle: Handle) -> None:
    """InvalidHandle if the handle, which may have been made up, does not have the uid and the name of a Job."""
    faults = [
        *([] if _UID.match(handle.id) else [f"its id {quoted(handle.id)} is not that of a Job (a UUID)"]),
        *([] if _NAME.match(handle.name) else ["its name is not that of a Job"]),
    ]
    if faults:
        raise InvalidHandle(f"The handle of {quoted(handle.name)} is not valid: {' and '.join(faults)}.")


def _not_found(handle: Handle) -> RunNotFound:
    return RunNotFound(f"Job {handle.name!r} is gone: it was removed, or its time to live after its end is over.")
