"""One started Job, as this process follows it: the wait for its pod, its output, its end and its deletion."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from ..core.backend import Chunk, Exit, Unit
from ..core.retries import Transient
from ..errors import EngineUnavailable, LaunchError
from ..models import Handle
from ..net.wakeup import Wakeup
from . import diagnosis
from .api import Jobs, Object
from .errors import ApiError
from .events import Fact, Watchers
from .observed import JobSnapshot, ObservedJob
from .output import RunOutput
from .pending import PendingPod
from .status import end_of, has_ended, is_under_way
from .stopping import JobDeletion

REPORT_TIMEOUT = 1.0
"""Seconds after which a state that the watchers should have reported is requested directly."""

_logger = logging.getLogger("launchpad")


class JobUnit(Unit):
    """Follows one Job. The thread that polls owns the state; any thread may call `wake` and `close`."""

    def __init__(self, jobs: Jobs, watchers: Watchers, name: str, *, output: bool, pod_watch_timeout: float) -> None:
        self._jobs = jobs
        self._watchers = watchers
        self._name = name
        self._wakeup = Wakeup()
        self._woken = False
        self._closed = False
        self._observed_job = ObservedJob(self._wakeup)
        self._unwatched = False  # whether a watcher has failed since this was registered
        self._check_at: float | None = None  # when to request a Job that was not among those listed
        self._pending: PendingPod | None = PendingPod(jobs, name, self._observed_job, pod_watch_timeout)
        self._output = RunOutput(jobs.log) if output else None
        self._ended_at: float | None = None  # when the end became known
        self._pods_requested = False  # whether the pods were requested after the end
        self._deletion: JobDeletion | None = None
        self._stopping = False
        self._exit: Exit | None = None
        watchers.register(name, self._observed_job)

    def identify(self, handle: Handle, *facts: Fact) -> None:
        """Makes this the unit of the Job that `handle` names. `facts` are what is known of it."""
        self.handle = handle
        self._observed_job.expect(handle.id)
        for fact in facts:
            self._observed_job.record(fact)

    @property
    def closed(self) -> bool:
        return self._closed

    def has_ended(self) -> bool:
        return _is_over(self._observed_job.snapshot())

    def poll(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        until = None if timeout is None else time.monotonic() + timeout
        while self._exit is None:
            self._wakeup.clear()
            woken, self._woken = self._woken, False
            events = self._advance()
            now = time.monotonic()
            if events or woken or (until is not None and now >= until):
                return events
            due = min((at for at in (until, *self._dues()) if at is not None), default=None)
            sources = self._output.sources if self._output is not None else []
            self._wakeup.wait(None if due is None else max(0.0, due - now), *sources)
        return [self._exit]

    def wake(self) -> bool:
        self._woken = True
        self._wakeup.set()
        return True

    def terminate(self, grace: float) -> bool:
        self._stopping = True
        if self._deletion is None:
            self._delete(grace, None)
        return True

    def kill(self) -> None:
        self.terminate(0.0)
        self._delete_pods(self._observed_job.snapshot().present, 1)

    def close(self) -> None:
        self._closed = True
        self._watchers.unregister(self._name, self._observed_job)
        if self._output is not None:
            self._output.close()
        self._wakeup.close()

    def _advance(self) -> list[Chunk | Exit]:
        """Does what can be done without waiting."""
        if self._closed:
            raise EngineUnavailable(f"Job {self._name} is not followed any more: its launch was given up.")
        self._handle_watch_failure()
        self._check_if_unlisted()
        snapshot = self._observed_job.snapshot()
        if self._deletion is None and _is_over(snapshot):
            return self._advance_end(snapshot)
        if self._deletion is None and self._pending is not None:
            self._advance_pending(self._pending, snapshot)
        if self._deletion is not None:
            return self._advance_deletion(self._deletion, snapshot)
        return self._read(snapshot)

    def _dues(self) -> list[float | None]:
        """When there is something to do even if nothing happens."""
        dues = [self._check_at]
        if self._deletion is not None:
            dues.append(None if self._deletion.gone else self._deletion.due)
        elif self._pending is not None and self._ended_at is None:
            dues.append(self._pending.due)
        if self._output is not None:
            dues.append(self._output.due(self._ended_at))
        if self._ended_at is not None and time.monotonic() < self._ended_at + REPORT_TIMEOUT:
            dues.append(self._ended_at + REPORT_TIMEOUT)
        return dues

    # A watcher can fail: the poll raises its error. The next poll registers again and requests what was missed.

    def _handle_watch_failure(self) -> None:
        failure = self._observed_job.take_failure()
        if failure is not None:
            self._unwatched = True
            if self._deletion is None:
                raise failure
            self._deletion.hasten()
        elif self._unwatched and self._deletion is None:
            self._unwatched = False
            self._watchers.register(self._name, self._observed_job)
            self._request_state()

    def _check_if_unlisted(self) -> None:
        """Requests a Job that a complete listing did not have: if it was deleted before, no watcher will report it."""
        if self._observed_job.take_unlisted():
            self._check_at = time.monotonic() + REPORT_TIMEOUT
        if self._check_at is not None and time.monotonic() >= self._check_at:
            done = self._observed_job.watched or self._request_state()
            self._check_at = None if done else time.monotonic() + REPORT_TIMEOUT

    def _request_state(self) -> bool:
        """Requests the Job and its pods, and returns whether the server answered."""
        try:
            job = self._jobs.read(self._name)
            same = job["metadata"]["uid"] == self.handle.id
            self._observed_job.record(Fact("job", self._name, not same, job if same else None))
            self._request_pods()
        except ApiError as error:
            if error.status == 404:
                self._observed_job.record(Fact("job", self._name, True, None))
        except Transient as error:
            _logger.debug("The state of job %s cannot be requested: %s", self._name, error)
            return False
        return True

    def _request_pods(self) -> None:
        for pod in self._jobs.pods(self._name):
            self._observed_job.record(Fact("pod", pod["metadata"]["name"], False, pod))

    def _advance_pending(self, pending: PendingPod, snapshot: JobSnapshot) -> None:
        if any(map(is_under_way, snapshot.pods)):
            self._pending = None
            return
        verdict = pending.verdict(snapshot)
        if verdict is None:
            return
        self._delete(0.0, verdict)
        # Nothing runs in these pods, so that there is no end to wait for; a node would report it after half a minute.
        self._delete_pods([pod for pod in snapshot.present if diagnosis.is_hopeless(pod, snapshot.pull_failures)], 0)

    def _delete(self, grace: float, verdict: Exit | LaunchError | None) -> None:
        self._deletion = JobDeletion(self._jobs, self._name, self.handle.id, grace, verdict)
        self._deletion.advance(not self._unwatched)

    def _delete_pods(self, pods: Sequence[Object], grace: int) -> None:
        """Makes the pods of a deleted Job end early, if the permissions allow it."""
        for pod in pods:
            try:
                self._jobs.delete_pod(pod["metadata"]["name"], grace)
            except (Transient, LaunchError) as error:
                _logger.debug("Pod %s cannot be deleted early: %s", pod["metadata"]["name"], error)

    def _advance_deletion(self, deletion: JobDeletion, snapshot: JobSnapshot) -> list[Chunk | Exit]:
        chunks = self._read(snapshot)
        if chunks:
            return chunks
        deletion.advance(not self._unwatched)
        if not (snapshot.gone or deletion.gone) or not self._is_all_read(snapshot):
            return []
        if isinstance(deletion.verdict, LaunchError) and not self._stopping:
            raise deletion.verdict
        if isinstance(deletion.verdict, Exit):
            return self._conclude(deletion.verdict)
        return self._conclude(diagnosis.of_stopped(snapshot.job, snapshot.newest))

    def _advance_end(self, snapshot: JobSnapshot) -> list[Chunk | Exit]:
        """Waits for the rest of the output, and for the state of the pod, after the Job's end or deletion."""
        if self._ended_at is None:
            self._ended_at = time.monotonic()
        chunks = self._read(snapshot)
        if chunks or not self._knows_pod(snapshot) or not self._is_all_read(snapshot):
            return chunks
        snapshot = self._observed_job.snapshot()
        if end_of(snapshot.job) is not None:
            return self._conclude(diagnosis.of_end(snapshot.job, snapshot.newest))
        return self._conclude(diagnosis.of_vanished(self._name, snapshot.job, snapshot.newest))

    def _conclude(self, end: Exit) -> list[Chunk | Exit]:
        self._exit = end
        return [end]

    def _knows_pod(self, snapshot: JobSnapshot) -> bool:
        """Whether the state of the pod is known as far as it is needed. After a time-out, it is requested once."""
        end = end_of(snapshot.job)
        if end is None or self._pods_requested:
            return True
        if end.get("type") == "Complete" and self._output is None:
            return True
        if snapshot.pods and has_ended(snapshot.pods[-1]):
            return True
        assert self._ended_at is not None
        if time.monotonic() < self._ended_at + REPORT_TIMEOUT:
            return False
        self._pods_requested = True
        try:
            self._request_pods()
        except (Transient, LaunchError) as error:
            _logger.debug("The pods of job %s cannot be requested: %s", self._name, error)
        self._wakeup.set()  # the pod's log may be readable now
        return False

    def _read(self, snapshot: JobSnapshot) -> list[Chunk | Exit]:
        data = b"" if self._output is None else self._output.read(snapshot, self._ended_at is not None)
        return [Chunk("stdout", data)] if data else []

    def _is_all_read(self, snapshot: JobSnapshot) -> bool:
        """Whether no more output is to be expected, now that the Job has ended or is gone."""
        if self._ended_at is None:
            self._ended_at = time.monotonic()
        return self._output is None or self._output.is_finished(snapshot, self._ended_at)


def _is_over(snapshot: JobSnapshot) -> bool:
    return snapshot.gone or end_of(snapshot.job) is not None
