"""The value that a function returns, its error, and why a value is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from launchpad import Launcher, LaunchExecutor, LaunchFuture, Run, RunFailed

from .cut_calls import wrong_calls
from .harness import MARK, End, Harness
from .helping import LONG, other_process

VALUE = {"text": "größe € 𝄞 \u2028 \x00 $(HOME)", "numbers": [0, -1.5, 1e300, 2**70], "deep": [[[{}]], None, True]}

pytestmark = [pytest.mark.needs("entrypoints"), pytest.mark.needs("values")]


@pytest.fixture
def python_launcher(harness: Harness) -> Iterator[Launcher]:
    with harness.python_launcher(stream_output=False) as launcher:
        yield launcher


def calling(harness: Harness, entrypoint: str, **parameters: Any) -> Run:
    """A run of a function of the standard library."""
    marks = {MARK: harness.mark}
    return Run(entrypoint=entrypoint, parameters=parameters, env=marks, labels=marks)


def test_values_and_errors_come_back_and_what_does_not_is_explained(
    harness: Harness, python_launcher: Launcher
) -> None:
    runs = {
        "value": calling(harness, "json:loads", s=json.dumps(VALUE)),
        "none": calling(harness, "warnings:resetwarnings"),
        "long": calling(harness, "json:dumps", obj=[0], indent=harness.long_value),
        "too long": calling(harness, "json:dumps", obj=[0] * 900, indent=5000),
        "no JSON": calling(harness, "fractions:Fraction"),
        "silent": calling(harness, "os:_exit", status=0),
        "error": calling(harness, "json:loads", s="{" * 5000),
    }
    with LaunchExecutor(python_launcher) as executor:
        futures = dict(zip(runs, executor.launch_all(runs.values()), strict=True))
    outcomes = {name: future.outcome for name, future in futures.items() if future.outcome is not None}
    assert {name: outcome.ok for name, outcome in outcomes.items()} == {**dict.fromkeys(runs, True), "error": False}
    assert futures["value"].value() == VALUE
    assert (futures["none"].value(), outcomes["none"].value_error) == (None, "")
    assert len(futures["long"].value()) == harness.long_value + 5
    for name, named in {"too long": "at most", "no JSON": "Fraction", "silent": "os._exit"}.items():
        assert_is_explained(futures[name], named)
    error = outcomes["error"].error
    assert error is not None
    assert (error.type, error.message) == ("json.decoder.JSONDecodeError", ERROR)
    assert ERROR in error.traceback
    with pytest.raises(RunFailed, match="JSONDecodeError: Expecting") as raised:
        futures["error"].value()
    assert raised.value.outcome == outcomes["error"]


ERROR = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"


def assert_is_explained(future: LaunchFuture, named: str) -> None:
    assert future.outcome is not None
    assert future.outcome.value is None
    assert named in future.outcome.value_error
    with pytest.raises(RuntimeError, match=named):
        future.value()


def test_a_command_has_no_value_and_no_value_error(harness: Harness, launcher: Launcher) -> None:
    for program in ([], [End(3)]):
        outcome = launcher.launch(harness.run(program))
        assert (outcome.value, outcome.value_error, outcome.error) == (None, "", None)


def test_wait_gives_the_value_of_a_started_run_each_time(harness: Harness, python_launcher: Launcher) -> None:
    handle = python_launcher.start(calling(harness, "json:loads", s="[1]"))
    outcome = python_launcher.wait(handle, LONG)
    assert (outcome.value, python_launcher.wait(handle)) == ([1], outcome)
    python_launcher.remove(handle)


@pytest.mark.needs("other_processes")
@pytest.mark.needs("exit_code_elsewhere")
def test_another_process_gets_the_value_too(harness: Harness, python_launcher: Launcher) -> None:
    handle = python_launcher.start(calling(harness, "json:loads", s="[2]"))
    with other_process(harness, "wait", handle) as other:
        assert json.loads(other.communicate(timeout=LONG)[0].splitlines()[-1])["value"] == [2]
    python_launcher.remove(handle)


def test_every_call_gets_its_own_value_while_the_event_stream_is_cut(harness: Harness) -> None:
    assert wrong_calls(harness, calls=6, cuts=2) == []
