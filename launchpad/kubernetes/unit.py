"""One started Job, as this process follows it: the wait for its pod, its log, its end, its removal."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..core.backend import Chunk, Exit, Unit
from ..core.retries import Transient
from ..errors import EngineUnavailable, LaunchError
from ..models import Handle
from ..net.wakeup import Wakeup
from . import diagnosis
from .errors import ApiError
from .events import Fact
from .jobs import Jobs
from .observed import JobSnapshot, ObservedJob
from .output import RunOutput
from .pending import PendingPod
from .status import end_of, has_ended, is_under_way
from .stopping import JobDeletion

LATE = 1.0
"""Seconds that the news of a pod may come after that of its Job's end, before we look directly."""

_logger = logging.getLogger("launchpad")


class Watching(Protocol):
    """Where facts come from."""

    def register(self, name: str, observed: ObservedJob) -> None: ...

    def unregister(self, name: str, observed: ObservedJob) -> None: ...


class JobUnit(Unit):
    """Follows one Job. Its state belongs to the thread that polls; `wake` and `close` are for all."""

    def __init__(self, jobs: Jobs, watching: Watching, name: str, *, output: bool, longest_wait: float) -> None:
        self.handle: Handle
        self._jobs = jobs
        self._watching = watching
        self._name = name
        self._wakeup = Wakeup()
        self._woken = False
        self._closed = False
        self._observed = ObservedJob(self._wakeup)
        self._unwatched = False
        self._look_at: float | None = None  # when to ask for a Job that was not among those listed
        self._awaiting: PendingPod | None = PendingPod(jobs, name, self._observed, longest_wait)
        self._transcript = RunOutput(jobs.log) if output else None
        self._ended_at: float | None = None  # when we learnt that it has
        self._looked_at_end = False
        self._removal: JobDeletion | None = None
        self._stopping = False
        self._exit: Exit | None = None
        watching.register(name, self._observed)

    def identify(self, handle: Handle, *facts: Fact) -> None:
        """From now on this is the unit of that Job, of which `facts` are known."""
        self.handle = handle
        self._observed.expect(handle.id)
        for fact in facts:
            self._observed.learn(fact)

    @property
    def closed(self) -> bool:
        """Whether it follows its Job no more."""
        return self._closed

    def has_ended(self) -> bool:
        seen = self._observed.look()
        return seen.gone or end_of(seen.job) is not None

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
            connected = self._transcript.connected if self._transcript is not None else []
            self._wakeup.wait(None if due is None else max(0.0, due - now), *connected)
        return [self._exit]

    def wake(self) -> bool:
        self._woken = True
        self._wakeup.set()
        return True

    def terminate(self, grace: float) -> bool:
        self._stopping = True
        if self._removal is None:
            self._remove(grace, None)
        return True

    def kill(self) -> None:
        self.terminate(0.0)
        self._delete_pods(self._observed.look().there, 1)

    def close(self) -> None:
        self._closed = True
        self._watching.unregister(self._name, self._observed)
        if self._transcript is not None:
            self._transcript.close()
        self._wakeup.close()

    def _advance(self) -> list[Chunk | Exit]:
        """Does what can be done now."""
        if self._closed:
            raise EngineUnavailable(f"Job {self._name} is not followed any more: its launch was given up.")
        self._keep_watching()
        self._look_if_unlisted()
        seen = self._observed.look()
        if self._removal is not None:
            return self._see_off(self._removal, seen)
        if seen.gone or end_of(seen.job) is not None:
            return self._end(seen)
        if self._awaiting is not None:
            self._await_pod(self._awaiting, seen)
        return self._read(seen) if self._removal is None else self._see_off(self._removal, seen)

    def _dues(self) -> list[float | None]:
        """When there is something to do even if nothing happens."""
        dues = [self._look_at]
        if self._removal is not None:
            dues.append(None if self._removal.gone else self._removal.due)
        elif self._awaiting is not None and self._ended_at is None:
            dues.append(self._awaiting.due)
        if self._transcript is not None:
            dues += self._transcript.due(self._ended_at)
        if self._ended_at is not None and time.monotonic() < self._ended_at + LATE:
            dues.append(self._ended_at + LATE)
        return dues

    # The watchers can fail: who waits is told; who waits on gets news again, after a look at what was missed.

    def _keep_watching(self) -> None:
        lost = self._observed.take_loss()
        if lost is not None:
            self._unwatched = True
            if self._removal is None:
                raise lost
            self._removal.hasten()
        elif self._unwatched and self._removal is None:
            self._unwatched = False
            self._watching.register(self._name, self._observed)
            self._look()

    def _look_if_unlisted(self) -> None:
        """A Job that was there when we asked, and not when all were listed, may be gone, and nobody would tell."""
        if self._observed.take_unlisted():
            self._look_at = time.monotonic() + LATE
        if self._look_at is not None and time.monotonic() >= self._look_at:
            self._look_at = None if self._observed.told or self._look() else time.monotonic() + LATE

    def _look(self) -> bool:
        """Asks for the Job and its pods, and says whether there was an answer."""
        try:
            job = self._jobs.read(self._name)
            same = job["metadata"]["uid"] == self.handle.id
            self._observed.learn(Fact("job", self._name, not same, job if same else None))
            self._look_at_pods()
        except ApiError as error:
            if error.status == 404:
                self._observed.learn(Fact("job", self._name, True, None))
        except Transient as error:
            _logger.debug("Job %s cannot be looked at: %s", self._name, error)
            return False
        return True

    def _look_at_pods(self) -> None:
        for pod in self._jobs.pods(self._name):
            self._observed.learn(Fact("pod", pod["metadata"]["name"], False, pod))

    def _await_pod(self, awaiting: PendingPod, seen: JobSnapshot) -> None:
        if any(map(is_under_way, seen.pods)):
            self._awaiting = None
            return
        verdict = awaiting.verdict(seen)
        if verdict is None:
            return
        self._remove(0.0, verdict)
        # where nothing has run and nothing will, there is no end to wait for, and nodes take half a minute to say so
        self._delete_pods([pod for pod in seen.there if diagnosis.hopeless(pod, seen.pull_failures)], 0)

    def _delete_pods(self, pods: Sequence[Mapping[str, Any]], grace: int) -> None:
        """Hastens the end of pods whose Job is being deleted, if we may."""
        for pod in pods:
            try:
                self._jobs.delete_pod(pod["metadata"]["name"], grace)
            except (Transient, LaunchError) as error:  # then they end in their own time
                _logger.debug("Pod %s cannot be deleted at once: %s", pod["metadata"]["name"], error)

    def _remove(self, grace: float, verdict: Exit | LaunchError | None) -> None:
        self._removal = JobDeletion(self._jobs, self._name, self.handle.id, grace, verdict)
        self._removal.advance(not self._unwatched)

    def _see_off(self, removal: JobDeletion, seen: JobSnapshot) -> list[Chunk | Exit]:
        chunks = self._read(seen)
        if chunks:
            return chunks
        removal.advance(not self._unwatched)
        if not (seen.gone or removal.gone) or not self._is_all_read(seen):
            return []
        if isinstance(removal.verdict, LaunchError) and not self._stopping:
            raise removal.verdict
        if isinstance(removal.verdict, Exit):
            return self._conclude(removal.verdict)
        return self._conclude(diagnosis.of_stopped(seen.job, seen.newest))

    def _end(self, seen: JobSnapshot) -> list[Chunk | Exit]:
        """The Job has ended, or is gone: what is still to come is the end of its log, and news of its pod."""
        if self._ended_at is None:
            self._ended_at = time.monotonic()
        chunks = self._read(seen)
        if chunks or not self._knows_pod(seen) or not self._is_all_read(seen):
            return chunks
        seen = self._observed.look()
        end = end_of(seen.job)
        return self._conclude(
            diagnosis.of_end(seen.job, seen.newest)
            if end is not None
            else diagnosis.of_vanished(self._name, seen.job, seen.newest)
        )

    def _conclude(self, end: Exit) -> list[Chunk | Exit]:
        self._exit = end
        return [end]

    def _knows_pod(self, seen: JobSnapshot) -> bool:
        """Whether all is known of the pod that is needed; if not, for long enough, it is asked for."""
        end = end_of(seen.job)
        if end is None or self._looked_at_end:
            return True
        if end.get("type") == "Complete" and self._transcript is None:
            return True
        if seen.pods and has_ended(seen.pods[-1]):
            return True
        assert self._ended_at is not None
        if time.monotonic() < self._ended_at + LATE:
            return False
        self._looked_at_end = True
        try:
            self._look_at_pods()
        except (Transient, LaunchError) as error:
            _logger.debug("The pods of job %s cannot be looked at: %s", self._name, error)
        self._wakeup.set()  # its log may be there to be read now
        return False

    def _read(self, seen: JobSnapshot) -> list[Chunk | Exit]:
        """What has come of its output, if that is wanted."""
        data = b"" if self._transcript is None else self._transcript.read(seen, self._ended_at is not None)
        return [Chunk("stdout", data)] if data else []

    def _is_all_read(self, seen: JobSnapshot) -> bool:
        """Whether nothing more is to be expected of the output, now that the Job has ended."""
        if self._ended_at is None:
            self._ended_at = time.monotonic()
        return self._transcript is None or self._transcript.is_over(seen, self._ended_at)
