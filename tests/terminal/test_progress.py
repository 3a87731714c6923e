"""`progress` on a terminal."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from .screen import Terminal, python

RUNS = """
import sys
from launchpad import LaunchExecutor, Run, SubprocessLauncher, progress

def runs(count, script="echo line $N; exit $((N % 5 == 4))"):
    for number in range(count):
        yield Run(command=["sh", "-c", script], name=f"run {number}", env={"N": number})
"""

TWENTY = (
    RUNS
    + """
with LaunchExecutor(SubprocessLauncher(), 4) as executor:
    for future in progress(executor.launch_all(runs(20))):
        print("seen", future.run.name)
print("over")
"""
)


def test_lines_failures_and_prints_are_all_whole_and_above_the_bar() -> None:
    with Terminal(python(TWENTY)) as terminal:
        lines = terminal.end()
    assert {line for line in lines if " | " in line} == {f"run {n} | line {n}" for n in range(20)}
    assert sorted(line for line in lines if line.startswith("seen")) == sorted(f"seen run {n}" for n in range(20))
    failed = {f"run {n}: failed: Exited with status 1." for n in (4, 9, 14, 19)}
    assert {line for line in lines if "failed:" in line} == failed
    assert re.fullmatch(r"20 runs: 16 succeeded, 4 failed in 0:\d\d(, .*)?", lines[-2])
    assert lines[-1] == "over"
    assert len(lines) == 46  # and there is no bar among them


def test_the_bar_is_updated_at_the_bottom_of_the_screen() -> None:
    script = RUNS + (
        "with LaunchExecutor(SubprocessLauncher(grace=0), 4) as executor:\n"
        "    futures = executor.launch_all(runs(6, 'echo line $N; exec sleep 60'))\n"
        "    with progress(futures):\n"
        "        input()\n"
        "    executor.stop()\n"
    )
    with Terminal(python(script)) as terminal:
        seen = terminal.until(lambda lines: len(lines) > 4 and "4 running" in lines[-1])
        assert re.search(r"━* +0/6  4 running  2 queued  0:\d\d$", seen[-1])
        assert sorted(seen[:-1]) == [f"run {n} | line {n}" for n in range(4)]
        terminal.press("\n")
        assert "6 runs: 4 still running, 2 still queued in 0:0" in "\n".join(terminal.end())


@pytest.mark.parametrize("columns", [10, 20, 40, 80])
def test_a_narrow_terminal_shows_what_fits_on_one_line(columns: int) -> None:
    with Terminal(python(TWENTY.replace("echo line $N; ", "")), columns=columns) as terminal:
        lines = terminal.end()
    assert not [line for line in lines if "━" in line or "/20" in line]
    assert lines[-1] == "over"


def test_the_bar_and_the_names_of_runs_have_colours() -> None:
    with Terminal(python(TWENTY)) as terminal:
        terminal.end()
        assert terminal.colours() >= {"red", "green", "cyan", "brown", "magenta"}


def test_colours_can_be_disabled() -> None:
    with Terminal(python(TWENTY), env={"NO_COLOR": "1"}) as terminal:
        terminal.end()
        assert terminal.colours() == set()


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_a_terminal_without_cursor_movement_shows_no_bar(term: str) -> None:
    with Terminal(python(TWENTY), env={"TERM": term}) as terminal:
        lines = terminal.end()
    assert "\x1b" not in terminal.raw
    assert len(lines) == 41


def test_lines_that_go_to_a_file_are_those_of_the_runs_and_the_bar_stays_on_the_terminal(tmp_path: Path) -> None:
    file = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    try:
        with Terminal(python(TWENTY), stdout=file) as terminal:
            lines = terminal.end()
    finally:
        os.close(file)
    assert len((tmp_path / "out").read_text().splitlines()) == 41
    assert "\x1b" not in (tmp_path / "out").read_text()
    assert [line for line in lines if line.startswith("20 runs: ")]


def test_names_of_any_script_are_shown_and_commands_to_the_terminal_are_not() -> None:
    script = RUNS + (
        "names = ['漢字かな', 'שלום עולם', 'naïve', 'a\\x1b[2J\\x1b[Hb', 'x\\u202ey', 'two\\nlines', '\\a\\r']\n"
        "with LaunchExecutor(SubprocessLauncher(), 1) as executor:\n"
        "    futures = [executor.submit(Run(command=['false'], name=name)) for name in names]\n"
        "    for future in progress(futures):\n"
        "        pass\n"
    )
    with Terminal(python(script)) as terminal:
        lines = terminal.end()
    shown = [line.partition(":")[0] for line in lines if "failed: Exited" in line]
    assert shown[2:] == ["naïve", "a\\x1b[2J\\x1b[Hb", "x\\u202ey", "two lines", "\\x07"]
    assert shown[0].replace(" ", "") == "漢字かな"  # a wide character is followed by an empty cell
    assert shown[1] == "שלום עולם"


def test_lines_of_runs_on_either_stream_stay_whole() -> None:
    script = RUNS + (
        "count = 'i=0; while [ $i -lt 200 ]; do echo out $N $i; echo err $N $i >&2; i=$((i + 1)); done'\n"
        "with LaunchExecutor(SubprocessLauncher(), 4) as executor:\n"
        "    list(progress(executor.launch_all(runs(4, count))))\n"
    )
    with Terminal(python(script)) as terminal:
        lines = terminal.end()
    expected = {f"run {n} | {stream} {n} {i}" for stream in ("out", "err") for n in range(4) for i in range(200)}
    assert set(lines[:-1]) == expected
    assert len(lines) == 1601


def test_a_closed_terminal_affects_no_run(tmp_path: Path) -> None:
    script = RUNS + (
        "import signal, time\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with LaunchExecutor(SubprocessLauncher(), 4) as executor:\n"
        "    futures = executor.launch_all(runs(4, f'while [ ! -e {sys.argv[1]}/go ]; do sleep 0.02; done; echo $N'))\n"
        "    done = [future.result() for future in progress(futures)]\n"
        "open(f'{sys.argv[1]}/done', 'w').write(str(done))\n"
    )
    with Terminal([*python(script), str(tmp_path)]) as terminal:
        terminal.until(lambda lines: "0/4" in "".join(lines))
        terminal.hang_up()
        (tmp_path / "go").touch()
        terminal.wait()
    assert (tmp_path / "done").read_text() == "[True, True, True, True]"


def test_a_closed_stderr_shows_no_bar(tmp_path: Path) -> None:
    script = "import os, sys\nsys.stderr.close()\n" + TWENTY
    with Terminal(python(script)) as terminal:
        lines = terminal.end()
    assert len(lines) == 41
    assert terminal.wait() == 0


def test_an_executor_shows_all_its_runs() -> None:
    script = RUNS + (
        "with LaunchExecutor(SubprocessLauncher(), 4, progress=True) as executor:\n"
        "    executor.launch_all(runs(10))\n"
        "    executor.submit(print, 'a call')\n"
    )
    with Terminal(python(script)) as terminal:
        lines = terminal.end()
    assert lines[-1].startswith("10 runs: 8 succeeded, 2 failed in 0:0")
    assert len(lines) == 14


def test_an_executor_that_is_not_shut_down_ends_its_bar_with_its_runs() -> None:
    script = RUNS + "executor = LaunchExecutor(SubprocessLauncher(), 4, progress=True)\nexecutor.launch_all(runs(10))\n"
    with Terminal(python(script)) as terminal:
        lines = terminal.end()
        assert terminal.wait() == 0
    assert lines[-1].startswith("10 runs: 8 succeeded, 2 failed in 0:0")


@pytest.mark.parametrize("use", ["progress([])", "LaunchExecutor(SubprocessLauncher(), progress=True)"])
def test_without_rich_the_error_says_what_to_install(use: str) -> None:
    with Terminal(python(f"import sys\nsys.modules['rich'] = None\n{RUNS}\n{use}"), columns=200) as terminal:
        lines = terminal.end()
    assert lines[-1].endswith("LaunchError: Showing progress needs the package rich: pip install 'launchpad-runs[cli]'")


def test_a_stdout_that_raises_affects_no_run() -> None:
    script = RUNS + (
        "class Broken:\n"
        "    def write(self, text):\n"
        "        raise OSError('no room')\n"
        "    def flush(self):\n"
        "        pass\n"
        "sys.stdout = Broken()\n"
        "with LaunchExecutor(SubprocessLauncher(), 4) as executor:\n"
        "    done = [future.result() for future in progress(executor.launch_all(runs(2)))]\n"
        "print(done, file=sys.stderr)\n"
    )
    with Terminal(python(script)) as terminal:
        lines = terminal.end()
    assert lines[-1] == "[True, True]"
    assert sum("cannot be passed on in full: OSError: no room" in line for line in lines) == 2
