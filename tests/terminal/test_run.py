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


def test_interactive_reads_what_is_typed_until_ctrl_d() -> None:
    with Terminal(launchpad("run", "-i", "--", "sh", "-c", "echo ready; cat; echo end")) as terminal:
        terminal.until(lambda lines: "ready" in lines)
        terminal.press("typed\r")
        terminal.until(lambda lines: lines.count("typed") == 2)  # its echo, and what the run writes
        terminal.press("\x04")
        assert "end" in terminal.end()
        assert terminal.wait() == 0


def test_ctrl_c_stops_a_run_that_reads_the_terminal() -> None:
    with Terminal(launchpad("run", "-i", "--", "sh", "-c", "echo ready; cat")) as terminal:
        terminal.until(lambda lines: "ready" in lines)
        terminal.press("\x03")
        terminal.end()
        assert terminal.wait() == 128 + signal.SIGINT


def test_interactive_in_the_background_waits_for_the_foreground() -> None:
    shell = 'set -m; "$@" & wait; jobs; fg; echo "status $?"'
    with Terminal(["bash", "-c", shell, "bash", *launchpad("run", "-i", "--", "cat")]) as terminal:
        terminal.until(lambda lines: any("Stopped" in line for line in lines))
        terminal.press("typed\r")
        terminal.until(lambda lines: lines.count("typed") == 2)
        terminal.press("\x04")
        assert "status 0" in terminal.end()
