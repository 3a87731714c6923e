"""Calls of functions in other processes: the arguments there, the value or the error back."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest

from launchpad import (
    Deployment,
    Handle,
    LaunchError,
    LaunchExecutor,
    Outcome,
    Reason,
    Run,
    RunError,
    RunFailed,
)
from launchpad.calls import run_of_call, value_of
from launchpad.testing import FakeBackend, FakeLauncher, Script


def plain(a: int, b: int = 2, *, c: int = 3) -> int: ...
def positional(a: int, /, b: int = 2) -> int: ...
def many(a: int, *more: int, **named: int) -> int: ...


def passing_on(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@passing_on
def decorated(a: int, b: int = 2) -> int: ...


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "parameters"),
    [
        (plain, (1, 5), {"c": 6}, {"a": 1, "b": 5, "c": 6}),
        (plain, (), {"a": Path("x")}, {"a": "x"}),
        (decorated, (1,), {"b": 2}, {"a": 1, "b": 2}),
        (many, (1,), {"x": 2}, {"a": 1, "x": 2}),
    ],
)
def test_arguments_become_parameters_by_their_names(
    function: Any, args: Any, kwargs: Any, parameters: dict[str, Any]
) -> None:
    run = run_of_call(function, args, kwargs)
    assert (run.parameters, run.entrypoint) == (parameters, f"{__name__}:{function.__name__}")


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "message"),
    [
        (plain, (1, 2, 3), {}, "takes 2 positional arguments, and 3 are given"),
        (plain, (1,), {"a": 2}, "gets 'a' twice"),
        (plain, (), {}, "needs 'a'"),
        (plain, (object(),), {}, "cannot be written as JSON"),
        (positional, (1,), {}, "'a', before the /, has no name"),
        (many, (1, 2), {}, r"\*more has no name"),
        (lambda: 1, (), {}, "a lambda has no name"),
        (len, ([],), {}, "takes a function defined with def"),
    ],
)
def test_a_call_that_another_process_cannot_make_is_refused(
    function: Any, args: Any, kwargs: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run_of_call(function, args, kwargs)


def fake(**script: Any) -> FakeLauncher:
    return FakeLauncher(FakeBackend(Script(**script)))


def test_all_that_can_launch_can_call() -> None:
    launcher = fake(value=(1, 2))
    assert launcher.call(plain, 1) == [1, 2]
    assert Deployment("n", {"entrypoint": "m:f"}, launcher).call(a=1) == [1, 2]
    with LaunchExecutor(launcher) as executor:
        assert executor.call(plain, 1).value(timeout=60) == [1, 2]
        assert executor.submit(Run(command=["x"])).value() is None


def test_the_error_of_a_function_is_in_the_text_of_what_is_raised() -> None:
    launcher = fake(error=RunError("m.Odd", "what\x1b", "trace"), exit_code=1)
    with pytest.raises(RunFailed) as raised:
        launcher.call(plain, 1)
    assert raised.value.outcome.error == RunError("m.Odd", "what\x1b", "trace")
    lines = str(raised.value).splitlines()
    assert lines == ["The run 'plain' did not succeed (failed): Exited with status 1.", "m.Odd: what\\x1b"]


def test_the_last_lines_of_the_output_are_in_the_text() -> None:
    handle = Handle("fake", "1", "train", "engine", "run")
    outcome = Outcome(ok=False, reason=Reason.OOM_KILLED, message="Why.", hint="Do.", handle=handle, tail=["a", "b"])
    assert str(RunFailed(outcome)).splitlines() == [
        "The run 'train' did not succeed (oom_killed): Why. Do.",
        "The last lines of its output:",
        "    a",
        "    b",
    ]
    assert pickle.loads(pickle.dumps(RunFailed(outcome))).outcome == outcome


def test_a_value_that_did_not_come_back_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="JSON cannot hold") as raised:
        fake(value=object()).call(plain, 1)
    assert not isinstance(raised.value, RunFailed)
    with pytest.raises(RunFailed):
        value_of(Outcome(ok=True, reason=Reason.COMPLETED, error=RunError("E", "m")))


def test_a_run_that_was_cancelled_or_not_launched_raises_as_its_result_does() -> None:
    with LaunchExecutor(fake(exit_code=None)) as executor:
        future = executor.call(plain, 1)
        with pytest.raises(futures.TimeoutError):
            future.value(timeout=0)
        future.cancel()
        with pytest.raises(CancelledError):
            future.value()
    with LaunchExecutor(fake(refusals=[LaunchError("no")])) as executor, pytest.raises(LaunchError, match="no"):
        executor.call(plain, 1).value()
