"""`launchpad batch`: many runs from a file."""

from __future__ import annotations

import json
import os
import pty
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from launchpad.cli.tables import results_table

from .command import COMMAND, launchpad


def lines(*runs: dict[str, Any]) -> str:
    return "".join(json.dumps(run) + "\n" for run in runs)


def sh(script: str, **fields: Any) -> dict[str, Any]:
    return {"command": ["sh", "-c", script], **fields}


def test_output_is_shown_with_names_and_the_status_is_0_if_all_succeed() -> None:
    done = launchpad("batch", "-", stdin=lines(sh("echo out", name="a"), sh("echo err >&2", name="b")))
    assert (done.returncode, done.stdout) == (0, "a | out\n")
    assert "b | err" in done.stderr.splitlines()
    assert done.stderr.splitlines()[-1].split() == ["completed", "2"]


def test_each_failure_is_a_line_with_its_reason() -> None:
    runs = [sh("exit 3", name="a"), {"command": ["no-such"], "name": "b"}, sh("sleep 60", name="c", timeout=0.2)]
    done = launchpad("batch", "-", stdin=lines(*runs, sh("exit 0")))
    assert done.returncode == 1
    assert sorted(done.stderr.splitlines()[:3]) == [
        "a: failed: Exited with status 3.",
        "b: not_launched: The program 'no-such' cannot be started: it was not found on PATH.",
        "c: timed_out: The run was stopped: it took longer than its time-out of 0.2 s.",
    ]


def test_failed_runs_are_launched_again_and_their_attempts_are_reported(tmp_path: Path) -> None:
    runs = [
        sh("echo $LAUNCHPAD_ATTEMPT; exit $((2 - LAUNCHPAD_ATTEMPT))", name="a"),
        sh("exit 3", name="b", retry={"attempts": 4, "on": ["failed"]}),
        sh("exit 75", name="c", retry={"attempts": 4, "exit_codes": [76]}),
    ]
    folder = tmp_path / "logs"
    done = launchpad("batch", "-", "--retries", "1", "--json", "--output-dir", str(folder), stdin=lines(*runs))
    assert done.returncode == 1
    ended = sorted(map(json.loads, done.stdout.splitlines()), key=lambda run: run["number"])
    assert [(run["attempt"], run["exit_code"]) for run in ended] == [(2, 0), (4, 3), (1, 75)]
    assert [one["reason"] for one in ended[0]["attempts"]] == ["failed", "completed"]
    assert [one["attempt"] for one in ended[1]["attempts"]] == [1, 2, 3, 4]
    assert "b: failed (attempt 4): Exited with status 3." in done.stderr
    assert "attempts" in next(line for line in done.stderr.splitlines() if line.startswith("failed  id"))
    assert [line.split()[:3] for line in done.stderr.splitlines()[-2:]] == [
        ["failed", "2", "3"],
        ["completed", "1", "1"],
    ]
    assert (folder / "1-a.log").read_text() == "1\n2\n"


def test_runs_with_the_same_name_are_numbered() -> None:
    done = launchpad("batch", "-", stdin=lines(sh("echo 1"), sh("echo 2"), sh("echo 3", name="own")))
    assert sorted(done.stdout.splitlines()) == ["own | 3", "sh#1 | 1", "sh#2 | 2"]


def test_json_is_one_object_for_each_run_and_nothing_else_is_on_stdout() -> None:
    runs = [sh("echo noise", name="a"), sh("exit 3", name="b", id="mine"), {"command": ["no-such"], "name": "c"}]
    done = launchpad("batch", "-", "--json", stdin=lines(*runs))
    good, bad, missing = sorted(map(json.loads, done.stdout.splitlines()), key=lambda run: run["number"])
    assert (good["name"], good["ok"], good["reason"], good["exit_code"]) == ("a", True, "completed", 0)
    assert (bad["id"], bad["ok"], bad["reason"], bad["exit_code"]) == ("mine", False, "failed", 3)
    assert bad["handle"]["run_id"] == "mine"
    assert bad["started_at"] <= bad["ended_at"]
    assert (missing["ok"], missing["reason"], missing["handle"]) == (False, "not_launched", None)
    assert good.keys() == bad.keys() == missing.keys()


def test_json_has_the_runs_own_fields_without_values_of_env_and_parameters(tmp_path: Path) -> None:
    runs = [
        sh("exit 3", name="a", env={"A": "hunter2"}, labels={"l": "1"}, timeout=60, working_dir=str(tmp_path)),
        {"entrypoint": "m:f", "parameters": {"password": "hunter2", "n": 1}},
    ]
    done = launchpad("batch", "-", "--json", "--output-dir", "logs", stdin=lines(*runs), cwd=tmp_path)
    command, function = sorted(map(json.loads, done.stdout.splitlines()), key=lambda run: run["number"])
    own = {"command": ["sh", "-c", "exit 3"], "labels": {"l": "1"}, "timeout": 60, "working_dir": str(tmp_path)}
    assert own.items() <= command.items()
    assert (command["state"], command["log"]) == ("failed", "logs/1-a.log")
    assert 0 <= command["seconds"] < 60
    assert (function["entrypoint"], function["parameters"]) == ("m:f", ["password", "n"])
    assert "hunter2" not in done.stdout + done.stderr


