"""The start of a run: `on_start`, handles, names, environment, working directory, entrypoints, and previews."""

from __future__ import annotations

import json
import threading

import attrs
import pytest

from launchpad import Handle, Launcher, LaunchExecutor, Run
from tests.helping import RecordedLines, lines_of

from .conftest import Start
from .harness import MARK, Harness, Say, ShowFolder, ShowVariable, UntilStopped, Write, differences

AWKWARD = "$(LAUNCHPAD_TEST_MARK) $$(X) $HOME `id` 'one' \"two\" \\ ; & | ü \t!"
"""Text that a shell or an engine might expand."""


def test_on_start_is_called_once_in_the_launching_thread_before_any_output(
    harness: Harness, launcher: Launcher
) -> None:
    calls: list[object] = []
    launcher.submit(
        harness.run([Write(b"line\n")]),
        on_start=lambda handle: calls.append(threading.get_ident()),
        on_output=lambda run, line: calls.append(line),
    )
    assert calls == [threading.get_ident(), "line"]


def test_on_start_is_called_before_the_run_ends(harness: Harness, launcher: Launcher) -> None:
    assert launcher.submit(harness.run([UntilStopped(status=0)]), on_start=launcher.stop) is False


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit], ids=lambda error: error.__name__)
def test_an_error_in_on_start_stops_the_run_and_is_passed_on(
    harness: Harness, launcher: Launcher, error: type[BaseException]
) -> None:
    def fail(handle: Handle) -> None:
        raise error("on purpose")

    with pytest.raises(error, match="on purpose"):
        launcher.submit(harness.run([UntilStopped()]), on_start=fail)
    assert harness.leftovers() == []


def test_the_handle_names_the_run_and_the_engine(harness: Harness, launcher: Launcher) -> None:
    run, handles = harness.run([]), []
    outcome = launcher.launch(run, on_start=handles.append)
    assert handles == [outcome.handle]
    assert (handles[0].type, handles[0].run_id) == (launcher.type, run.id)
    assert handles[0].engine


def test_a_handle_survives_json(harness: Harness, launcher: Launcher, start: Start) -> None:
    handle = start(harness.run([]))
    again = Handle(**json.loads(json.dumps(attrs.asdict(handle))))
    assert again == handle
    assert launcher.wait(again).ok


def test_a_name_may_be_any_text(harness: Harness, launcher: Launcher) -> None:
    names = ["x", "Üben/2: no 1", "-", "  ", "../..", "a" * 300, "日本語", "💥", "two\nlines", "UPPER.case_-"]
    runs = [harness.run([], name=name) for name in names]
    with LaunchExecutor(launcher) as executor:
        futures = executor.launch_all(runs)
    assert [future.result() for future in futures] == [True] * len(names)


def test_the_same_run_may_be_launched_again_and_at_once(harness: Harness, launcher: Launcher) -> None:
    run = harness.run([])
    with LaunchExecutor(launcher) as executor:
        futures = executor.launch_all([run, run, run])
    assert [future.result() for future in futures] == [True, True, True]
    assert len({future.handle.id for future in futures}) == 3


def test_the_run_overrides_the_launchers_environment_and_none_removes_a_variable(harness: Harness) -> None:
    env = {"ONE": "launcher", "TWO": "launcher", "THREE": "launcher", "FIVE": None}
    program = [ShowVariable(name) for name in ("ONE", "TWO", "THREE", "FOUR", "FIVE")]
    with harness.launcher(env=env) as launcher:
        run = harness.run(program, env={"TWO": "run", "THREE": None, "FOUR": 4, "FIVE": ""})
        assert lines_of(launcher, run) == ["[launcher]", "[run]", "unset", "[4]", "[]"]
    assert env == {"ONE": "launcher", "TWO": "launcher", "THREE": "launcher", "FIVE": None}


def test_values_and_arguments_are_not_expanded(harness: Harness, launcher: Launcher) -> None:
    run = harness.run([ShowVariable("AWKWARD"), Say(AWKWARD)], env={"AWKWARD": AWKWARD})
    assert lines_of(launcher, run) == [f"[{AWKWARD}]", AWKWARD]


def test_a_run_has_its_own_working_directory(harness: Harness, launcher: Launcher) -> None:
    run = harness.run([ShowFolder()], working_dir=harness.folder())
    assert lines_of(launcher, run) == [harness.folder()]


def test_values_of_the_environment_are_shown_only_by_a_revealing_preview(harness: Harness) -> None:
    with harness.launcher(env={"TOKEN": "hush-hush"}) as launcher:
        run = harness.run([], env={"PASSWORD": "hush-hush-too"})
        handles: list[Handle] = []
        outcome = launcher.launch(run, on_start=handles.append)
        shown = f"{launcher!r} {run!r} {outcome!r} {launcher.preview(run)}"
        assert "hush" not in shown
        assert "hush-hush-too" in launcher.preview(run, reveal=True)


def test_launchers_with_equal_settings_are_equal(harness: Harness, launcher: Launcher) -> None:
    assert harness.launcher(grace=1) == launcher
    assert harness.launcher(grace=2) != launcher


def test_wait_gives_the_output_of_a_started_run(harness: Harness, launcher: Launcher, start: Start) -> None:
    recorded = RecordedLines()
    launcher.wait(start(harness.run([Write(b"one\n"), Write(b"two")])), on_output=recorded)
    assert recorded.lines == ["one", "two"]


@pytest.mark.needs("entrypoints")
@pytest.mark.parametrize(
    ("entrypoint", "parameters", "status"), [("os:_exit", {"status": 7}, 7), ("json:dumps", {"obj": 1}, 0)]
)
def test_an_entrypoint_is_called_with_its_parameters(
    harness: Harness, entrypoint: str, parameters: dict[str, object], status: int
) -> None:
    marks = {MARK: harness.mark}
    run = Run(entrypoint=entrypoint, parameters=parameters, env=marks, labels=marks)
    with harness.python_launcher() as launcher:
        assert launcher.launch(run).exit_code == status


@pytest.mark.needs("sent")
def test_the_engine_gets_what_the_preview_shows(harness: Harness, launcher: Launcher, start: Start) -> None:
    run = harness.run([UntilStopped()], env={"AWKWARD": AWKWARD}, labels={"team": "x"}, working_dir=harness.folder())
    handle = start(run)
    shown = harness.previewed(launcher.preview(run, reveal=True))
    assert differences(shown, harness.sent(handle)) == []
