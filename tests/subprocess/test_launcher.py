"""`SubprocessLauncher`: errors of a start, the environment and the outcome of a run."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from launchpad import LaunchError, Reason, Run, SubprocessLauncher
from tests.helping import lines_of


def program(path: Path, text: str) -> Path:
    """Writes an executable file."""
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_failed_run_has_its_exit_status_in_the_outcome(quiet: SubprocessLauncher) -> None:
    outcome = quiet.launch(Run(command=["sh", "-c", "exit 7"]))
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, 7, Reason.FAILED)
    assert "7" in outcome.message


def test_the_exit_code_of_a_run_that_a_signal_ended_is_negative(quiet: SubprocessLauncher) -> None:
    outcome = quiet.launch(Run(command=["sh", "-c", "kill -SEGV $$"]))
    assert outcome.exit_code == -signal.SIGSEGV
    assert "SIGSEGV" in outcome.message


@pytest.mark.parametrize("script", ["kill -KILL $$", "exit 137"])
def test_a_kill_that_launchpad_did_not_send_hints_at_memory(quiet: SubprocessLauncher, script: str) -> None:
    assert "memory" in quiet.launch(Run(command=["sh", "-c", script])).hint


def test_the_error_for_an_unknown_program_names_it(quiet: SubprocessLauncher) -> None:
    with pytest.raises(LaunchError, match=r"'no-such-program'.*PATH"):
        quiet.submit(Run(command=["no-such-program"]))


def test_the_error_for_a_file_without_execute_permission_says_so(quiet: SubprocessLauncher, tmp_path: Path) -> None:
    program = tmp_path / "script"
    program.write_text("echo hello")
    with pytest.raises(LaunchError, match="not executable"):
        quiet.submit(Run(command=[str(program)]))


def test_the_error_for_a_directory_as_the_program_says_so(quiet: SubprocessLauncher, tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="is a directory"):
        quiet.submit(Run(command=[str(tmp_path)]))


def test_the_error_for_a_script_without_its_interpreter_names_the_interpreter(
    quiet: SubprocessLauncher, tmp_path: Path
) -> None:
    script = program(tmp_path / "script", "#!/no/such/interpreter\n")
    with pytest.raises(LaunchError, match="interpreter"):
        quiet.submit(Run(command=[str(script)]))


def test_the_error_for_a_script_on_the_path_without_its_interpreter_names_the_interpreter(
    quiet: SubprocessLauncher, tmp_path: Path
) -> None:
    program(tmp_path / "script", "#!/no/such/interpreter\n")
    with pytest.raises(LaunchError, match="interpreter"):
        quiet.submit(Run(command=["script"], env={"PATH": str(tmp_path)}))


def test_the_error_for_a_script_without_a_first_line_shows_one(quiet: SubprocessLauncher, tmp_path: Path) -> None:
    script = program(tmp_path / "script", "echo hello")
    with pytest.raises(LaunchError, match="#!/bin/sh"):
        quiet.submit(Run(command=[str(script)]))


def test_the_error_for_arguments_that_are_too_long_says_so(quiet: SubprocessLauncher) -> None:
    with pytest.raises(LaunchError, match="too long"):
        quiet.submit(Run(command=["true", "x" * 10_000_000]))


@pytest.mark.parametrize("where", ["launcher", "run"])
def test_a_working_directory_must_exist(tmp_path: Path, where: str) -> None:
    missing = tmp_path / "missing"
    launcher = SubprocessLauncher(working_dir=missing if where == "launcher" else None)
    with pytest.raises(LaunchError, match="working directory"):
        launcher.submit(Run(command=["true"], working_dir=missing if where == "run" else None))


def test_the_working_directory_of_the_run_overrides_that_of_the_launcher(tmp_path: Path) -> None:
    launcher = SubprocessLauncher(working_dir="/")
    assert lines_of(launcher, Run(command=["pwd"], working_dir=tmp_path)) == [str(tmp_path)]


def test_a_home_directory_is_expanded_when_the_run_is_launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = SubprocessLauncher(working_dir="~")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert launcher.working_dir == "~"
    assert lines_of(launcher, Run(command=["pwd"])) == [str(tmp_path)]


def test_a_relative_program_is_found_in_the_working_directory(tmp_path: Path) -> None:
    program(tmp_path / "script.sh", "#!/bin/sh\necho here\n")
    assert lines_of(SubprocessLauncher(), Run(command=["./script.sh"], working_dir=tmp_path)) == ["here"]


def test_the_launcher_overrides_the_inherited_environment_and_the_run_overrides_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("A", "inherited")
    monkeypatch.setenv("B", "inherited")
    launcher = SubprocessLauncher(env={"B": "launcher", "C": "launcher"})
    script = 'echo "$A $B $C"'
    assert lines_of(launcher, Run(command=["sh", "-c", script], env={"C": "run"})) == ["inherited launcher run"]


def test_the_program_is_looked_up_on_the_path_of_the_run(tmp_path: Path) -> None:
    program(tmp_path / "only-here", "#!/bin/sh\necho found\n")
    run = Run(command=["only-here"], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert lines_of(SubprocessLauncher(), run) == ["found"]


def test_standard_input_is_the_null_device(quiet: SubprocessLauncher) -> None:
    assert lines_of(quiet, Run(command=["sh", "-c", "cat; echo end"])) == ["end"]


def test_a_run_leads_its_own_session_and_process_group() -> None:
    script = "import os; print(os.getpid() == os.getsid(0) == os.getpgid(0))"
    assert lines_of(SubprocessLauncher(), Run(command=[sys.executable, "-c", script])) == ["True"]


def test_a_run_inherits_no_descriptors() -> None:
    with open(os.devnull) as held:
        os.set_inheritable(held.fileno(), True)
        run = Run(command=[sys.executable, "-c", "import os; print(sorted(map(int, os.listdir('/dev/fd')))[:4])"])
        assert lines_of(SubprocessLauncher(), run) == ["[0, 1, 2, 3]"]  # 3 is listdir's own


def test_a_callback_gets_the_lines_even_without_streaming(
    capfd: pytest.CaptureFixture[str], quiet: SubprocessLauncher
) -> None:
    assert lines_of(quiet, Run(command=["echo", "hello"])) == ["hello"]
    assert capfd.readouterr() == ("", "")


def test_a_last_line_without_an_end_is_a_line() -> None:
    assert lines_of(SubprocessLauncher(), Run(command=["printf", "a\\nb"])) == ["a", "b"]


def test_more_than_a_pipe_holds_arrives_in_order() -> None:
    lines = lines_of(SubprocessLauncher(), Run(command=["seq", "1", "200000"]))
    assert lines == [str(number) for number in range(1, 200_001)]


def test_an_entrypoint_in_a_file_runs_with_its_parameters(tmp_path: Path) -> None:
    (tmp_path / "report.py").write_text("def main(day, factor=1):\n    print(day, factor)\n")
    run = Run(entrypoint="report.py:main", parameters={"day": "monday", "factor": 3}, working_dir=tmp_path)
    assert lines_of(SubprocessLauncher(), run) == ["monday 3"]


def test_parameters_are_not_in_the_process_list(tmp_path: Path) -> None:
    (tmp_path / "show.py").write_text(
        "def main(token):\n    print(open('/proc/self/cmdline').read().replace('\\0', ' '), len(token))\n"
    )
    run = Run(entrypoint="show.py:main", parameters={"token": "s3cret"}, working_dir=tmp_path)
    (line,) = lines_of(SubprocessLauncher(), run)
    assert line.endswith(" 6")
    assert "s3cret" not in line
