"""The user sees one error: a LaunchError with at most one cause, and few frames of launchpad."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from launchpad import Backend, Handle, LaunchError, LaunchExecutor, Run, Unit
from launchpad.core.error_boundary import simplified
from launchpad.core.retries import Transient
from launchpad.testing import FakeBackend, FakeLauncher

RUN = Run(command=["job"])


class BrokenBackend(Backend):
    """Every call fails by an error of the system, which becomes one of ours, and then another."""

    engine = "broken"

    def start(self, *args: Any, **kwargs: Any) -> Unit:
        fail()

    def find(self, *args: Any, **kwargs: Any) -> Unit:
        fail()

    def remove(self, handle: Handle) -> None:
        fail()

    def close(self) -> None:
        pass


def fail() -> Any:
    try:
        try:
            raise ConnectionResetError("reset by peer") from ValueError("inside the engine's package")
        except OSError as error:
            raise Transient("the request failed") from error
    except Transient as error:
        raise LaunchError("The engine does not answer.") from error


@attrs.frozen
class BrokenLauncher(FakeLauncher):
    def connect(self) -> Backend:
        return BrokenBackend()

    def spec(self, run: Run, name: str) -> Any:
        return fail() if run.name == "no spec" else super().spec(run, name)


LAUNCHER = BrokenLauncher(FakeBackend())
HANDLE = Handle("fake", "1", "job", "broken", RUN.id)


def future_result() -> None:
    with LaunchExecutor(LAUNCHER) as executor:
        future = executor.submit(RUN)
    future.result()


CALLS: dict[str, Callable[[], object]] = {
    "submit": lambda: LAUNCHER.submit(RUN),
    "launch": lambda: LAUNCHER.launch(RUN),
    "start": lambda: LAUNCHER.start(RUN),
    "wait": lambda: LAUNCHER.wait(HANDLE),
    "stop": lambda: LAUNCHER.stop(HANDLE),
    "remove": lambda: LAUNCHER.remove(HANDLE),
    "preview": lambda: LAUNCHER.preview(Run(command=["job"], name="no spec")),
    "future.result": future_result,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_public_method_raises_one_error_with_one_cause(call: Callable[[], object]) -> None:
    with pytest.raises(LaunchError, match="does not answer") as raised:
        call()
    error, cause = raised.value, raised.value.__cause__
    assert isinstance(cause, ConnectionResetError)
    assert (error.__context__, cause.__cause__, cause.__context__) == (None, None, None)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_traceback_has_at_most_two_frames_of_launchpad(call: Callable[[], object]) -> None:
    with pytest.raises(LaunchError) as raised:
        call()
    frames = traceback.extract_tb(raised.value.__traceback__)
    assert sum("/launchpad/" in frame.filename and "/tests/" not in frame.filename for frame in frames) <= 2
    assert len("".join(traceback.format_exception(raised.value)).splitlines()) < 25


def test_the_whole_traceback_is_logged_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "launchpad"), pytest.raises(LaunchError):
        LAUNCHER.remove(HANDLE)
    assert ["the request failed" in caplog.text, "in remove" in caplog.text] == [True, True]


def test_an_error_whose_causes_are_all_ours_has_none() -> None:
    error = LaunchError("no")
    error.__cause__ = Transient("again")
    assert simplified(error).__cause__ is None


def remove_while_handling(error: Exception) -> None:
    try:
        raise error
    except KeyError:
        LAUNCHER.remove(HANDLE)


def test_an_error_that_the_caller_is_handling_stays_unchanged() -> None:
    handled = KeyError("the caller's")
    handled.__cause__ = ValueError("its cause")
    with pytest.raises(LaunchError) as raised:
        remove_while_handling(handled)
    assert isinstance(raised.value.__cause__, ConnectionResetError)
    assert isinstance(handled.__cause__, ValueError)
    assert handled.__traceback__ is not None
