"""Ctrl-C and other signals stop the runs of the command line."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import pytest

from tests.helping import is_running, until

from .command import COMMAND, TIMEOUT, launchpad, started

POLITE = [
    sys.executable,
    "-uSc",
    "import os, signal as s, sys; s.signal(15, lambda *_: sys.exit('bye')); print(os.getpid()); s.pause()",
]
STUBBORN = ["sh", "-c", "trap '' TERM; echo $$; exec sleep 3600"]


def test_ctrl_c_stops_the_run_and_shows_its_last_output() -> None:
    with started("run", "--", *POLITE) as it:
        pid = int(it.stdout.readline())
        it.signal(signal.SIGINT)
        assert "bye" in it.stderr.read().splitlines()  # before or after the words of launchpad, from another thread
        assert it.status() == 130
    assert not is_running(pid)


def test_a_second_ctrl_c_kills_the_run() -> None:
    with started("run", "--set", "grace=3600", "--", *STUBBORN) as it:
        pid = int(it.stdout.readline())
        it.signal(signal.SIGINT)
        assert it.stderr.readline() == "launchpad: stopping; press Ctrl-C again to kill what still runs\n"
        it.signal(signal.SIGINT)
        assert it.status() == 130
    assert not is_running(pid)


def test_sigterm_stops_the_run_and_exits_with_143() -> None:
    with started("run", "--", *POLITE) as it:
        pid = int(it.stdout.readline())
        it.signal(signal.SIGTERM)
        assert it.status() == 143
        assert it.stderr.read() == "bye\n"
    assert not is_running(pid)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("command", ["run", "batch"])
def test_a_signal_stops_the_runs_while_the_pipe_for_their_output_is_full(
    command: str, number: signal.Signals, status: int, tmp_path: Path
) -> None:
    shell = ["sh", "-c", "echo $$; exec yes"]
    file = tmp_path / "runs.jsonl"
    file.write_text(json.dumps({"command": shell}))
    with started(command, *(["--", *shell] if command == "run" else [str(file)])) as it:
        pid = int(it.stdout.readline().rpartition("| ")[2])
        until(lambda: is_full(it.stdout))
        it.signal(number)
        assert it.status() == status
        assert "The last output of run 'sh' is lost" in it.stderr.read()
    assert not is_running(pid)


def is_full(pipe: TextIO) -> bool:
    """Whether a pipe takes no more, seen from its end to read from."""
    writing = os.open(f"/proc/self/fd/{pipe.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        poll = select.poll()
        poll.register(writing, select.POLLOUT)
        return not poll.poll(0)
    finally:
        os.close(writing)


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    script = "trap '' HUP; \"$@\""
    done = launchpad("run", "--", "sh", "-c", "kill -HUP $PPID; echo on", shell=script)
    assert (done.returncode, done.stdout) == (0, "on\n")


def test_ctrl_c_stops_a_batch_and_reports_every_run(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    file.write_text((json.dumps({"command": POLITE}) + "\n") * 2 + '{"command": ["echo", "never"]}\n' * 3)
    with started("batch", str(file), "--workers", "2") as it:
        pids = [int(it.stdout.readline().rpartition("| ")[2]) for _ in range(2)]
        it.signal(signal.SIGINT)
        assert it.status() == 130
        words = it.stderr.read()
    assert not any(is_running(pid) for pid in pids)
    assert [line.split()[:2] for line in words.splitlines()[-2:]] == [["cancelled", "3"], ["stopped", "2"]]


def test_a_second_ctrl_c_kills_a_batch(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    file.write_text((json.dumps({"command": STUBBORN}) + "\n") * 2)
    with started("batch", str(file), "--set", "grace=3600") as it:
        pids = [int(it.stdout.readline().rpartition("| ")[2]) for _ in range(2)]
        it.signal(signal.SIGINT)
        it.stderr.readline()
        it.signal(signal.SIGINT)
        assert it.status() == 130
    assert not any(is_running(pid) for pid in pids)


@pytest.mark.parametrize("last", ["exit 3", "exec sleep 3600"])
def test_ctrl_c_ends_a_batch_whose_stderr_nobody_reads(tmp_path: Path, last: str) -> None:
    file, begun, results = (tmp_path / name for name in ("runs.jsonl", "begun", "results"))
    file.write_text((json.dumps({"command": ["sh", "-c", f"echo >> {begun}; {last}"]}) + "\n") * 5)
    awaited = results if last == "exit 3" else begun
    with (
        full_pipe() as stderr,
        results.open("w") as stdout,
        subprocess.Popen([*COMMAND, "batch", str(file), "--json"], stdout=stdout, stderr=stderr) as process,
    ):
        try:
            until(lambda: awaited.exists() and awaited.read_text().count("\n") == 5)
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT) == 130
        finally:
            process.kill()
    assert results.read_text().count("\n") == 5


@contextmanager
def full_pipe() -> Iterator[int]:
    """The end to write to of a pipe that is full and that nobody reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    os.set_blocking(writing, True)
    try:
        yield writing
    finally:
        os.close(writing)
        os.close(reading)
