"""`launchpad run` on a terminal."""

from __future__ import annotations

import signal

from .screen import Terminal, launchpad


def test_the_output_of_a_run_is_shown_as_it_is() -> None:
    script = "printf '\\033[31mred\\033[0m\\n'; echo 漢字 שלום; echo err >&2"
    with Terminal(launchpad("run", "--", "sh", "-c", script)) as terminal:
        lines = terminal.end()
        assert terminal.wait() == 0
        assert terminal.colours() == {"red"}
    assert sorted(line.replace(" ", "") for line in lines) == sorted(["red", "漢字שלום", "err"])


def test_a_failure_line_has_no_control_characters() -> None:
    with Terminal(launchpad("run", "--name", "x\x1b[2J\u202e", "--timeout", "0.2", "--", "sleep", "60")) as terminal:
        lines = terminal.end()
        assert terminal.wait() == 124
    assert lines[0].startswith("launchpad: x\\x1b[2J\\u202e: timed_out: ")
    assert "\x1b" not in terminal.raw


def test_ctrl_c_stops_the_run_and_a_second_one_kills_it() -> None:
    stubborn = "trap 'echo asked' TERM; echo ready; while :; do sleep 0.05; done"
    with Terminal(launchpad("run", "--set", "grace=600", "--", "sh", "-c", stubborn)) as terminal:
        terminal.until(lambda lines: "ready" in lines)
        terminal.press("\x03")
        terminal.until(lambda lines: any(line.endswith("asked") for line in lines))  # it may follow the "^C"
        terminal.press("\x03")
        terminal.end()
        assert terminal.wait() == 128 + signal.SIGINT
