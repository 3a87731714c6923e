"""A stop reaches every process of a run, also those that have left its process group, and no other."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import wait
from pathlib import Path

import pytest

from launchpad import LaunchExecutor, LaunchFuture, Reason, Run, SubprocessLauncher
from launchpad.subprocess.sweep_script import find
from tests.helping import TIMEOUT, is_running, until
from tests.subprocess.sandbox import cgroup_root

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

ESCAPES = {
    "a session of its own": "setsid sh -c 'echo $$ >> pids; exec sleep 600' &",
    "an orphan": "(setsid sh -c 'echo $$ >> pids; exec sleep 600' &)",
    "a group below": "setsid sh -c 'setsid sh -c \"echo \\$\\$ >> pids; exec sleep 600\" & echo $$ >> pids; wait' &",
    "one that ignores SIGTERM": "setsid sh -c 'trap \"\" TERM; echo $$ >> pids; while :; do sleep 0.1; done' &",
    "another name": "setsid sh -c 'echo $$ >> pids; exec -a somebody sleep 600' &",
}


def escaped(folder: Path, count: int = 1) -> list[int]:
    """The pids of the processes that have left the group."""
    file = folder / "pids"
    until(lambda: file.exists() and len(file.read_text().split()) >= count)
    return [int(pid) for pid in file.read_text().split()]


def run_that(escape: str, folder: Path, **settings: float) -> Run:
    return Run(command=["bash", "-c", f"{escape}\nsleep 600"], working_dir=folder, **settings)


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
def test_a_cancelled_run_leaves_no_process_that_has_left_its_group(escape: str, tmp_path: Path) -> None:
    with LaunchExecutor(SubprocessLauncher(grace=1), 1) as executor:
        future = executor.submit(run_that(escape, tmp_path))
        pids = escaped(tmp_path, escape.count(">> pids"))
        future.cancel()
    assert future.cancelled()
    assert not any(map(is_running, pids))


def test_a_run_that_times_out_leaves_no_process_that_has_left_its_group(tmp_path: Path) -> None:
    outcome = SubprocessLauncher(grace=1).launch(run_that(ESCAPES["an orphan"], tmp_path, timeout=5))
    assert outcome.reason is Reason.TIMED_OUT
    assert not any(map(is_running, escaped(tmp_path)))


def test_a_process_that_has_left_the_group_gets_its_grace(tmp_path: Path) -> None:
    polite = "setsid sh -c 'trap \"echo asked > asked; exit\" TERM; echo $$ >> pids; while :; do sleep 0.05; done' &"
    with LaunchExecutor(SubprocessLauncher(grace=TIMEOUT), 1) as executor:
        future = executor.submit(run_that(polite, tmp_path))
        escaped(tmp_path)
        future.cancel()
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_a_run_that_ends_normally_leaves_its_background_processes_as_a_shell_does(tmp_path: Path) -> None:
    assert SubprocessLauncher().submit(Run(command=["bash", "-c", ESCAPES["an orphan"]], working_dir=tmp_path))
    (pid,) = escaped(tmp_path)
    assert is_running(pid)
    subprocess.run(["kill", str(pid)], check=True)


def test_a_process_of_another_run_is_not_touched(tmp_path: Path) -> None:
    launcher = SubprocessLauncher(grace=1)
    folders = [tmp_path / "stopped", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    with LaunchExecutor(launcher, 2) as executor:
        stopped, other = [executor.submit(run_that(ESCAPES["an orphan"], folder)) for folder in folders]
        pids = [escaped(folder)[0] for folder in folders]
        stopped.cancel()
        wait([stopped])
        assert [is_running(pid) for pid in pids] == [False, True]
        other.cancel()


def test_a_stop_reaches_what_a_nested_launchpad_has_started(tmp_path: Path) -> None:
    script = (
        "from launchpad import Run, SubprocessLauncher\n"
        "SubprocessLauncher().submit(Run(command=['sh', '-c', 'echo $$ >> pids; exec sleep 600']))\n"
    )
    with LaunchExecutor(SubprocessLauncher(grace=1), 1) as executor:
        future = executor.submit(Run(command=[sys.executable, "-c", script], working_dir=tmp_path))
        (pid,) = escaped(tmp_path)
        future.cancel()
    assert not is_running(pid)


def test_many_runs_that_are_stopped_together_are_all_swept(tmp_path: Path) -> None:
    futures: list[LaunchFuture] = []
    with LaunchExecutor(SubprocessLauncher(grace=1), 40) as executor:
        for number in range(40):
            folder = tmp_path / str(number)
            folder.mkdir()
            futures.append(executor.submit(run_that(ESCAPES["an orphan"], folder)))
        pids = [escaped(tmp_path / str(number))[0] for number in range(40)]
        executor.stop()
    assert not any(map(is_running, pids))


def test_an_empty_id_stands_for_no_run(tmp_path: Path) -> None:
    with LaunchExecutor(SubprocessLauncher(grace=1), 1) as executor:
        future = executor.submit(run_that(ESCAPES["an orphan"], tmp_path))
        assert escaped(tmp_path)
        assert find([""]) == {}
        future.cancel()


@pytest.mark.alone
@pytest.mark.skipif(cgroup_root() is None, reason="needs the right to make a cgroup that limits pids")
def test_no_process_of_a_generated_tree_survives(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.subprocess.sandbox", "200", "-m", "tests.subprocess.trees", "30", "7"]
    trees = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=Path(__file__).parents[2])
    assert trees.stdout.splitlines()[-1] == "30 trees, 0 failures", trees.stdout + trees.stderr
