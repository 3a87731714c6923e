"""Runs of `start`: their shims keep the output and the exact end, whoever waits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import attrs
import psutil
import pytest

from launchpad import Handle, LaunchError, Outcome, Reason, Run, RunNotFound, SubprocessLauncher
from launchpad.subprocess.backend import has_pidfd
from launchpad.subprocess.log_writer import Log
from launchpad.subprocess.logs import LEFT_OUT, LogReader
from launchpad.subprocess.shim import LOG_LIMIT, log_limit
from launchpad.subprocess.state import RunFolder, StateFolder
from launchpad.subprocess.sweep_script import find
from tests.helping import channels, children, interrupts, is_running, until
from tests.subprocess.helping import pid_of, run_python

pytestmark = pytest.mark.skipif(not has_pidfd(), reason="detached runs need pidfd")

LAUNCHER = SubprocessLauncher(grace=0.5)

STARTER = """
import json, sys, attrs
from launchpad import Run, SubprocessLauncher
print(json.dumps(attrs.asdict(SubprocessLauncher(grace=0.5).start(Run(**json.loads(sys.argv[1]))))))
"""


def start_elsewhere(**fields: object) -> Handle:
    """Starts a run in another process, which has ended then."""
    starter = run_python(STARTER, json.dumps(fields))
    assert starter.stderr == ""
    return Handle(**json.loads(starter.stdout))


@pytest.fixture
def started() -> Iterator[list[Handle]]:
    """Handles, whose runs are stopped and removed after the test."""
    handles: list[Handle] = []
    yield handles
    for handle in handles:
        LAUNCHER.stop(handle)
        LAUNCHER.remove(handle)


def folder_of(handle: Handle) -> RunFolder:
    (folder,) = StateFolder().of(handle.run_id)
    return folder


def shim_of(handle: Handle) -> int:
    known = folder_of(handle).read("run.json")
    assert known is not None
    return int(known["shim"])


def recorded(handle: Handle) -> tuple[list[str], Outcome]:
    lines: list[str] = []
    outcome = LAUNCHER.wait(handle, on_output=lambda _, line: lines.append(line))
    return lines, outcome


def test_a_run_whose_starter_has_ended_has_its_exact_end_and_every_line(started: list[Handle]) -> None:
    started.append(start_elsewhere(command=["sh", "-c", "echo out; echo err >&2; sleep 0.5; echo end; exit 3"]))
    lines, outcome = recorded(started[0])
    assert (sorted(lines), outcome.exit_code, outcome.reason) == (["end", "err", "out"], 3, Reason.FAILED)
    assert outcome.ended_at is not None


def test_runs_whose_starters_were_killed_at_random_moments_are_found_with_their_true_ends() -> None:
    command = [sys.executable, "-m", "tests.subprocess.detached_runs", "10", "7"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=Path(__file__).parents[2])
    expected = "10 of 10 runs have their true exit status and every line once"
    assert found.stdout.splitlines()[-1:] == [expected], found.stdout + found.stderr


def test_a_signal_that_killed_the_run_is_its_exit_code(started: list[Handle]) -> None:
    started.append(start_elsewhere(command=["sh", "-c", "kill -9 $$"]))
    assert LAUNCHER.wait(started[0]).exit_code == -9


def test_the_shim_ends_a_run_at_its_time_out_with_all_its_processes(started: list[Handle]) -> None:
    script = "setsid sh -c 'echo $$; trap \"\" TERM; while :; do sleep 0.1; done' & sleep 600"
    started.append(start_elsewhere(command=["sh", "-c", script], timeout=1))
    lines, outcome = recorded(started[0])
    assert outcome.reason is Reason.TIMED_OUT
    assert not is_running(lines[0])


def test_a_run_that_another_process_has_stopped_is_stopped_for_every_waiter(started: list[Handle]) -> None:
    started.append(start_elsewhere(command=["sleep", "600"]))
    code = "import json, sys\nfrom launchpad import *\nSubprocessLauncher().stop(Handle(**json.loads(sys.argv[1])))"
    assert run_python(code, json.dumps(attrs.asdict(started[0]))).stderr == ""
    assert LAUNCHER.wait(started[0]).reason is Reason.STOPPED


def test_a_run_whose_shim_was_killed_goes_on_and_its_end_is_unknown(started: list[Handle]) -> None:
    started.append(LAUNCHER.start(Run(command=["sleep", "600"])))
    os.kill(shim_of(started[0]), signal.SIGKILL)
    with pytest.raises(TimeoutError):
        LAUNCHER.wait(started[0], 0.2)
    os.kill(pid_of(started[0]), signal.SIGKILL)
    outcome = LAUNCHER.wait(started[0])
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, None, Reason.UNKNOWN)


def test_a_run_whose_shim_was_killed_can_be_stopped(started: list[Handle]) -> None:
    started.append(start_elsewhere(command=["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]))
    os.kill(shim_of(started[0]), signal.SIGKILL)
    LAUNCHER.stop(started[0])
    assert not is_running(pid_of(started[0]))
    (listed,) = [run.outcome for run in LAUNCHER.list_runs() if run.handle == started[0]]
    assert listed is not None
    outcome = LAUNCHER.wait(started[0])
    assert (listed.reason, outcome.reason, outcome.output_complete) == (Reason.STOPPED, Reason.STOPPED, False)


def test_a_time_out_that_a_waiter_enforces_without_the_shim_is_recorded(started: list[Handle]) -> None:
    started.append(LAUNCHER.start(Run(command=["sleep", "600"], timeout=3)))
    os.kill(shim_of(started[0]), signal.SIGKILL)
    assert LAUNCHER.wait(started[0]).reason is Reason.TIMED_OUT
    (listed,) = [run.outcome for run in LAUNCHER.list_runs() if run.handle == started[0]]
    assert listed is not None
    assert listed.reason is Reason.TIMED_OUT


def test_a_detached_run_is_no_child_and_holds_no_descriptor_and_nothing_is_left_of_it(started: list[Handle]) -> None:
    before = {*channels(), *children()}
    started.append(LAUNCHER.start(Run(command=["true"])))
    processes = [shim_of(started[0]), pid_of(started[0])]
    assert {*channels(), *children()} == before
    until(lambda: not any(map(psutil.pid_exists, processes)))


def test_a_shim_takes_less_than_16_mb(started: list[Handle]) -> None:
    started.append(LAUNCHER.start(Run(command=["sleep", "600"])))
    assert psutil.Process(shim_of(started[0])).memory_info().rss < 16_000_000


def test_the_state_is_for_this_user_and_has_no_value_of_the_environment_and_no_parameter(
    started: list[Handle],
) -> None:
    run = Run(entrypoint="platform:python_version", parameters={}, env={"TOKEN": "s3cret-env"})
    started.append(LAUNCHER.start(attrs.evolve(run, parameters={"token": "s3cret-parameter"})))
    LAUNCHER.wait(started[0], on_output=lambda _, line: None)
    folder = folder_of(started[0]).path
    assert not any(path.stat().st_mode & 0o077 for path in (folder.parent, folder, *folder.iterdir()))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    del files["stderr"]  # a run may write anything
    assert files
    assert not any(b"s3cret" in content for content in files.values())


def test_a_stop_of_a_run_stops_the_detached_runs_that_it_has_started(started: list[Handle]) -> None:
    nested = f"import sys\nsys.argv.append('{json.dumps({'command': ['sleep', '600']})}')\n{STARTER}"
    outer = LAUNCHER.start(Run(command=[sys.executable, "-uc", f"{nested}\nimport time; time.sleep(600)"]))
    started.append(outer)
    until(lambda: list(LAUNCHER.logs(outer)))
    started.append(Handle(**json.loads(next(iter(LAUNCHER.logs(outer))))))
    LAUNCHER.stop(outer)
    assert LAUNCHER.wait(started[1]).reason is Reason.STOPPED


@pytest.mark.parametrize("grace", [0.0, 0.5])
def test_a_detached_run_that_the_watchdog_stops_with_its_outer_run_is_stopped(
    grace: float, started: list[Handle]
) -> None:
    nested = f"import sys\nsys.argv.append('{json.dumps({'command': ['sleep', '600']})}')\n{STARTER}"
    outer = [sys.executable, "-uc", f"{nested}\nimport time; time.sleep(600)"]
    code = f"from launchpad import *\nSubprocessLauncher(grace={grace}).submit(Run(command={outer!r}))"
    script = subprocess.Popen([sys.executable, "-uc", code], stdout=subprocess.PIPE, text=True)
    with script:
        assert script.stdout is not None
        started.append(Handle(**json.loads(script.stdout.readline())))
        script.kill()
    assert LAUNCHER.wait(started[0]).reason is Reason.STOPPED


def test_a_long_log_keeps_its_beginning_and_its_end(started: list[Handle]) -> None:
    starter = subprocess.run(
        [sys.executable, "-c", STARTER, json.dumps({"command": ["seq", "100000"]})],
        env={**os.environ, "LAUNCHPAD_LOG_LIMIT": "8000"},
        capture_output=True,
        text=True,
    )
    started.append(Handle(**json.loads(starter.stdout)))
    outcome = SubprocessLauncher(stream_output=False).wait(started[0])
    lines = list(LAUNCHER.logs(started[0]))
    assert (lines[0], lines[-1], outcome.ok, outcome.output_complete) == ("1", "100000", True, False)
    assert [line for line in lines if "left out" in line] == [LEFT_OUT.decode().strip()]
    assert sum(map(len, lines)) < 9000


def test_a_full_disk_loses_output_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "stdout").symlink_to("/dev/full")
    log = Log(os.fspath(tmp_path / "stdout"), 100)
    log.write(b"lost")
    assert log.lost


def test_a_log_is_read_while_it_is_written_in_parts(tmp_path: Path) -> None:
    log, reader = Log(os.fspath(tmp_path / "stdout"), 40), LogReader(tmp_path / "stdout")
    read = b""
    for number in range(10, 50):
        log.write(b"%d\n" % number)
        read += reader.read()
    reader.close()
    assert read.split() == [b"%d" % number for number in range(10, 50)]


def test_a_run_that_was_started_twice_has_two_handles(started: list[Handle]) -> None:
    run = Run(command=["sleep", "600"])
    started += [LAUNCHER.start(run), LAUNCHER.start(run)]
    LAUNCHER.stop(started[0])
    LAUNCHER.remove(started[0])
    assert [found.handle for found in LAUNCHER.list_runs() if found.run_id == run.id] == [started[1]]
    LAUNCHER.stop(started[1])
    LAUNCHER.remove(started[1])
    assert list(StateFolder().of(run.id)) == []


def test_a_folder_that_was_changed_is_no_run(started: list[Handle]) -> None:
    started.append(LAUNCHER.start(Run(command=["true"])))
    folder = folder_of(started[0]).path
    kept = (folder / "run.json").read_text()
    for changed in (
        "",
        "[]",
        "{}",
        kept.replace('"started_at": ', '"started_at": 1e300, "x": '),
        kept.replace('"pid": ', '"pid": "x", "x": '),
        kept.rstrip()[:-1],
    ):
        (folder / "run.json").write_text(changed)
        assert started[0].run_id not in [run.run_id for run in LAUNCHER.list_runs()]
    (folder / "run.json").unlink()
    (folder / "run.json").mkdir()
    assert started[0].run_id not in [run.run_id for run in LAUNCHER.list_runs()]
    (folder / "run.json").rmdir()
    (folder / "run.json").write_text(kept)
    assert started[0].run_id in [run.run_id for run in LAUNCHER.list_runs()]


def test_a_state_folder_that_cannot_be_made_is_an_error_that_says_what_to_set() -> None:
    with pytest.raises(LaunchError, match="XDG_STATE_HOME"):
        StateFolder(Path("/proc/no/such")).path_for("id")


def test_a_state_folder_that_cannot_be_listed_is_an_error_that_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", os.fspath(tmp_path / "file"))
    with pytest.raises(LaunchError, match=r"Not a directory\. Set XDG_STATE_HOME"):
        LAUNCHER.list_runs()


def test_a_run_that_was_removed_is_said_to_be() -> None:
    handle = LAUNCHER.start(Run(command=["true"]))
    LAUNCHER.wait(handle)
    LAUNCHER.remove(handle)
    with pytest.raises(RunNotFound, match="was removed"):
        LAUNCHER.wait(handle)


def test_the_launcher_that_stops_a_run_gives_the_grace(started: list[Handle]) -> None:
    patient = SubprocessLauncher(grace=600)
    started.append(patient.start(Run(command=["sh", "-c", "trap '' TERM; echo set; while :; do sleep 0.1; done"])))
    until(lambda: list(LAUNCHER.logs(started[0])))
    LAUNCHER.stop(started[0])  # returns
    assert LAUNCHER.wait(started[0]).reason is Reason.STOPPED


@pytest.mark.parametrize(("limit", "error"), [("0", "positive"), ("-1", "positive"), ("", None)])
def test_the_log_limit_is_positive_or_the_default(
    limit: str, error: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNCHPAD_LOG_LIMIT", limit)
    with nullcontext() if error is None else pytest.raises(LaunchError, match=error):
        assert log_limit() == LOG_LIMIT


def test_a_start_that_is_interrupted_leaves_no_run_and_no_folder() -> None:
    run = Run(command=["sleep", "600"])
    with interrupts(0.002), pytest.raises(KeyboardInterrupt):
        LAUNCHER.start(run)
    assert (list(StateFolder().of(run.id)), find([run.id])) == ([], {})
