"""`launchpad run`: streams and exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .command import launchpad

NO_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_stdout_and_stderr_stay_apart() -> None:
    done = launchpad("run", "--", "sh", "-c", "echo '[bold]out[/]'; echo err >&2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[bold]out[/]\n", "err\n")


def test_the_exit_status_is_the_runs_and_nothing_is_printed() -> None:
    done = launchpad("run", "sh", "-c", "exit 7")
    assert (done.returncode, done.stderr) == (7, "")


def test_json_is_the_outcome_on_stdout_and_the_output_goes_to_stderr() -> None:
    done = launchpad("run", "--json", "--", "sh", "-c", "echo one; exit 7")
    assert (done.returncode, done.stderr) == (7, "one\n")
    outcome = json.loads(done.stdout)
    assert (outcome["reason"], outcome["exit_code"], outcome["tail"]) == ("failed", 7, ["one"])
    failed = launchpad("run", "--json", "no-such-program")
    assert (failed.returncode, json.loads(failed.stdout)["reason"]) == (125, "not_launched")
    full = launchpad("run", "--json", "true", shell='"$@" > /dev/full')
    assert (full.returncode, full.stderr.count("\n")) == (1, 1)


def test_options_end_at_the_command() -> None:
    done = launchpad("run", "--name", "x", "echo", "--name", "--timeout")
    assert done.stdout == "--name --timeout\n"


def test_a_run_killed_by_a_signal_exits_as_in_a_shell_with_one_line() -> None:
    done = launchpad("run", "--", "sh", "-c", "kill -SEGV $$")
    assert (done.returncode, done.stderr) == (139, "launchpad: sh: failed: Killed by signal 11 (SIGSEGV).\n")


def test_a_time_out_exits_with_124_and_one_line() -> None:
    done = launchpad("run", "--timeout", "0.2", "--", "sleep", "60")
    assert done.returncode == 124
    assert done.stderr.startswith("launchpad: sleep: timed_out: ")


def test_a_failed_launch_exits_with_125_and_one_line() -> None:
    done = launchpad("run", "--", "no-such-program")
    assert done.returncode == 125
    assert done.stderr == "launchpad: The program 'no-such-program' cannot be started: it was not found on PATH.\n"


def test_verbose_prints_where_the_run_started_and_how_it_ended() -> None:
    done = launchpad("run", "-v", "--name", "mine", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    start, end = done.stderr.splitlines()
    assert "mine" in start
    assert "has started" in start
    assert "failed" in end
    assert "Exited with status 3." in end


def test_env_working_dir_and_settings_reach_the_run(tmp_path: Path) -> None:
    where = ["--env", "A=1=2", "--working-dir", str(tmp_path), "--set", "env.B=true"]
    done = launchpad("run", *where, "--", "sh", "-c", 'echo "$A $B"; pwd')
    assert done.stdout == f"1=2 true\n{tmp_path}\n"


def test_an_entrypoint_gets_its_parameters(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("def greet(name, times):\n    print(name * times)\n")
    parameters = ["--param", "name=ab", "--param", "times=2"]
    done = launchpad("run", "--entrypoint", "tasks:greet", *parameters, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "abab\n")


def test_words_that_the_locale_cannot_decode_are_taken_as_utf_8(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("import os\ndef show(word):\n    print(ascii(word), os.environb[b'A'])\n")
    arguments = ["--entrypoint", "tasks:show", "--param", "word=ä", "--env", "A=ö"]
    done = launchpad("run", *arguments, cwd=tmp_path, env=NO_LOCALE)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{'ä'!a} {'ö'.encode()!r}\n", "")
    done = launchpad("run", "--", "echo", "ä", env=NO_LOCALE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\\xe4\n", "")


def test_the_run_ends_silently_when_its_reader_is_gone() -> None:
    done = launchpad("run", "--", "yes", shell='"$@" | head -n 2; exit ${PIPESTATUS[0]}')
    assert (done.returncode, done.stdout, done.stderr) == (141, "y\ny\n", "")


@pytest.mark.parametrize(("code", "status"), [(0, 1), (4, 4)])
@pytest.mark.parametrize("target", ["/dev/full", "&-"])
def test_output_that_cannot_be_written_is_one_line_and_a_status_that_is_not_0(
    target: str, code: int, status: int
) -> None:
    done = launchpad("run", "--", "sh", "-c", f"echo 1; sleep 0.1; echo 2; exit {code}", shell=f'"$@" >{target}')
    assert (done.returncode, done.stderr.count("\n")) == (status, 1)
    assert done.stderr.startswith("launchpad: the output of runs cannot be written to stdout: ")


def test_closed_standard_streams_are_accepted_if_nothing_is_written() -> None:
    assert launchpad("run", "--", "true", shell='"$@" >&- 2>&-').returncode == 0


def test_both_standard_streams_may_be_closed() -> None:
    done = launchpad("run", "--", "sh", "-c", "echo out; echo err >&2; exit 5", shell='"$@" >&- 2>&-')
    assert (done.returncode, done.stdout, done.stderr) == (5, "", "")


def test_characters_outside_the_encoding_are_escaped() -> None:
    done = launchpad("run", "--", "printf", r"caf\303\251\n", env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "caf\\xe9\n", "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "give one of these: a COMMAND, --entrypoint, or --deployment (see: launchpad run --help)"),
        (["--env", "=x", "ls"], "--env takes NAME=VALUE or NAME: number 1 of them has no name"),
        (["-e", "NOT_SET_HERE", "ls"], "--env NOT_SET_HERE: there is no such variable to pass on"),
        (["--env-file", "none.env", "ls"], "none.env: No such file or directory"),
        (["--timeout", "5x", "ls"], "Invalid value for '--timeout': '5x' is not a duration: give seconds, or a number"),
        (["--image", "x", "ls"], "--image cannot be used with SubprocessLauncher: use --launcher docker"),
        (
            ["--launcher", "kubernetes", "--volume", "a:/b", "ls"],
            "--volume cannot be used with KubernetesLauncher: use -",
        ),
        (["--timeot", "1", "ls"], "No such option '--timeot' (did you mean '--timeout'?) (see: launchpad run"),
        (["--set", "env={A:1}", "ls"], "--set env: A: write a space after the colon, as in {A: value}"),
        (["--timeout", "-1", "ls"], "timeout must be more than 0 seconds, not -1.0"),
        (["--param", "a=1", "ls"], "parameters go with an entrypoint"),
        (["--entrypoint", "nonsense"], "entrypoint 'nonsense' must be 'package.module:function'"),
        (
            ["--launcher", "dockr", "ls"],
            "unknown launcher type 'dockr'; known are: docker, kubernetes, subprocess (did you",
        ),
        (["--set", "grce=1", "ls"], "unknown key 'grce' of SubprocessLauncher (did you mean 'grace'?)"),
        (["--set", "grace=soon", "ls"], "grace must be a"),
        (["--deployment", "x", "-f", "none.yaml"], "none.yaml"),
        (["--deployment", "x", "--launcher", "docker"], "--launcher and --set cannot be used with --deployment"),
    ],
)
def test_a_bad_argument_is_one_line_and_status_2(arguments: list[str], line: str, tmp_path: Path) -> None:
    done = launchpad("run", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"launchpad: {line}")


def test_a_bad_value_is_not_shown() -> None:
    done = launchpad("run", "--env", "=hunter2", "--set", "env={hunter2", "ls")
    assert done.returncode == 2
    assert "hunter2" not in done.stderr


def test_a_variable_without_a_value_is_passed_on_and_files_give_way_to_options(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("A=file\nB='b' # as it is\nPASSED\n")
    options = ["--env-file", "a.env", "-e", "A=option", "--env", "ALSO", "--set", "env.A=launcher"]
    shown = 'echo "$A|$B|$PASSED|$ALSO"'
    done = launchpad("run", *options, "--", "sh", "-c", shown, cwd=tmp_path, env={"PASSED": "1", "ALSO": "2"})
    assert (done.returncode, done.stdout) == (0, "option|'b' # as it is|1|2\n")


@pytest.mark.parametrize("duration", ["0.2", "0.2s", "0.003m"])
def test_a_duration_is_in_seconds_or_has_a_unit(duration: str) -> None:
    assert launchpad("run", "--timeout", duration, "--set", "grace=1s", "--", "sleep", "60").returncode == 124


@pytest.mark.parametrize(("command", "words"), [("echo hi", "echo hi"), ("echo hi | wc", "sh -c 'echo hi | wc'")])
def test_a_command_in_quotes_is_an_error_that_shows_how_to_write_it(command: str, words: str) -> None:
    done = launchpad("run", "--", command)
    assert done.stderr.endswith(f"because of its quotes; write: launchpad run -- {words}\n")


DEPLOYMENTS = """
deployments:
  - name: greet
    run: {entrypoint: "tasks:greet", parameters: {name: ab}, env: {A: kept, B: lost}}
    launcher: {type: subprocess, config: {env: {C: launcher}}}
