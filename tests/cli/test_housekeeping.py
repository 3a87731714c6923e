"""`ps`, `logs`, `wait`, `stop` and `reap`: which run a word means, and how runs are shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest

from launchpad import Handle, Listed, Outcome, Reason
from launchpad.cli.found import last_attempts, meant_by, short_ids
from launchpad.cli.listing import in_json, table

from .command import launchpad


def listed(run_id: str, name: str, engine_name: str = "on-engine", **fields: object) -> Listed:
    handle = Handle("docker", "c" * 64, engine_name, "engine", run_id)
    return Listed(**{"handle": handle, "run_id": run_id, "name": name, "state": "running", **fields})


ONE, TWO, THREE = listed("a1b2c3d4e5", "sum"), listed("a1b2ffff00", "sum up"), listed("sum", "other", "other-7")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("a1b2c3d4e5", [ONE]),
        ("a1b2c", [ONE]),
        ("sum", [THREE]),  # an id comes before a name
        ("sum up", [TWO]),
        ("sum ", [TWO]),
        ("a1b2", [ONE, TWO]),
        ("su", [ONE, TWO, THREE]),
        ("other-7", [THREE]),
        ("on-engine", [ONE, TWO]),
        ("nothing", []),
        ("", []),
    ],
)
def test_a_word_means_an_id_or_a_name_or_a_beginning(word: str, meant: list[Listed]) -> None:
    assert meant_by(word, [ONE, TWO, THREE]) == meant


def test_a_run_that_was_launched_again_is_its_last_attempt() -> None:
    at = [datetime(2026, 1, 1, hour, tzinfo=timezone.utc) for hour in range(3)]
    ended = [listed("a", "n", f"n-{number}", state="ended", started_at=at[number]) for number in range(2)]
    running = listed("a", "n", "n-2", started_at=at[2])
    assert last_attempts([*ended, TWO]) == [ended[1], TWO]
    assert last_attempts([running, *ended]) == [running]
    assert last_attempts([running, listed("a", "n", "n-3")]) == [running, listed("a", "n", "n-3")]


def test_ids_are_as_long_as_it_takes_to_tell_them_apart() -> None:
    assert short_ids([ONE, TWO]) == ["a1b2c3d4", "a1b2ffff"]
    assert short_ids([listed("a" * 12 + "b", "n"), listed("a" * 12 + "c", "n")]) == ["a" * 12 + "b", "a" * 12 + "c"]
    assert short_ids([ONE, ONE]) == ["a1b2c3d4"] * 2
    assert short_ids([]) == []


def test_a_table_has_a_header_and_a_row_for_each_run() -> None:
    failed = Outcome(ok=False, exit_code=3, reason=Reason.FAILED)
    ended = listed("0123456789", "a\x1b[31m\nb", state="ended", outcome=failed)
    header, *rows = table([ONE, ended])
    assert header.split() == ["id", "name", "launcher", "state", "started", "result"]
    assert [row.split() for row in rows] == [
        ["a1b2c3d4", "sum", "docker", "running"],
        ["01234567", r"a\x1b[31m", "b", "docker", "ended", "failed", "(3)"],
    ]


def test_json_has_the_fields_of_each_run() -> None:
    moment = datetime(2030, 1, 1, tzinfo=timezone.utc)
    outcome = Outcome(ok=True, exit_code=0, reason=Reason.COMPLETED, handle=ONE.handle)
    [shown] = json.loads("\n".join(in_json([listed("id", "\u202ename", deadline=moment, outcome=outcome)])))
    assert (shown["name"], shown["deadline"], shown["starter"]) == ("\u202ename", "2030-01-01T00:00:00+00:00", None)
    assert (shown["outcome"]["reason"], shown["handle"]["run_id"]) == ("completed", "id")
    assert "\n".join(in_json([])) == "[]"


@pytest.mark.parametrize("command", [["ps"], ["logs", "x"], ["wait", "x"], ["stop", "x"], ["reap"]])
def test_an_engine_that_was_asked_for_and_does_not_answer_is_an_error_of_one_line(command: list[str]) -> None:
    done = launchpad(*command, "--launcher", "docker", env={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (125, "", 1)
    assert "unix:///nowhere/docker.sock" in done.stderr


def test_settings_need_a_launcher() -> None:
    done = launchpad("ps", "--set", "grace=5")
    assert (done.returncode, done.stderr) == (2, "launchpad: --set needs --launcher (see: launchpad ps --help)\n")


def test_a_duration_of_another_form_is_a_usage_error() -> None:
    done = launchpad("reap", "--older-than", "2 weeks")
    assert done.returncode == 2
    assert "is not a duration" in done.stderr


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """An environment in which there are no runs but those of the test, and no other engine answers."""
    return {
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "DOCKER_HOST": "unix:///nowhere/docker.sock",
        "KUBECONFIG": str(tmp_path / "none"),
    }


def detached(state: Mapping[str, str], script: str, *options: str) -> str:
    """Starts a run of a shell script, and returns its id."""
    done = launchpad("run", "-d", *options, "--", "sh", "-c", script, env=state)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.removesuffix("\n")


def test_a_detached_run_is_found_from_its_start_until_it_is_reaped(state: dict[str, str]) -> None:
    run_id = detached(state, "echo one; echo two >&2; exit 7", "--name", "first")
    waited = launchpad("wait", "first", env=state)
    assert (waited.returncode, waited.stdout, waited.stderr) == (7, "", "")
    outcome = json.loads(launchpad("wait", "first", "--json", env=state).stdout)
    assert (outcome["exit_code"], sorted(outcome["tail"])) == (7, ["one", "two"])
    shown = launchpad("logs", "-f", run_id[:9], env=state)
    assert (shown.returncode, sorted(shown.stdout.split()), shown.stderr) == (0, ["one", "two"], "")
    listing = launchpad("ps", env=state)
    assert (listing.returncode, listing.stderr) == (0, "")
    assert listing.stdout.splitlines()[1].split()[:4] == [run_id[:8], "first", "subprocess", "ended"]
    assert launchpad("reap", "--older-than", "2h", "--json", env=state).stdout == "[]\n"
    assert launchpad("reap", "--dry-run", env=state).stderr == "launchpad: 1 would be removed\n"
    assert json.loads(launchpad("reap", "--json", env=state).stdout)[0]["outcome"]["exit_code"] == 7
    assert launchpad("ps", "--json", env=state).stdout == "[]\n"


def test_a_name_that_two_runs_have_is_an_error_that_lists_them(state: dict[str, str]) -> None:
    ids = [detached(state, ":", "--name", "a\tname") for _ in range(2)]
    done = launchpad("wait", "a\tname", env=state)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (125, "", 1)
    assert all(f"{one[:8]} (a name, subprocess, " in done.stderr for one in ids)
    assert [launchpad("wait", one, env=state).returncode for one in ids] == [0, 0]


def test_a_run_is_stopped_by_the_beginning_of_its_id(state: dict[str, str]) -> None:
    run_id = detached(state, "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.1; done")
    stopped = launchpad("stop", run_id[:6], env=state)
    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (0, "", "")
    waited = launchpad("wait", run_id, env=state)
    assert (waited.returncode, waited.stderr) == (9, "launchpad: sh: stopped: The run was stopped.\n")
    assert launchpad("stop", run_id, env=state).returncode == 0


@pytest.mark.parametrize("command", ["logs", "wait", "stop"])
def test_a_run_that_is_not_there_is_an_error_of_one_line(command: str, state: dict[str, str]) -> None:
    done = launchpad(command, "no\x1b[31mthing", env=state)
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == "launchpad: There is no run 'no\\x1b[31mthing': launchpad ps lists the runs.\n"


def test_a_reader_of_logs_that_leaves_ends_them(state: dict[str, str]) -> None:
    detached(state, "seq 100000", "--name", "long")
    assert launchpad("wait", "long", env=state).returncode == 0
    done = launchpad("logs", "long", env=state, shell='"$@" | head -n 1')
    assert (done.stdout, done.stderr) == ("1\n", "")


@pytest.mark.parametrize("age", ["-5", "nan", "inf", "banana"])
def test_an_age_that_is_no_duration_is_a_usage_error(age: str) -> None:
    done = launchpad("reap", "--older-than", age)
    assert (done.returncode, done.stderr.count("\n"), "--older-than" in done.stderr) == (2, 1, True)


@pytest.mark.parametrize("target", ["/dev/full", "&-"])
def test_a_detached_run_whose_id_cannot_be_printed_is_stopped(target: str, tmp_path: Path) -> None:
    state = {"XDG_STATE_HOME": str(tmp_path)}
    done = launchpad("run", "--detach", "--", "sleep", "600", shell=f'"$@" >{target}', env=state)
    assert (done.returncode, done.stderr.count("\n")) == (125, 1)
    assert "The run was stopped, because its id could not be printed" in done.stderr
    assert json.loads(launchpad("ps", "--launcher", "subprocess", "--json", env=state).stdout) == []


def test_a_list_that_cannot_be_written_is_one_line_and_status_1() -> None:
    done = launchpad("ps", "--launcher", "subprocess", shell='"$@" >/dev/full')
    assert (done.returncode, done.stderr) == (1, "launchpad: output was lost: No space left on device\n")
