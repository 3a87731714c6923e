"""`ps`, `logs`, `wait`, `stop` and `reap`: which run a word means, and how runs are shown."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from launchpad import Handle, Listed, Outcome, Reason
from launchpad.cli.found import meant_by, short_ids
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