def test_the_table_has_what_is_needed_to_go_on_after_a_failure(tmp_path: Path) -> None:
    runs = [sh("exit 3", name="a", id="0123456789"), {"command": ["no-such", "x y"], "name": "b"}, sh("exit 0")]
    done = launchpad("batch", "-", "--output-dir", "logs", "--workers", "1", stdin=lines(*runs), cwd=tmp_path)
    heading, *rows = [line.split() for line in done.stderr.splitlines()[3:-4]]
    assert heading == ["failed", "id", "result", "exit", "seconds", "what,", "why,", "and", "the", "log"]
    assert rows[0] == ["a", "01234567", "failed", "3", rows[0][4], "sh", "-c", "'exit", "3'"]
    assert rows[1] == ["logs/1-a.log"]
    assert rows[2][2:] == ["not_launched", "no-such", "'x", "y'"]
    assert " ".join(rows[3]) == "The program 'no-such' cannot be started: it was not found on PATH."


def test_failed_prints_every_name_of_what_did_not_succeed_and_nothing_else_to_stdout() -> None:
    runs = [sh("echo noise; exit 1", name=f"n{number}") for number in range(30)]
    done = launchpad("batch", "-", "--failed", stdin=lines(*runs, sh("exit 0", name="good")))
    assert sorted(done.stdout.splitlines()) == sorted(f"n{number}" for number in range(30))
    assert "and 20 more that failed: --failed prints all names, --json all results" in done.stderr


def test_failed_and_json_both_need_stdout() -> None:
    done = launchpad("batch", "-", "--failed", "--json")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_each_run_has_a_file_for_its_output(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "logs"
    runs = [
        sh("echo a; echo b >&2", name="../../etc"),
        sh("printf 'no end'", name="日本"),
        sh(":", name="🦀"),
        sh("echo 4"),
    ]
    done = launchpad("batch", "-", "--output-dir", str(folder), stdin=lines(*runs))
    assert (done.returncode, done.stdout) == (0, "")
    logs = {path.name: path.read_text() for path in folder.iterdir()}
    assert logs == {"1-etc.log": "a\nb\n", "2-Ri-Ben.log": "no end\n", "3.log": "", "4-sh.log": "4\n"}


def test_a_failure_shows_the_last_lines_that_went_to_its_file(tmp_path: Path) -> None:
    runs = lines(sh("seq 30; printf '\\033[31mred'; exit 3", name="a"), sh("echo fine", name="b"))
    done = launchpad("batch", "-", "--output-dir", str(tmp_path), stdin=runs)
    shown = done.stderr.splitlines()
    first = shown.index(next(line for line in shown if line.startswith("a: failed")))
    assert shown[first + 1 : first + 21] == [*(f"  | {n}" for n in range(12, 31)), "  | \\x1b[31mred"]
    assert "fine" not in done.stderr


def test_files_of_an_earlier_batch_are_kept(tmp_path: Path) -> None:
    for word in ("first", "second"):
        launchpad("batch", "-", "--output-dir", str(tmp_path), stdin=lines(sh(f"echo {word}", name="n")))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "1-n.log": "first\n",
        "1-n-1.log": "second\n",
    }


def test_fail_fast_stops_running_runs_and_starts_no_more() -> None:
    runs = [sh("exit 3", name="a"), sh("sleep 3600", name="b"), *[sh("echo never") for _ in range(50)]]
    done = launchpad("batch", "-", "--fail-fast", "--workers", "2", "--json", stdin=lines(*runs))
    assert done.returncode == 1
    reasons = {run["number"]: run["reason"] for run in map(json.loads, done.stdout.splitlines())}
    assert reasons[1] == "failed"
    assert reasons[52] == "stopped"
    assert set(reasons) == set(range(1, 53))


def test_results_that_cannot_be_written_stop_no_run_and_cause_one_message(tmp_path: Path) -> None:
    runs = [sh(f"echo > {tmp_path}/{number}") for number in range(3)]
    done = launchpad("batch", "-", "--json", "--workers", "1", stdin=lines(*runs), shell='"$@" > /dev/full')
    assert (done.returncode, done.stderr.count("results cannot be written")) == (1, 1)
    assert "3 succeeded" in done.stderr
    assert len(list(tmp_path.iterdir())) == 3


