"""The output of a run, for those that only read it: they change nothing about its Job."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from ..core.backend import Chunk
from ..core.cancellation import StopToken
from ..net.wakeup import CLOCK, Clock, Wakeup
from .api import Jobs, Object
from .errors import ApiError
from .events import Fact, Watchers
from .listing import facts_of
from .observed import JobSnapshot, ObservedJob
from .output import RunOutput
from .status import end_of


def output_of(
    jobs: Jobs, watchers: Watchers | None, job: Object, pods: Sequence[Object], clock: Clock = CLOCK
) -> Generator[Chunk, None, None]:
    """The output of the run of a Job that has just been read: with `watchers` until its end, else so far."""
    reader = _Reader(jobs, job, pods, clock)
    name = job["metadata"]["name"]
    try:
        if watchers is None:
            yield from reader.so_far()
            return
        watchers.register(name, reader.observed_job)
        yield from reader.until_end()
    finally:
        if watchers is not None:
            watchers.unregister(name, reader.observed_job)
        reader.close()


class _Reader:
    def __init__(self, jobs: Jobs, job: Object, pods: Sequence[Object], clock: Clock) -> None:
        self._jobs = jobs
        self._job = job
        self._clock = clock
        self._wakeup = Wakeup()
        self._output = RunOutput(jobs.log, clock.now)
        self.observed_job = ObservedJob(self._wakeup)
        self.observed_job.expect(job["metadata"]["uid"])
        for fact in facts_of(job, pods):
            self.observed_job.record(fact)

    def so_far(self) -> Generator[Chunk, None, None]:
        self._output = RunOutput(lambda pod, since, follow: self._jobs.log(pod, since, False), self._clock.now)
        yield from self._rest(self.observed_job.snapshot())

    def until_end(self) -> Generator[Chunk, None, None]:
        self._request()  # it may have ended before the watchers report it here
        while True:
            self._wakeup.clear()
            if (failure := self.observed_job.take_failure()) is not None:
                raise failure
            if self.observed_job.take_unlisted():  # it was deleted before the watchers have listed it
                self._request()
            snapshot = self.observed_job.snapshot()
            if snapshot.gone or end_of(snapshot.job) is not None:
                break
            if data := self._output.read(snapshot, False):
                yield Chunk("stdout", data)
            else:
                self._wait(None)
        self._request()  # the watch of pods may lag behind
        yield from self._rest(self.observed_job.snapshot())

    def close(self) -> None:
        self._output.close()
        self._wakeup.close()

    def _request(self) -> None:
        """Records the state of the Job and its pods that the server has now."""
        jobs, metadata = self._jobs, self._job["metadata"]
        try:
            job = jobs.api.retry(StopToken(), lambda: jobs.read(metadata["name"]))
        except ApiError as error:
            if error.status != 404:
                raise
            self.observed_job.record(Fact("job", metadata["name"], True, None))
        else:
            same = job["metadata"]["uid"] == metadata["uid"]
            self.observed_job.record(Fact("job", metadata["name"], not same, job if same else None))
        self._record(jobs.api.retry(StopToken(), lambda: jobs.pods(metadata["name"])))

    def _record(self, pods: Sequence[Object]) -> None:
        """Records the states of those of the pods that are the Job's own."""
        for fact in facts_of(self._job, pods)[1:]:
            self.observed_job.record(fact)

    def _rest(self, snapshot: JobSnapshot) -> Generator[Chunk, None, None]:
        """The output that is still to come from logs that are not written to any more."""
        asked_at = self._clock.now()
        while True:
            self._wakeup.clear()
            if data := self._output.read(snapshot, True):
                yield Chunk("stdout", data)
            elif self._output.is_finished(snapshot, asked_at):
                return
            else:
                self._wait(asked_at)

    def _wait(self, ended_at: float | None) -> None:
        due = self._output.due(ended_at)
        timeout = None if due is None else max(0.0, due - self._clock.now())
        self._clock.wait(self._wakeup, timeout, *self._output.sources)
