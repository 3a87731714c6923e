"""Handles of local processes that were changed or made up: nothing of others is waited for, stopped or removed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
import pytest

from launchpad import Handle, LaunchError, Run, RunNotFound, SubprocessLauncher
from launchpad.subprocess.proctable import look_up

LAUNCHER = SubprocessLauncher(stream_output=False, grace=0)
ASKS: list[Callable[[Handle], object]] = [lambda handle: LAUNCHER.wait(handle, 0), LAUNCHER.stop, LAUNCHER.remove]


def handle_of(id_: str, run_id: str = "an-id") -> Handle:
    return Handle("subprocess", id_, "odd", os.uname().nodename, run_id)


def id_of(pid: int) -> str:
    entry = look_up(pid)
    assert entry is not None
    return f"{pid}@{entry.started}"


@contextmanager
def process(run_id: str | None, *, leads: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, **({} if run_id is None else {"LAUNCHPAD_RUN_ID": run_id})}
    with subprocess.Popen(["sleep", "60"], start_new_session=leads, env=env) as started:
        try:
            yield started
        finally:
            started.kill()


MALFORMED = [
    *("", "@", "12", "12@", "@12", "x@1", "²@1", "\u0661@\u0661", "-5@1", "+5@1", "0@1", "1@1", "01@1", " 5@1", "5 @1"),
    *("5@1\n", "5@x", "5@-1", "5@1e9", "../5@1", "5@1/..", "5@1?", "5@1%2e", "4294967296@1", "5\0@1", "5@1@1"),
    *("9" * 400 + "@1", "5@" + "9" * 400),
]


@pytest.mark.parametrize("id_", MALFORMED)
@pytest.mark.parametrize("ask", ASKS, ids=["wait", "stop", "remove"])
def test_an_id_of_another_form_is_an_error_of_one_short_line(ask: Callable[[Handle], object], id_: str) -> None:
    with pytest.raises(RunNotFound, match=r"pid@start time") as caught:
        ask(handle_of(id_))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("run_id", [None, "", "an-id-of-another", "an-id\n"])
@pytest.mark.parametrize("ask", ASKS, ids=["wait", "stop", "remove"])
def test_a_process_of_another_run_is_left_alone(ask: Callable[[Handle], object], run_id: str | None) -> None:
    with process(run_id) as other:
        with pytest.raises(RunNotFound, match="is not that of run 'an-id'"):
            ask(handle_of(id_of(other.pid)))
        assert other.poll() is None


@pytest.mark.parametrize("ask", ASKS, ids=["wait", "stop", "remove"])
def test_a_process_that_leads_no_group_is_left_alone(ask: Callable[[Handle], object]) -> None:
    with process("an-id", leads=False) as member:
        with pytest.raises(RunNotFound, match="is not that of run"):
            ask(handle_of(id_of(member.pid)))
        assert member.poll() is None


@pytest.mark.parametrize("pid", [os.getppid, os.getpid, lambda: os.getsid(0)], ids=["parent", "own", "session"])
@pytest.mark.parametrize("ask", ASKS, ids=["wait", "stop", "remove"])
def test_this_process_and_those_before_it_are_never_runs(
    ask: Callable[[Handle], object], pid: Callable[[], int]
) -> None:
    if pid() > 1:
        with pytest.raises(RunNotFound):
            ask(handle_of(id_of(pid()), os.environ.get("LAUNCHPAD_RUN_ID", "")))


ASK_FOR_ITS_OWN_RUN = """
import os
from launchpad import Handle, RunNotFound, SubprocessLauncher
from launchpad.subprocess.proctable import look_up
pid = os.getpid()
assert os.getsid(0) == os.getpgid(0) == pid
id_, run_id = f"{pid}@{look_up(pid).started}", os.environ["LAUNCHPAD_RUN_ID"]
handle = Handle("subprocess", id_, "me", os.uname().nodename, run_id)
try:
    SubprocessLauncher().stop(handle)
except RunNotFound:
    print("refused")
"""


def test_a_run_cannot_stop_itself_by_its_handle() -> None:
    lines: list[str] = []
    run = Run(command=[sys.executable, "-c", ASK_FOR_ITS_OWN_RUN])
    assert SubprocessLauncher().submit(run, on_output=lambda _, line: lines.append(line))
    assert lines == ["refused"]


def test_a_run_that_another_process_started_is_stopped_by_its_handle() -> None:
    with process("an-id") as ours:
        LAUNCHER.stop(handle_of(id_of(ours.pid)))
        assert ours.wait(10) == -15


def test_a_handle_whose_run_id_was_changed_is_refused_although_its_process_is_a_run() -> None:
    handle = LAUNCHER.start(Run(command=["sleep", "60"]))
    with pytest.raises(LaunchError, match="is not that of run 'x'"):
        LAUNCHER.stop(attrs.evolve(handle, run_id="x"))
    with pytest.raises(TimeoutError):
        LAUNCHER.wait(handle, 0)
    LAUNCHER.stop(handle)


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "n" * 10_000, "\x1b[31m"])
def test_any_name_in_a_handle_is_accepted(name: str) -> None:
    with process("an-id") as ours:
        handle = attrs.evolve(handle_of(id_of(ours.pid)), name=name)
        with pytest.raises(TimeoutError):
            LAUNCHER.wait(handle, 0)
        LAUNCHER.stop(handle)