"""


def test_a_deployment_runs_with_its_own_launcher_and_what_the_options_change(tmp_path: Path) -> None:
    (tmp_path / "deployments.yaml").write_text(DEPLOYMENTS)
    (tmp_path / "tasks.py").write_text(
        "import os\ndef greet(name, times):\n    print(name * times, *map(os.environ.get, 'ABC'))\n"
    )
    options = ["--param", "times=2", "--env", "B=won", "--name", "x", "--timeout", "60"]
    done = launchpad("run", "--deployment", "greet", *options, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "abab kept won launcher\n", "")


def test_a_deployment_with_a_retry_is_launched_again_unless_it_gets_an_input(tmp_path: Path) -> None:
    (tmp_path / "deployments.yaml").write_text(
        "deployments:\n- name: a\n  run: {command: [sh, -c, 'exit $((2 - LAUNCHPAD_ATTEMPT))']}\n"
        "  launcher: {type: subprocess}\n  retry: {attempts: 2}\n"
    )
    assert launchpad("run", "--deployment", "a", cwd=tmp_path).returncode == 0
    interactive = launchpad("run", "-i", "--deployment", "a", cwd=tmp_path, stdin="")
    assert interactive.returncode == 1
    assert "the retry of the deployment is not used with --interactive" in interactive.stderr


def test_an_unknown_deployment_is_a_line_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(DEPLOYMENTS)
    done = launchpad("run", "--deployment", "great", "-f", "mine.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "launchpad: mine.yaml has no deployment 'great'; it has: greet (did you mean 'greet'?)\n",
    )


def test_a_file_without_deployments_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "none.yaml").write_text("deployments: []\n")
    done = launchpad("run", "--deployment", "great", "-f", "none.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "launchpad: none.yaml has no deployment 'great'; it has: none\n")


def test_a_fault_in_the_deployments_file_is_a_line_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "deployments.yaml").write_text(DEPLOYMENTS.replace("entrypoint", "entripoint"))
    done = launchpad("preview", "--deployment", "greet", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("launchpad: deployments.yaml:4: ")


@pytest.mark.parametrize("arguments", [["--version"], ["preview", "--", "echo"]])
@pytest.mark.parametrize("target", ["/dev/full", "&-"])
def test_text_of_the_command_line_itself_that_cannot_be_written_is_one_line(arguments: list[str], target: str) -> None:
    done = launchpad(*arguments, shell=f'"$@" >{target}')
    assert (done.returncode != 0, done.stderr.count("\n")) == (True, 1)


def test_interactive_passes_a_stream_of_any_length_on() -> None:
    done = launchpad("run", "-i", "--", "sh", "-c", "head -n 1; cat | wc -c", stdin="first\n" + "x" * 3_000_000)
    assert done.stdout.splitlines()[0] == "first"
    assert launchpad("run", "-i", "--", "wc", "-c", stdin="x" * 3_000_000).stdout.strip() == "3000000"


def test_without_interactive_a_run_reads_nothing() -> None:
    assert launchpad("run", "--", "cat", stdin="text").stdout == ""


def test_interactive_begins_where_an_earlier_program_has_stopped_reading(tmp_path: Path) -> None:
    (tmp_path / "input").write_text("1\n2\n")
    done = launchpad("run", "-i", "--", "cat", shell=f'(read line; "$@") < {tmp_path}/input')
    assert done.stdout == "2\n"


@pytest.mark.parametrize(
    ("options", "shell", "status", "message"),
    [
        (["--detach"], '"$@"', 2, "cannot be used with --detach"),
        ([], '"$@" <&-', 2, "needs a standard input, which is closed"),
        (["--launcher", "kubernetes", "--image", "x"], '"$@"', 125, "cannot give run 'cat' a standard input: put it"),
    ],
)
def test_interactive_where_it_is_impossible_is_one_line(
    options: list[str], shell: str, status: int, message: str
) -> None:
    done = launchpad("run", "-i", *options, "--", "cat", shell=shell)
    assert (done.returncode, done.stderr.count("\n")) == (status, 1)
    assert message in done.stderr
