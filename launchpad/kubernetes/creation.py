"""Creating a Job: exactly one, known to be this launch's own even if the response of the server is lost."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress

from ..core import deadlines
from ..core.backend import Spec
from ..core.cancellation import StopToken
from ..core.retries import Transient
from ..core.shortages import advice_on
from ..core.starters import this_process
from ..errors import LaunchError, NameConflict
from ..ids import new_id
from .api import Jobs, Object
from .errors import ApiError
from .known_fields import check_fields
from .labels import DEADLINE, STARTER, TIMEOUT, same_attempt
from .shapes import unknown
from .status import end_of, is_suspended
from .unit import JobUnit

_REPLACEMENT_POLICY = "podReplacementPolicy"

_logger = logging.getLogger("launchpad")


class NameClaims:
    """The names of the Jobs that the open units of this process create or follow. Thread-safe.

    A launch takes an existing Job for its own if the run id is the same. One run can be launched several times at once,
    so each launch first claims the Job's name.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._units: weakref.WeakValueDictionary[str, JobUnit] = weakref.WeakValueDictionary()

    def claim(self, name: str, unit: JobUnit) -> bool:
        """Claims `name` for `unit`; False if another unit that is not closed has claimed it."""
        with self._lock:
            other = self._units.get(name)
            if other is not None and not other.closed:
                return False
            self._units[name] = unit
            return True


class JobCreation:
    """The creation of one Job."""

    def __init__(self, jobs: Jobs, spec: Spec, name: str, annotations: Mapping[str, str] = {}) -> None:
        self._jobs = jobs
        self._spec = _completed(spec, annotations)
        self._name = name
        self._manager = f"launchpad-{new_id()}"
        self._response_lost = False

    def run(self, stop_token: StopToken) -> Object:
        """Creates the Job and returns it. NameConflict. If it fails or is stopped, it leaves no Job behind."""
        if unknown(self._spec):
            self._jobs.api.retry(stop_token, lambda: check_fields(self._jobs.api, self._spec))
        try:
            return self._jobs.api.retry(stop_token, self._attempt)
        except BaseException:
            if self._response_lost:
                self._undo()
            raise

    def _attempt(self) -> Object:
        try:
            return self._jobs.create(self._spec, self._manager)
        except Transient as error:
            self._response_lost = self._response_lost or advice_on(error) is None  # else nothing was sent
            raise
        except ApiError as error:
            if error.status == 400 and self._drop_replacement_policy(str(error)):
                return self._attempt()
            if error.status != 409:
                raise
            if error.reason != "AlreadyExists":  # the server was counting a quota
                raise Transient(str(error)) from error
            job = self._existing()
            if job is None or not self._is_ours(job):
                raise NameConflict(
                    f"There is a Job {self._name!r} already: choose another name, or delete it."
                ) from error
            return job

    def _drop_replacement_policy(self, message: str) -> bool:
        """Whether there was one, and the server, of a version before 1.28, does not know it."""
        job = self._spec["spec"]
        if f"spec.{_REPLACEMENT_POLICY}" not in message or _REPLACEMENT_POLICY not in job:
            return False
        without = {key: value for key, value in job.items() if key != _REPLACEMENT_POLICY}
        self._spec = {**self._spec, "spec": without}
        return True

    def _existing(self) -> Object | None:
        try:
            return self._jobs.read(self._name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def _is_ours(self, job: Object) -> bool:
        """Whether this launch created the Job, or another process that launched the run before, and it still runs."""
        running = end_of(job) is None and "deletionTimestamp" not in job["metadata"]
        return self._is_of_this_attempt(job) and (running or self._is_created_here(job))

    def _is_of_this_attempt(self, job: Object) -> bool:
        return same_attempt(job["metadata"].get("labels") or {}, self._spec["metadata"]["labels"])

    def _is_created_here(self, job: Object) -> bool:
        """Whether this very creation made the Job. Older servers do not record the writers of an object."""
        writers = [entry.get("manager") for entry in job["metadata"].get("managedFields") or ()]
        return self._manager in writers if writers else self._response_lost

    def _undo(self) -> None:
        try:
            job = self._existing()
            if job is not None and self._is_of_this_attempt(job) and self._is_created_here(job):
                self._jobs.delete(self._name, job["metadata"]["uid"])
        except (Transient, LaunchError) as error:
            _logger.warning("Job %s may have been created, and cannot be deleted: %s", self._name, error)


def _completed(spec: Spec, annotations: Mapping[str, str]) -> Spec:
    """The manifest with the annotations that are known only at the launch."""
    metadata = spec["metadata"]
    notes = {**(metadata.get("annotations") or {}), **annotations, STARTER: str(this_process())}
    with suppress(KeyError, ValueError):  # a patch may have removed or changed it
        if not is_suspended(spec):  # else the time-out starts when the Job is admitted
            notes[DEADLINE] = deadlines.after(float(notes[TIMEOUT]))
    return {**spec, "metadata": {**metadata, "annotations": notes}}
