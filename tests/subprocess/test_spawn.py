"""A run starts with no signal blocked or ignored, and its words arrive whatever the locale is."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchpad import LaunchError, Outcome, Run, SubprocessLauncher

from .helping import run_python

NO_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(params=["nothing", "a blocked signal", "ignored signals"])
def inherited(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a child inherits if nothing is done about it."""
    ignored = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if request.param == "ignored signals" else ()
    handlers = [(number, signal.signal(number, signal.SIG_IGN)) for number in ignored]
    blocked = {signal.SIGTERM, signal.SIGUSR1} if request.param == "a blocked signal" else set()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    for number, handler in handlers:
        signal.signal(number, handler)


def launched(*command: str, working_dir: Path | None = None, **env: str) -> tuple[Outcome, list[str]]:
    lines: list[str] = []
    run = Run(command=list(command), working_dir=working_dir, env=env, timeout=20)
    return SubprocessLauncher(grace=5).launch(run, on_output=lambda _, line: lines.append(line)), lines


@pytest.mark.usefixtures("inherited")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_signal_is_blocked_or_ignored_in_a_run() -> None:
    _, lines = launched("grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status")
    of_the_c_library = 1 << 31 | 1 << 32
    assert [int(line.split()[1], 16) & ~of_the_c_library for line in lines] == [0, 0]


@pytest.mark.usefixtures("inherited")
def test_a_run_ends_at_sigterm() -> None:
    outcome = SubprocessLauncher(stream_output=False, grace=60).launch(Run(command=["sleep", "60"], timeout=0.1))
    assert outcome.exit_code == -signal.SIGTERM


@pytest.mark.usefixtures("inherited")
def test_a_run_has_its_working_directory_its_environment_and_both_streams(tmp_path: Path) -> None:
    outcome, lines = launched("sh", "-c", "pwd; echo $A; echo err >&2", working_dir=tmp_path, A="ä")
    assert (outcome.exit_code, sorted(lines)) == (0, sorted([str(tmp_path), "ä", "err"]))


@pytest.mark.usefixtures("inherited")
def test_a_run_has_its_input() -> None:
    lines: list[str] = []
    run = Run(command=["cat"], stdin="text", timeout=20)
    SubprocessLauncher().submit(run, on_output=lambda _, line: lines.append(line))
    assert lines == ["text"]


@pytest.mark.usefixtures("inherited")
@pytest.mark.parametrize("in_folder", [True, False])
@pytest.mark.parametrize(
    ("program", "message"),
    [("nowhere", "was not found on PATH"), ("/etc/passwd", "not executable"), ("/", "directory")],
)
def test_a_program_that_cannot_be_started_is_a_launch_error(
    program: str, message: str, in_folder: bool, tmp_path: Path
) -> None:
    with pytest.raises(LaunchError, match=message):
        launched(program, working_dir=tmp_path if in_folder else None)


@pytest.mark.parametrize("blocked", ["", "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])"])
def test_words_that_the_locale_lacks_are_passed_in_utf_8(
    blocked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in NO_LOCALE.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "ö").mkdir()
    code = f"""
import signal, sys
from launchpad import Run, SubprocessLauncher
{blocked}
folder = {str(tmp_path).encode()!r}.decode() + "/\\N{{LATIN SMALL LETTER O WITH DIAERESIS}}"
words = ["sh", "-c", 'echo "$0 $A"; basename "$PWD"', "na\\N{{LATIN SMALL LETTER I WITH DIAERESIS}}ve"]
lines = []
run = Run(command=words, working_dir=folder, env={{"A": "\\N{{EURO SIGN}}"}})
SubprocessLauncher().submit(run, on_output=lambda _, line: lines.append(line))
print(ascii(lines))
"""
    done = run_python(code)
    assert (done.stdout, done.stderr) == (ascii(["naïve €", "ö"]) + "\n", "")


@pytest.mark.parametrize("value", [None, "", "/usr/sbin/uwsgi", "/nowhere/bin/python3"])
def test_without_an_interpreter_the_error_says_to_set_a_virtualenv(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", value)
    with pytest.raises(LaunchError, match="Set `virtualenv`"):
        SubprocessLauncher().submit(Run(entrypoint="os:getpid"))
    assert SubprocessLauncher().submit(Run(command=["true"]))


def test_a_command_and_a_function_run_where_the_working_directory_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "removed").mkdir()
    monkeypatch.chdir(tmp_path / "removed")
    (tmp_path / "removed").rmdir()
    assert SubprocessLauncher().submit(Run(command=["true"]))
    assert SubprocessLauncher().submit(Run(entrypoint="os:getpid"))
    with pytest.raises(LaunchError, match=r"'venv' .* working directory was removed\. Give an absolute path"):
        SubprocessLauncher(virtualenv="venv").submit(Run(command=["true"]))


GEVENT = """
from gevent import monkey
monkey.patch_all({options})
{used}
from launchpad import LaunchExecutor, Run, SubprocessLauncher
import gevent, time
ticks = []
def tick():
    while True:
        gevent.sleep(0.01)
        ticks.append(1)
gevent.spawn(tick)
with LaunchExecutor(SubprocessLauncher(stream_output={output}, grace=5), 4) as executor:
    futures = executor.launch_all(Run(command=["sh", "-c", "sleep 0.2; exit 3"]) for _ in range(8))
    stopped = executor.submit(Run(command=["sleep", "60"], timeout=0.5))
print([str(future.exception() or future.outcome.exit_code) for future in (*futures, stopped)], len(ticks) > 5)
"""


@pytest.mark.parametrize("output", [True, False])
@pytest.mark.parametrize("options", ["", "subprocess=False", "subprocess=False, os=False"])
def test_with_gevent_results_are_right_and_its_other_tasks_go_on(options: str, output: bool) -> None:
    pytest.importorskip("gevent")
    done = run_gevent(GEVENT.format(options=options, output=output, used=""))
    assert done == f"{['3'] * 8 + ['-15']} True\n"


def test_where_gevent_takes_the_exit_statuses_of_all_children_launches_are_refused() -> None:
    pytest.importorskip("gevent")
    done = run_gevent(GEVENT.format(options="", output=False, used="import subprocess; subprocess.run(['true'])"))
    assert done.count("takes the exit statuses of all child processes. Leave these modules unpatched") == 9


def run_gevent(code: str) -> str:
    done = run_python("import warnings; warnings.simplefilter('ignore')\n" + code)
    return done.stdout or done.stderr
