"""Whether the process that started a run is alive."""

from __future__ import annotations

import os
import subprocess
import sys

import attrs
import pytest

from launchpad.core.process_table import look_up
from launchpad.core.starters import Liveness, liveness_of, this_process


def test_this_process_is_alive() -> None:
    assert liveness_of(str(this_process())) is Liveness.ALIVE


def test_a_process_that_has_ended_is_gone_also_before_it_is_reaped() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        entry = look_up(process.pid)
        assert entry is not None
        starter = str(attrs.evolve(this_process(), pid=process.pid, started=entry.started))
        assert liveness_of(starter) is Liveness.ALIVE
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert liveness_of(starter) is Liveness.GONE
    assert liveness_of(starter) is Liveness.GONE


def test_another_process_that_has_the_pid_now_is_not_the_starter() -> None:
    assert liveness_of(str(attrs.evolve(this_process(), started="1"))) is Liveness.GONE


@pytest.mark.parametrize("other", [{"host": "elsewhere"}, {"boot": "another"}, {"boot": ""}])
def test_a_process_of_another_host_or_boot_may_be_alive(other: dict[str, str]) -> None:
    assert liveness_of(str(attrs.evolve(this_process(), pid=2**22 + 1, **other))) is Liveness.UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "me",
        "a/b/c/d",
        "a/b/0/1",
        "a/b/-1/1",
        f"a/b/{2**40}/1",
        "a/b/1/1/1",
        "a/b/१/1",
        "\x1b[2J",
        "a/b/1/1\n",
    ],
)
def test_text_of_another_form_identifies_no_process(text: str | None) -> None:
    assert liveness_of(text) is Liveness.UNKNOWN
