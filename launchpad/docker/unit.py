"""One started container: its facts, its output and its end."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import attrs

from ..core.backend import Chunk, Exit, Unit
from ..errors import EngineUnavailable, LaunchError
from ..models import Handle
from ..net.wakeup import HasFileno, Wakeup
from .api import DockerApi
from .diagnosis import Termination, exit_of
from .events import was_down_at
from .input import RunInput
from .output import RunOutput
from .results import read_result
from .status import Ended, Fact, Gone, Killed, OutOfMemory, Started, State
from .stopping import StopRequest

RESTART_WINDOW = 1.0
"""Seconds after the end of a container that others stopped in which it may start again, as in `docker restart`."""

REMOVAL_WINDOW = 5.0
"""Seconds after the end of a container in which it may be removed: Podman shows it as ended during its removal."""

END_WINDOW = 1.0
"""Seconds after a container's removal in which its end may still be reported."""

READ_TIMEOUT = 2.0
"""Seconds after which a unit that was never polled closes its output stream: its run is one that was only started."""

CONFIRM_INTERVAL = 1.0
"""Seconds after which a doubtful exit code is confirmed: an engine that goes down reports 255."""

_logger = logging.getLogger("launchpad")


class DockerUnit(Unit):
    """Follows a container: the watcher's thread delivers its facts, the thread that polls reads its output."""

    def __init__(
        self,
        handle: Handle,
        api: DockerApi,
        output: RunOutput | None,
        *,
        run_input: RunInput | None = None,
        auto_remove: bool,
        deadline: datetime | None = None,
        passive: bool = False,
        result_paths: Sequence[str] = (),
        on_close: Callable[[DockerUnit], None],
    ) -> None:
        self.handle = handle
        self._api = api
        self._output = output
        self._input = run_input
        self.deadline = deadline
        self._auto_remove = auto_remove
        self._passive = passive  # it only reads, and leaves the container as it is
        self._result_paths = () if passive else result_paths
        self._on_close = on_close
        self._stop_request = StopRequest(handle.id, api)
        self._wakeup = Wakeup()
        self._exit: Exit | None = None
        self._failure: LaunchError | None = None
        self._created_at = time.monotonic()
        self._lock = threading.Lock()  # guards all below
        self._termination = Termination()
        self._gone_at: float | None = None
        self._closed = False
        self._polled = False

    # Called by any thread.

    def notify(self, fact: Fact) -> None:
        with self._lock:
            if isinstance(fact, Started):
                self._termination.start(fact.at)
            elif isinstance(fact, Killed):
                self._termination.killed = True
            elif isinstance(fact, OutOfMemory):
                self._termination.oom = True
            elif isinstance(fact, Gone):
                self._gone_at = self._gone_at or time.monotonic()
            else:
                self._termination.report(fact)
        if isinstance(fact, Ended | Gone) or self._termination.restarted:
            self._wakeup.set()

    def fail(self, error: LaunchError) -> None:
        self._failure = error
        self._wakeup.set()

    def release_output_if_unread(self) -> bool:
        """Closes the output stream if nothing polls this unit; False if that is not decided yet."""
        with self._lock:
            if self._polled or self._closed or self._output is None:
                return True
            if time.monotonic() < self._created_at + READ_TIMEOUT:
                return False
            self._output.release()
            return True

    def wake(self) -> bool:
        self._wakeup.set()
        return True

    # Called by the thread that polls.

    def poll(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        if self._exit is not None:
            return [self._exit]
        with self._lock:
            self._polled = True
        if self._closed:
            raise EngineUnavailable(f"Container {self.handle.name!r} is no longer followed: its launch was given up.")
        self._wait(timeout)
        if self._input is not None:
            self._input.advance()
        self._stop_request.follow_up()
        reported_at = self._termination.reported_at
        events: list[Chunk | Exit] = []
        if self._output is not None and not self._output.is_complete:
            events += self._output.read(reported_at)
        if reported_at is None:
            self._check_reachable()
        elif self._output is None or self._output.is_complete:
            self._conclude(events)
        return events

    def has_ended(self) -> bool:
        return self._termination.end is not None

    def terminate(self, grace: float) -> bool:
        self._termination.by_us = True
        self._stop_request.send("stop", {"t": math.ceil(grace)})
        return True

    def kill(self) -> None:
        self._termination.by_us = True
        send = self._stop_request.send_last if self._closed else self._stop_request.send
        send("kill", {"signal": "SIGKILL"})

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._on_close(self)
        self._wakeup.close()
        self._stop_request.close()
        if self._output is not None:
            self._output.close()
        if self._input is not None:
            self._input.close()

    def _wait(self, timeout: float | None) -> None:
        dues = [due for due in self._dues() if due is not None]
        if dues:
            left = max(0.0, min(dues) - time.monotonic())
            timeout = left if timeout is None else min(timeout, left)
        sources: list[HasFileno | None] = [self._stop_request.response, self._output.source if self._output else None]
        targets: list[HasFileno] = []
        if self._input is not None:
            sources += self._input.sources
            targets = self._input.targets
        self._wakeup.wait(timeout, *[source for source in sources if source is not None], targets=targets)
        self._wakeup.clear()

    def _dues(self) -> list[float | None]:
        """When (monotonic) there is something to do even if nothing arrives."""
        reported_at = self._termination.reported_at
        no_output = self._output is None or self._output.is_complete
        return [
            self._stop_request.due,
            None if reported_at is not None else self._stop_request.deadline,
            None if self._gone_at is None or reported_at is not None else self._gone_at + END_WINDOW,
            None if no_output or self._output is None else self._output.due(reported_at),
            reported_at + CONFIRM_INTERVAL
            if reported_at is not None and no_output and self._termination.is_doubtful
            else None,
            self._restart_due() if no_output else None,
            self._removal_due() if no_output else None,
        ]

    def _restart_due(self) -> float | None:
        """When (monotonic) an ended container is no longer expected to be restarted; None: it is not expected now."""
        reported_at = self._termination.reported_at
        if reported_at is None or self._gone_at is not None or not self._termination.may_be_restarted:
            return None
        return reported_at + RESTART_WINDOW

    def _removal_due(self) -> float | None:
        """When (monotonic) an ended container is no longer expected to be removed; None: it is not expected now."""
        reported_at = self._termination.reported_at
        if not self._api.is_podman or reported_at is None or self._gone_at is not None:
            return None
        return reported_at + REMOVAL_WINDOW if self._termination.may_be_removed else None

    def _check_reachable(self) -> None:
        """Raises the watcher's error. A container that is gone without a report of its end has vanished."""
        if self._failure is not None:
            raise self._failure
        if self._gone_at is None:
            self._stop_request.check(self.handle.name)
        with self._lock:
            if self._gone_at is not None and time.monotonic() >= self._gone_at + END_WINDOW:
                self._termination.vanish()

    def _conclude(self, events: list[Chunk | Exit]) -> None:
        if self._termination.is_doubtful and not self._is_confirmed():
            return
        restart_due = self._restart_due()
        if restart_due is not None and time.monotonic() < restart_due:
            return
        if self._termination.needs_inspection:
            self._inspect()
            removal_due = self._removal_due()
            if removal_due is not None and time.monotonic() < removal_due:
                return
        if self._termination.restarted and not self._passive:  # a run is executed once
            self._stop_request.send_last("kill", {"signal": "SIGKILL"})
        self._report_lost_output()
        result = read_result(self._api, self.handle.id, self._result_paths) if self._result_paths else None
        if self._auto_remove and not self._passive:
            self._remove()
        complete = self._output is None or not self._output.has_gap
        self._exit = attrs.evolve(exit_of(self._termination), output_complete=complete, result=result)
        events.append(self._exit)

    def _report_lost_output(self) -> None:
        """Reports output that no engine recorded: what a run wrote while the engine was down, and then ended.

        An engine that was down reports the end with the time at which it noticed it; the state has the true one.
        """
        if self._output is None or not self._output.is_from_log:
            return
        try:
            state = self._state()
            ended_at = state.ended_at if state is not None else None
            if ended_at is None or not self._termination.is_missed(ended_at):
                return
            was_down = self._api.through_outage(lambda: was_down_at(self._api, ended_at))
        except LaunchError:
            return
        if was_down:
            self._output.report_gap("the engine was down when the run ended, and has not recorded its last lines")

    def _is_confirmed(self) -> bool:
        """Whether the engine confirms a doubtful end, after it has had the time to go down and come back."""
        reported_at = self._termination.reported_at
        assert reported_at is not None
        if time.monotonic() < reported_at + CONFIRM_INTERVAL:
            return False
        state = self._state()
        with self._lock:
            if state is not None and not state.ended and not self._termination.restarted:
                self._termination.withdraw()
                return False
            self._termination.confirm(state)
            return True

    def _inspect(self) -> None:
        """Finds out whether a container that others killed is being removed, or was out of memory."""
        try:
            state = self._state()
        except LaunchError:
            return
        self._termination.confirm(state)

    def _state(self) -> State | None:
        return self._api.through_outage(lambda: self._api.inspect(self.handle.id))

    def _remove(self) -> None:
        try:
            self._api.through_outage(lambda: self._api.remove(self.handle.id, force=True))
        except LaunchError as error:
            _logger.warning("Container %r could not be removed: %s", self.handle.name, error)
