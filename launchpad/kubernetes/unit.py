"""One started Job, as this process follows it: the wait for its pod, its output, its end and its deletion."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import attrs

from ..core.backend import Chunk, Exit, Unit
from ..core.pending import Pending
from ..errors import EngineUnavailable, LaunchError
from ..models import Handle
from ..net.wakeup import CLOCK, Clock, Wakeup
from . import diagnosis
from .api import Jobs, Object
from .cluster_events import ClusterEvents
from .events import Fact, Watchers
from .interruption import LOST_TIMEOUT, Interruption, is_being_ended, is_repeated, without_repetition
from .lookup import Lookup, MissedNews, UnlistedJob
from .observed import JobSnapshot, ObservedJob
from .output import RunOutput
from .pending import PendingPod
from .pending_news import PendingNews
from .results import has_result, report_of
from .run_end import exit_of_run, interrupted, is_held_up, is_settled, job_is_over, pod_that_decides
from .status import decision_of, end_of, grace_of, has_ended, is_over, is_suspended, own_grace
from .stopping import JobRemoval

REPORT_TIMEOUT = 1.0
"""Seconds after which a state that the watchers should have reported is requested directly."""

Verdict = Callable[[JobSnapshot], Exit] | LaunchError
"""How a run ends that is given up: a function of the last state of its Job, or an error."""

_logger = logging.getLogger("launchpad")


class JobUnit(Unit):
    """Follows one Job. The thread that polls owns the state; any thread may call `wake` and `close`."""

    def __init__(
        self,
        jobs: Jobs,
        watchers: Watchers,
        cluster_events: ClusterEvents,
        name: str,
        *,
        output: bool,
        pod_watch_timeout: float | None,
        lost_timeout: float = LOST_TIMEOUT,
        report_timeout: float = REPORT_TIMEOUT,
        clock: Clock = CLOCK,
    ) -> None:
        self._clock, self._report_timeout = clock, report_timeout
        self._watchers, self._name = watchers, name
        self._wakeup = Wakeup()
        self._woken = self._closed = False
        self._observed_job = ObservedJob(self._wakeup)
        self._unwatched = False  # whether a watcher has failed since this was registered
        self._lookup = Lookup(jobs, name, self._observed_job, clock.now)
        missed_job = MissedNews("job", watchers.listings["job"], name, self._observed_job, clock.now)
        self._unlisted = UnlistedJob(self._lookup, missed_job, self._observed_job, report_timeout, clock.now)
        self._missed_pods = MissedNews("pod", watchers.listings["pod"], name, self._observed_job, clock.now)
        self._pending = PendingPod(
            jobs, self._lookup, self._missed_pods, self._observed_job, pod_watch_timeout, clock.now
        )
        self._news = PendingNews(cluster_events, name, self._observed_job, clock.now)
        self._judged: JobSnapshot | None = None  # the last one in which no container waited
        self._interruption = Interruption(lost_timeout, self._lookup, clock.now)
        self._output = RunOutput(jobs.log, clock.now) if output else None
        self._ended_at: float | None = None  # when the end became known
        self._pods_requested = False  # whether the pods were requested after the end
        self._pods_due: float | None = None  # when to request them
        self._removal = JobRemoval(jobs, self._lookup, name, report_timeout, clock.now)
        self._verdict: Verdict | None = None  # why the Job was deleted; None if the run was asked to stop
        self._raised = False  # whether a verdict that is an error was raised
        self._stopping = False
        self._has_result = False  # whether the run has a function, which writes its result
        self._exit: Exit | None = None
        self._watch()

    def _watch(self) -> None:
        try:
            self._news.expect()
            self._watchers.register(self._name, self._observed_job)
        except BaseException:
            self._news.close()
            self._wakeup.close()
            raise

    def identify(self, handle: Handle, *facts: Fact) -> None:
        """Makes this the unit of the Job that `handle` names. `facts` are what is known of it."""
        self.handle = handle
        self._observed_job.expect(handle.id)
        self._lookup.expect(handle.id)
        for fact in facts:
            self._has_result = self._has_result or (fact.kind == "job" and has_result(fact.object or {}))
            self._observed_job.record(fact)

    @property
    def paused(self) -> bool:
        return is_suspended(self._observed_job.snapshot().job)

    @property
    def closed(self) -> bool:
        return self._closed

    def has_ended(self) -> bool:
        """A run that is being given up counts as ended, so that a stop or a time-out meanwhile does not hide why."""
        snapshot = self._observed_job.snapshot()
        given_up = self._verdict is not None and not self._raised
        return given_up or job_is_over(snapshot) or is_settled(snapshot) or pod_that_decides(snapshot) is not None

    def poll(self, timeout: float | None) -> Sequence[Chunk | Pending | Exit]:
        until, paused = None if timeout is None else self._clock.now() + timeout, self.paused
        while self._exit is None:
            self._wakeup.clear()
            woken, self._woken = self._woken, False
            events = self._advance()
            now = self._clock.now()
            if events or woken or self.paused is not paused or (until is not None and now >= until):
                return events
            due = min((at for at in (until, *self._dues()) if at is not None), default=None)
            sources = self._output.sources if self._output is not None else []
            self._clock.wait(self._wakeup, None if due is None else max(0.0, due - now), *sources)
        return [self._exit]

    def wake(self) -> bool:
        self._woken = True
        self._wakeup.set()
        return True

    def terminate(self, grace: float) -> bool:
        self._stopping = True
        if self._removal.deletion is None:
            self._delete(grace, None)
            if grace <= 0:
                self.kill()
        return True

    def kill(self) -> None:
        self.terminate(0.0)
        self._removal.hurry()
        snapshot = self._observed_job.snapshot()
        self._removal.advance_pods(snapshot.present, (), snapshot.gone)

    def close(self) -> None:
        self._closed = True
        self._watchers.unregister(self._name, self._observed_job)
        self._news.close()
        self._unlisted.close()
        self._missed_pods.close()
        if self._output is not None:
            self._output.close()
        self._wakeup.close()

    def _advance(self) -> Sequence[Chunk | Pending | Exit]:
        """Does what can be done without waiting."""
        if self._closed:
            raise EngineUnavailable(f"Job {self._name} is not followed any more: its launch was given up.")
        self._handle_watch_failure()
        self._unlisted.advance()
        snapshot = self._observed_job.snapshot()
        if self._removal.deletion is None:
            if job_is_over(snapshot):
                return self._advance_end(snapshot)
            if (pod := pod_that_decides(snapshot)) is not None and is_held_up(pod, snapshot):
                return self._stop_sidecars(snapshot, pod)
            overdue = self._interruption.is_overdue(snapshot)
            if overdue and (snapshot.deleted or decision_of(snapshot.job) is not None):
                return self._conclude_unreported(snapshot)
            self._give_up_if_hopeless(snapshot, overdue)
        if self._removal.deletion is not None:
            return self._advance_removal(without_repetition(snapshot), snapshot)
        if snapshot.deleted:
            self._removal.pods.remove_idle(snapshot.present)
        return self._news.changes(snapshot) or self._read(snapshot)

    def _dues(self) -> list[float | None]:
        """When there is something to do even if nothing happens."""
        dues = [self._unlisted.due, *self._removal.dues()]
        if self._removal.deletion is None and self._ended_at is None:
            dues.append(self._interruption.due)
            if not is_being_ended(self._observed_job.snapshot()):
                dues += [self._pending.due, self._news.due]
        if self._output is not None:
            dues.append(self._output.due(self._ended_at))
        dues.append(self._pods_due)
        return dues

    # A watcher can fail: the poll raises its error. The next poll registers again and requests what was missed.

    def _handle_watch_failure(self) -> None:
        failure = self._observed_job.take_failure()
        if failure is not None:
            self._unwatched = True
            if self._removal.deletion is None:
                raise failure
            self._removal.deletion.hasten()
        elif self._unwatched and self._removal.deletion is None:
            self._unwatched = False
            self._watchers.register(self._name, self._observed_job)
            self._lookup.job()

    def _give_up_if_hopeless(self, snapshot: JobSnapshot, overdue: bool) -> None:
        """Deletes a Job that would execute the run again, or whose pod does not start."""
        if is_being_ended(snapshot) or is_repeated(snapshot):
            if not snapshot.deleted and (is_repeated(snapshot) or overdue):
                self._delete(max(map(grace_of, snapshot.pods)), interrupted)
            return
        if snapshot is self._judged and self._pending.due is None:
            return
        verdict = self._pending.verdict(snapshot)
        self._judged = snapshot
        if isinstance(verdict, Exit):
            self._delete(0.0, lambda _: verdict)
        elif verdict is not None:
            self._delete(0.0, verdict)

    def _stop_sidecars(self, snapshot: JobSnapshot, pod: Object) -> list[Chunk | Exit]:
        """Deletes a Job whose own container has ended, once its output is read: others in the pod may never end."""
        chunks = self._read(snapshot)
        if not chunks and self._is_all_read(snapshot):
            end = diagnosis.of_own_end(snapshot.job, pod, snapshot.pods)  # before they are stopped, which is no failure
            self._delete(own_grace(pod), lambda _: end)
        return chunks

    def _delete(self, grace: float, verdict: Verdict | None) -> None:
        self._verdict = verdict
        self._removal.request(self.handle.id, grace)
        self._advance_request()

    def _advance_request(self) -> None:
        """Advances the deletion. If that fails, a run that is given up ends nevertheless, with its own reason."""
        try:
            self._removal.advance(not self._unwatched)
        except LaunchError as error:
            if self._verdict is None or self._stopping:
                raise
            _logger.warning("Job %s is given up, but cannot be deleted: %s", self._name, error)
            self._removal.abandon()

    def _advance_removal(self, snapshot: JobSnapshot, complete: JobSnapshot) -> list[Chunk | Exit]:
        """Waits until Job and pods are gone. `complete` has the pods, too, that execute the run again."""
        chunks = self._read(snapshot)
        if chunks:
            return chunks
        self._advance_request()
        # A node takes up to a minute to remove the pods of an interrupted run after they have ended.
        early = self._verdict is interrupted or pod_that_decides(snapshot) is not None
        if not self._removal.is_done(complete.pods, complete.gone, early=early):
            repetitions = complete.present[len(snapshot.present) :]
            self._removal.advance_pods(complete.present, repetitions, complete.gone)
            return []
        if not self._is_all_read(snapshot):
            return []
        if isinstance(self._verdict, LaunchError) and not self._stopping:
            self._raised = True
            raise self._verdict
        if self._verdict is not None and not isinstance(self._verdict, LaunchError):
            return self._conclude(self._verdict(snapshot))
        return self._conclude(diagnosis.of_stopped(snapshot.job, snapshot.newest, self._removal.survival))

    def _advance_end(self, snapshot: JobSnapshot) -> list[Chunk | Exit]:
        """Waits for the rest of the output, and for the state of the pod, after the Job's end or deletion."""
        if snapshot.deleted and is_repeated(snapshot):  # it has only lost the labels by which it is watched
            self._delete(max(map(grace_of, snapshot.pods)), lambda last: exit_of_run(self._name, last))
            return []
        over = not snapshot.deleted or self._are_pods_over(snapshot)
        snapshot = without_repetition(snapshot)
        if not over:
            return self._read(snapshot)
        if self._ended_at is None:
            self._ended_at = self._clock.now()
        chunks = self._read(snapshot)
        if chunks or not self._knows_pod(snapshot) or not self._is_all_read(snapshot):
            return chunks
        return self._conclude(exit_of_run(self._name, self._observed_job.snapshot()))

    def _are_pods_over(self, snapshot: JobSnapshot) -> bool:
        """Whether nothing runs any more of a Job that others deleted. Ends what they let run on."""
        self._pods_due = None
        if self._interruption.is_overdue(snapshot):
            return True
        if snapshot.gone and not (snapshot.pods or self._lookup.excludes_pod()):
            self._pods_due = self._lookup.due
            return False
        if all(map(is_over, snapshot.pods)):
            return True
        self._removal.pods.remove_idle(snapshot.present)
        if snapshot.gone:
            self._removal.pods.end(
                [pod for pod in snapshot.present if "deletionTimestamp" not in pod["metadata"]], None
            )
        return False

    def _conclude_unreported(self, snapshot: JobSnapshot) -> list[Chunk | Exit]:
        """Ends a run whose end is decided, but not reported: its node is lost, and the rest of its output with it."""
        if self._output is not None:
            self._output.abandon()
        return self._conclude(exit_of_run(self._name, snapshot))

    def _conclude(self, end: Exit) -> list[Chunk | Exit]:
        if self._output is not None and not self._output.is_complete(self._observed_job.snapshot()):
            end = attrs.evolve(end, output_complete=False)
        if self._has_result:
            snapshot = without_repetition(self._observed_job.snapshot())
            end = attrs.evolve(end, result=report_of(snapshot.job, snapshot.pods))
        self._exit = end
        return [end]

    def _knows_pod(self, snapshot: JobSnapshot) -> bool:
        """Whether the state of the pod is known as far as it is needed. After a time-out, it is requested once."""
        self._pods_due = None
        end = end_of(snapshot.job)
        if end is None or self._pods_requested:
            return True
        seen = not snapshot.pods or any(map(has_ended, snapshot.pods))
        if end.get("type") == "Complete" and self._output is None and seen and not self._has_result:
            return True
        if snapshot.pods and has_ended(snapshot.pods[-1]):
            return True
        assert self._ended_at is not None
        if self._missed_pods.are_listed(self._ended_at):
            return True
        due = self._ended_at + self._report_timeout
        if self._lookup.due is None and self._missed_pods.are_awaited(self._ended_at, due, self._report_timeout):
            self._pods_due = self._missed_pods.due
            return False
        self._pods_due = self._lookup.due or due
        if self._clock.now() >= self._pods_due and self._lookup.pods():
            self._pods_requested, self._pods_due = True, None  # the pod's log may be readable now
        return False

    def _read(self, snapshot: JobSnapshot) -> list[Chunk | Exit]:
        data = b"" if self._output is None else self._output.read(snapshot, self._ended_at is not None)
        return [Chunk("stdout", data)] if data else []

    def _is_all_read(self, snapshot: JobSnapshot) -> bool:
        """Whether no more output is to be expected, now that the Job has ended or is gone."""
        if self._ended_at is None:
            self._ended_at = self._clock.now()
        return self._output is None or self._output.is_finished(snapshot, self._ended_at)
