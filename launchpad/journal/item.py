"""`Item`: launches one item of a batch, and records each step in the journal before the next is taken."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from ..core.cancellation import StartLimiter, Stopped, StopToken
from ..errors import EngineUnavailable, LaunchError, RunNotFound
from ..models import Handle, Outcome, Reason, Run
from ..starting import Detached
from .entry import Action, Entry, State

if TYPE_CHECKING:
    from ..core.output import OnOutput
    from ..core.output_files import Log
    from ..launcher import Launcher
    from ..starting import OnStart
    from .journal import Journal

GONE = "The run was started, and was removed from the engine before its end was recorded."


class Item:
    """One item: what the journal has of it, and its launch. For one thread at a time.

    It takes the place of the launcher of its run: `_launch` is called for each attempt in turn.
    """

    def __init__(
        self, journal: Journal, entry: Entry, action: Action, launcher: Launcher, log: Log | None = None
    ) -> None:
        self._journal = journal
        self._entry = entry
        self.action = self._action = action
        self.launcher = journal.keeping(launcher)
        """The launcher of its run, which leaves the run on the engine until its end is recorded."""
        self._removes = self.launcher is not launcher or launcher.type == "subprocess"
        self._log = log
        self._creating = False  # the intent is in the journal

    @property
    def outcome(self) -> Outcome | None:
        """The last outcome of an item that is not launched again; None if it is."""
        return self._entry.outcomes[-1] if self._action is Action.NONE else None

    @property
    def attempts(self) -> tuple[Outcome, ...]:
        """The outcomes of the attempts that were made before the next, or the last one, and that a Retry counts."""
        if self._action is Action.NONE:
            return self._entry.outcomes[len(self._entry.past) : -1]
        return () if self._entry.state is State.ENDED else self._entry.attempts

    def _launch(
        self,
        run: Run,
        on_start: OnStart | None,
        on_output: OnOutput | None,
        stop_token: StopToken,
        limiter: StartLimiter | None,
        note_start: OnStart | None = None,
        attempt: int | None = None,
    ) -> Outcome:
        """Launches an attempt, or follows the one that a process before this one has started.

        With the number of an `attempt`, others may follow: the end of the future says whether one does.
        """
        handle: Handle | None = None

        def note(started: Handle) -> None:
            if self._entry.state is State.INTENDED:
                self._entry = self._entry.started(started)
                self._journal.note(self._entry)
            if note_start is not None:
                note_start(started)

        try:
            handle = self._handle_to_follow()
            run = self._intended(run) if handle is None else run
            outcome = self.launcher._launch(
                run, on_start, on_output, stop_token, limiter, note, attempt, Detached(handle)
            )
        except RunNotFound:
            if handle is None:
                raise
            outcome = Outcome(ok=False, reason=Reason.VANISHED, message=GONE, handle=handle)
        except BaseException as error:
            self._record_error(error)
            raise
        self._end(outcome, last=attempt is None or outcome.reason is Reason.STOPPED)
        return outcome

    def _end(self, outcome: Outcome, *, last: bool) -> None:
        """Records the end of an attempt, and removes then what it has left, if that is wanted."""
        path = self._log and self._log.path
        recorded = outcome if path is None else attrs.evolve(outcome, log=str(path))
        entry = self._entry.ended(recorded) if last else self._entry.paused(recorded)
        if self._record(entry) and self._removes:
            _remove(self.launcher, outcome)

    def finish(self, future: Future[bool]) -> None:
        """Records that no other attempt follows the last one, unless the pause before it was interrupted."""
        if self._entry.state is State.PAUSED and not future.cancelled():
            self._record(self._entry.ended(self._entry.attempts[-1]))

    def _handle_to_follow(self) -> Handle | None:
        """The handle of the run that an earlier process has created; None if the run is to be created."""
        if self._action is Action.FOLLOW:
            handle = self._entry.handle
        else:
            handle = self._journal.find(self.launcher, self._entry) if self._action is Action.FIND else None
        if handle is not None:
            self._action = Action.RUN  # of the next attempt
            self._journal.count("adopted")
        return handle

    def _intended(self, run: Run) -> Run:
        """The run to create, after the intent is in the journal: it has the id that the journal has. LaunchError."""
        action, self._action = self._action, Action.RUN
        if action is Action.FIND:
            run = attrs.evolve(run, id=self._entry.run_id)
        else:
            if self._entry.state is State.PAUSED:
                self._entry = self._entry.intended(run.id)
            elif self._entry.state is State.ENDED:
                self._entry = self._entry.begun_anew(run.id)
            self._journal.write(self._entry)
        self._creating = True
        self._journal.count("run")
        return run

    def _record_error(self, error: BaseException) -> None:
        """Records the end of an attempt that raised `error`, unless its run may go on, or may have been created."""
        entry = self._entry
        if entry.state is State.STARTED and not isinstance(error, LaunchError):
            message = f"The run was stopped because of an error in this process: {error}"
            self._record(entry.ended(Outcome(ok=False, reason=Reason.STOPPED, message=message, handle=entry.handle)))
        elif entry.state is State.INTENDED and self._creating and not isinstance(error, EngineUnavailable):
            stopped = not isinstance(error, Exception) or isinstance(error, Stopped)
            reason = Reason.STOPPED if stopped else Reason.NOT_LAUNCHED
            self._record(entry.ended(Outcome(ok=False, reason=reason, message=str(error))))

    def _record(self, entry: Entry) -> bool:
        """Writes the entry and returns whether that succeeded. Otherwise it is tried again with those that follow."""
        self._entry = entry
        try:
            self._journal.write(entry)
            return True
        except LaunchError:
            self._journal.note(entry)
            return False


def _remove(launcher: Launcher, outcome: Outcome) -> None:
    """Removes what the run has left. If that fails, `reap` does it later."""
    if outcome.handle is not None:
        with suppress(LaunchError, OSError):
            launcher.remove(outcome.handle)
