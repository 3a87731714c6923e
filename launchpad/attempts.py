"""`Task`, which launches the run of a LaunchFuture in a pool, again if its Retry says so."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

from . import run_events
from .core.cancellation import StartLimiter, Stopped
from .core.error_boundary import simplified
from .core.output import OnOutput
from .errors import LaunchError
from .future import LaunchFuture
from .launcher import Launcher
from .models import Handle, Outcome
from .retry import Retry
from .starting import OnStart

if TYPE_CHECKING:
    from .journal.item import Item


class Task:
    """Launches the run of a future in the pool, and drops its reference to the future when that is done.

    The frames of an error's traceback refer to the frame of the pool, which refers to the task: with the reference,
    the future and its error would live until the next garbage collection.
    """

    def __init__(
        self,
        future: LaunchFuture,
        launcher: Launcher | Item,
        on_start: OnStart | None,
        on_output: OnOutput | None,
        limiter: StartLimiter | None,
        retry: Retry | None,
    ) -> None:
        self._future: LaunchFuture | None = future
        self._launcher = launcher
        self._on_start = on_start
        self._on_output = on_output
        self._limiter = limiter
        self._retry = retry

    def work(self) -> None:
        """Launches the run. Called by the pool."""
        future = self._future
        assert future is not None
        try:
            if not future._begin():
                return
            if self._retry is None:
                future._end(self._launch(None), None)
            else:
                future._end(*self._launch_with(self._retry))
        except BaseException as error:
            future._end(None, simplified(error) if isinstance(error, LaunchError) else error)
        finally:
            self._future = None
            del future

    def settle_without_work(self, task: Future[None]) -> None:
        """Ends the future if the pool dropped the task, because of a cancellation or of an error in the initializer."""
        if self._future is None:
            return
        if task.cancelled():
            self._future.cancel()
        else:
            self._future._end(None, task.exception())

    def _launch(self, attempt: int | None) -> Outcome:
        assert self._future is not None
        run, stop_token = self._future.run, self._future._stop_token
        self._future._begin_attempt()
        return self._launcher._launch(
            run, self._on_start, self._on_output, stop_token, self._limiter, self._note_start, attempt
        )

    def _launch_with(self, retry: Retry) -> tuple[Outcome, BaseException | None]:
        """Launches the run until no attempt is to follow; the last outcome, and the error if the pause is not known.

        A run that the engine no longer reports may still run: no attempt follows its EngineUnavailable, which is raised
        like all errors of a launch.
        """
        from .core.retries import PauseUnknown, attempts  # tenacity takes 40 ms to import

        assert self._future is not None
        outcomes: list[Outcome] = [*self._future._earlier]  # those that a journal has
        errors: list[BaseException] = []  # not raised in tenacity, whose state would refer to its own frames by them
        stop_token = self._future._stop_token

        def launch() -> Outcome | None:
            try:
                outcomes.append(self._launch(len(outcomes) + 1))
            except BaseException as error:
                errors.append(error)
                return None
            return outcomes[-1]

        def goes_on(outcome: Outcome | None) -> bool:
            return outcome is not None and not stop_token.stopped and retry.goes_on(outcomes)

        try:
            attempts(goes_on, retry.wait, self._note_pause, stop_token)(launch)
        except Stopped:  # during a pause
            return outcomes[-1], None
        except PauseUnknown as error:
            return outcomes[-1], self._pause_unknown(error)
        if errors:
            raise errors.pop()
        return outcomes[-1], None

    def _note_start(self, handle: Handle) -> None:
        assert self._future is not None
        self._future._note_start(handle)

    def _note_pause(self, outcome: Outcome | None, pause: float) -> None:
        assert self._future is not None
        assert outcome is not None  # else no attempt would follow
        self._future._note_pause(outcome)
        run_events.log_pause(self._future.run, outcome, pause)

    def _pause_unknown(self, error: BaseException) -> LaunchError:
        """The error of a run whose next attempt has no time, because of `error`."""
        assert self._future is not None
        failure = LaunchError(
            f"Run {self._future.run.name!r} is not launched again: the wait of its Retry failed with {error}."
        )
        failure.__cause__ = error.__cause__  # with its traceback: it is of the user's function
        return failure