def test_quiet_drops_only_the_output() -> None:
    done = launchpad("batch", "-", "--quiet", stdin=lines(sh("echo noise; exit 3", name="a")))
    assert (done.stdout, done.stderr.splitlines()[0]) == ("", "a: failed: Exited with status 3.")


def test_nothing_launched_is_status_125() -> None:
    done = launchpad("batch", "-", stdin=lines({"command": ["no-such"]}, {"command": ["no-such"]}))
    assert done.returncode == 125


def test_the_batch_stops_silently_when_its_reader_is_gone() -> None:
    runs = lines(sh("sleep 3600"), *[sh("echo x")] * 300)
    done = launchpad("batch", "-", stdin=runs, shell='"$@" | head -n 1; exit ${PIPESTATUS[0]}')
    assert done.returncode == 141
    assert "BrokenPipe" not in done.stderr


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- {command: [touch, started]}\n- {comand: [x]}\n", "launchpad: runs.yaml:2: unknown key 'comand' of Run"),
        ("", "launchpad: runs.yaml: there are no runs in it"),
    ],
)
def test_a_bad_file_is_status_2_before_anything_starts(text: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "runs.yaml").write_text(text)
    done = launchpad("batch", "runs.yaml", "--output-dir", "logs", cwd=tmp_path)
    assert (done.returncode, done.stderr.startswith(line), done.stderr.count("\n")) == (2, True, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["runs.yaml"]


@pytest.mark.parametrize("file", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_named(file: str, tmp_path: Path) -> None:
    done = launchpad("batch", file, cwd=tmp_path)
    assert (done.returncode, done.stderr.startswith(f"launchpad: {file}: ")) == (2, True)


def test_many_runs_all_end_and_are_counted() -> None:
    done = launchpad("batch", "-", "--workers", "4", stdin=lines(*[{"command": ["echo", "x"]}] * 500))
    assert (done.returncode, done.stdout.count("\n")) == (0, 500)
    assert done.stderr.splitlines()[-1].split() == ["completed", "500"]


def test_on_a_terminal_there_is_a_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    (tmp_path / "runs").write_text(lines(sh("echo hello; sleep 0.5", name="a")))
    shown = bytearray()

    def read(fd: int) -> bytes:
        shown.extend(data := os.read(fd, 4096))
        return data

    status = pty.spawn([*COMMAND, "batch", str(tmp_path / "runs")], read, lambda fd: b"")
    assert os.waitstatus_to_exitcode(status) == 0
    assert b"a |\x1b[0m hello\r\n" in shown
    assert b"0/1" in shown
    assert b"1 succeeded" in shown


def test_output_that_cannot_be_shown_is_one_line_and_status_1() -> None:
    done = launchpad("batch", "-", stdin=lines(sh("echo 1"), sh("echo 2")), shell='"$@" > /dev/full')
    assert (done.returncode, done.stderr.count("cannot be written to stdout: No space left")) == (1, 1)


def test_a_log_that_was_cut_is_one_line_with_the_file_and_status_1(tmp_path: Path) -> None:
    runs = lines(sh("seq 10000", name="large"), sh("echo 1", name="small"))
    options = ["--output-dir", str(tmp_path)]
    done = launchpad("batch", "-", *options, stdin=runs, shell='ulimit -f 8; "$@"')
    assert (done.returncode, done.stderr.count("output is missing from")) == (1, 1)
    assert f"launchpad: large: output is missing from {tmp_path}/1-large.log: File too large" in done.stderr


def test_the_settings_of_an_item_change_the_launcher_for_it_alone() -> None:
    runs = """
- {name: plain, command: [sh, -c, "echo size $SIZE"]}
- {name: large, command: [sh, -c, "echo size $SIZE"], settings: {env: {SIZE: 08}}}
- {name: hidden, command: [echo, hidden], settings: {stream_output: false}}
"""
    done = launchpad("batch", "-", "--set", 'env={"SIZE": "1"}', stdin=runs)
    assert (done.returncode, sorted(done.stdout.splitlines())) == (0, ["large | size 08", "plain | size 1"])


def test_bad_settings_of_an_item_are_found_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text(f"- command: [touch, {tmp_path}/ran]\n- command: [a]\n  settings:\n    grase: 1\n")
    done = launchpad("batch", f"{tmp_path}/runs")
    assert done.returncode == 2
    assert f"{tmp_path}/runs:4: settings.grase: unknown key 'grase' of SubprocessLauncher (did you mean" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_in_a_narrow_table_of_results_only_the_names_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    Console(width=30).print(results_table({"failed": 1}, {"failed": ["x" * 60]}))
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["result", "runs", "which"]
    assert row.split() == ["failed", "1", "x" * 15 + "…"]
