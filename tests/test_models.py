"""Runs, handles and outcomes: valid and invalid values, reprs and equality."""

from __future__ import annotations

import copy
import enum
import json
import os
import pathlib
import pickle
from datetime import datetime, timezone
from typing import Any

import attrs
import pytest

from launchpad import Handle, LaunchError, Outcome, Reason, Run
from launchpad.converters import MAX_PARAMETERS, flag, optional_path, seconds
from launchpad.results import RunError

SECRET = "hunter2-do-not-show"


class Colour(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


def refusal(**fields: Any) -> str:
    """The message with which Run refuses `fields`, a single line without the secret."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is what the tests look at
        Run(**{"command": ["true"], **fields})
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    return message


class TestCommand:
    @pytest.mark.parametrize("empty", [[], (), [""]])
    def test_an_empty_command_cannot_be_run(self, empty: Any) -> None:
        assert "cannot be run with empty command" in refusal(command=empty)

    @pytest.mark.parametrize("text", ["echo hello", b"echo", ""])
    def test_one_string_is_refused_with_the_way_to_split_it(self, text: Any) -> None:
        assert "shlex.split" in refusal(command=text)

    def test_a_word_that_is_not_text_is_named_by_its_position(self) -> None:
        assert "command[1] must be text or a Path, not int" in refusal(command=["sleep", 5])

    def test_paths_become_text_unchanged(self) -> None:
        assert Run(command=[pathlib.Path("~/bin/x"), pathlib.PurePosixPath("a b"), "c"]).command == [
            "~/bin/x",
            "a b",
            "c",
        ]
        assert Run(command=(pathlib.Path("./x.sh"),)).name == "x.sh"

    def test_a_path_in_bytes_is_refused(self) -> None:
        with os.scandir(b"/") as entries:
            assert "command[1] must be text or a Path, not DirEntry" in refusal(command=["cat", next(entries)])

    def test_nul_is_refused(self) -> None:
        assert "command[1] contains a NUL" in refusal(command=["echo", "a\0b"])

    def test_half_a_surrogate_pair_is_refused(self) -> None:
        assert "command[1] contains half of a surrogate pair" in refusal(command=["echo", "\ud800"])

    def test_bytes_of_a_file_name_that_are_not_utf_8_are_kept(self) -> None:
        assert Run(command=["cat", "caf\udce9"]).command == ["cat", "caf\udce9"]

    def test_the_list_is_copied(self) -> None:
        words = ["echo", "a"]
        run = Run(command=words)
        words.append("b")
        assert run.command == ["echo", "a"]

    def test_a_generator_is_refused(self) -> None:
        assert "must be a list of text, not generator" in refusal(command=(word for word in ["ls"]))


class TestEntrypoint:
    @pytest.mark.parametrize(
        "entrypoint",
        ["module:main", "package.module:main", "a/b.py:main", "/a b/ü.py:größe", "C:\\flows\\a.py:main", "../x.py:f"],
    )
    def test_modules_and_files_are_accepted(self, entrypoint: str) -> None:
        assert Run(entrypoint=entrypoint).entrypoint == entrypoint

    @pytest.mark.parametrize(
        "entrypoint",
        ["", "module", ":main", "module:", "module:a.b", "a/b:main", "module:f()", "a..b:f", "a b:f", "m:f\0", ".a:f"],
    )
    def test_anything_else_is_refused_and_quoted(self, entrypoint: str) -> None:
        message = refusal(command=None, entrypoint=entrypoint)
        assert repr(entrypoint) in message
        assert ".py" in message

    def test_a_function_is_refused_with_the_way_to_name_it(self) -> None:
        assert "Run.of(function)" in refusal(command=None, entrypoint=refusal)

    def test_exactly_one_of_command_and_entrypoint_is_needed(self) -> None:
        assert "exactly one" in refusal(entrypoint="a:b")
        assert "exactly one" in refusal(command=None)


class TestParameters:
    def run(self, **parameters: Any) -> Run:
        return Run(entrypoint="a:b", parameters=parameters)

    @pytest.mark.parametrize("value", [object(), {1, 2}, b"x", float("nan"), float("inf"), datetime.now(timezone.utc)])
    def test_values_that_json_cannot_hold_are_refused_by_key_and_type(self, value: Any) -> None:
        message = refusal(command=None, entrypoint="a:b", parameters={"fine": 1, "day": value})
        assert "parameters['day']" in message
        assert type(value).__name__ in message

    def test_a_value_that_contains_itself_is_refused(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        assert "parameters['x']" in refusal(command=None, entrypoint="a:b", parameters={"x": loop})

    def test_names_must_be_text(self) -> None:
        assert "not int" in refusal(command=None, entrypoint="a:b", parameters={1: 2})

    def test_parameters_are_kept_as_json_returns_them(self) -> None:
        assert self.run(a=(1, 2), b={3: Colour.RED}).parameters == {"a": [1, 2], "b": {"3": "red"}}

    def test_paths_become_text_at_any_depth(self) -> None:
        path = pathlib.Path("data", "ü.csv")
        assert self.run(a=path, b=[{"c": path}]).parameters == {"a": "data/ü.csv", "b": [{"c": "data/ü.csv"}]}

    def test_later_changes_of_the_callers_objects_do_not_reach_the_run(self) -> None:
        days = ["mon"]
        run = self.run(days=days)
        days.append("tue")
        assert run.parameters == {"days": ["mon"]}

    def test_64_kib_are_accepted_and_one_byte_more_is_not(self) -> None:
        room = MAX_PARAMETERS - len(json.dumps({"x": ""}))
        assert self.run(x="a" * room).parameters["x"]
        message = refusal(command=None, entrypoint="a:b", parameters={"x": "a" * (room + 1)})
        assert f"{MAX_PARAMETERS + 1} bytes" in message
        assert "file" in message

    def test_parameters_of_a_command_are_refused(self) -> None:
        assert "entrypoint" in refusal(parameters={"x": 1})


class TestEnvAndLabels:
    @pytest.mark.parametrize("field", ["env", "labels"])
    @pytest.mark.parametrize(
        ("value", "text"),
        [(1, "1"), (0, "0"), (1.5, "1.5"), ("", ""), (" é ", " é "), (Colour.RED, "red"), (Level.HIGH, "3")],
    )
    def test_numbers_become_text_and_text_stays(self, field: str, value: Any, text: str) -> None:
        kept = getattr(Run(command=["true"], **{field: {"K": value}}), field)
        assert kept == {"K": text}
        assert type(kept["K"]) is str

    @pytest.mark.parametrize("field", ["env", "labels"])
    @pytest.mark.parametrize("value", [True, False, b"x", [], object(), 1j])
    def test_booleans_and_other_objects_are_refused_by_name(self, field: str, value: Any) -> None:
        message = refusal(**{field: {"FLAG": value}})
        assert f"{field}['FLAG']" in message
        assert type(value).__name__ in message

    def test_none_removes_a_variable_and_is_no_label(self) -> None:
        assert Run(command=["true"], env={"A": None}).env == {"A": None}
        assert "labels['a']" in refusal(labels={"a": None})

    @pytest.mark.parametrize("field", ["env", "labels"])
    @pytest.mark.parametrize("name", ["", "A=B", "A\0", "\ud800", 1, None, b"A"])
    def test_a_bad_name_is_refused(self, field: str, name: Any) -> None:
        assert field in refusal(**{field: {name: "x"}})

    def test_a_name_with_an_equals_sign_shows_only_what_is_before_it(self) -> None:
        assert "'TOKEN'" in refusal(env={f"TOKEN={SECRET}": ""})

    @pytest.mark.parametrize("value", [f"{SECRET}\0", f"{SECRET}\ud800", [SECRET]])
    def test_an_error_names_the_variable_and_never_its_value(self, value: Any) -> None:
        assert "env['TOKEN']" in refusal(env={"TOKEN": value})

    @pytest.mark.parametrize("value", [[("A", "1")], "A=1", None, ["A=1"]])
    def test_only_a_mapping_is_accepted(self, value: Any) -> None:
        assert "env must be a mapping" in refusal(env=value)

    def test_the_callers_mapping_is_copied_and_not_changed(self) -> None:
        env = {"A": 1}
        run = Run(command=["true"], env=env)
        env["B"] = 2
        assert run.env == {"A": "1"}
        assert env == {"A": 1, "B": 2}


class TestTimeout:
    @pytest.mark.parametrize("value", [0, -1, -0.5, float("nan"), float("inf"), 10**400, "5", True, [5]])
    def test_a_timeout_is_a_number_of_seconds_above_zero(self, value: Any) -> None:
        message = refusal(timeout=value)
        assert message.startswith("timeout must be")
        assert "seconds" in message

    def test_a_timeout_is_kept_as_a_float(self) -> None:
        assert repr(Run(command=["true"], timeout=3).timeout) == "3.0"

    def test_a_grace_may_be_zero(self) -> None:
        assert seconds(0, "grace", zero=True) == 0.0


class TestName:
    @pytest.mark.parametrize(
        ("fields", "name"),
        [
            ({"command": ["/usr/bin/env", "x"]}, "env"),
            ({"command": ["./a b.sh"]}, "a b.sh"),
            ({"command": ["/bin/"]}, "/bin/"),
            ({"entrypoint": "package.module:main"}, "main"),
            ({"entrypoint": "C:\\flows\\report.py:größe"}, "größe"),
        ],
    )
    def test_the_default_name_is_the_program_or_the_function(self, fields: Any, name: str) -> None:
        assert Run(**fields).name == name

    @pytest.mark.parametrize("name", ["отчёт", "日報", "🎉", "  ", "a/b:c", "x" * 1000, "two\nlines"])
    def test_any_text_is_kept(self, name: str) -> None:
        assert Run(command=["true"], name=name).name == name

    def test_an_empty_name_becomes_the_id(self) -> None:
        run = Run(command=["true"], name="")
        assert run.name == run.id

    def test_a_name_that_is_not_text_is_refused(self) -> None:
        assert "name must be text, not int" in refusal(name=5)


class TestWorkingDir:
    def test_a_working_dir_is_kept_unchanged(self) -> None:
        assert Run(command=["ls"], working_dir=pathlib.PurePosixPath("~/a/../b")).working_dir == "~/a/../b"

    @pytest.mark.parametrize("value", ["", b"/tmp", 5, "a\0b", ["x"]])
    def test_a_working_dir_that_is_not_a_path_is_refused_by_name(self, value: Any) -> None:
        assert "working_dir" in refusal(working_dir=value)

    def test_a_path_like_object_of_bytes_is_refused(self) -> None:
        class Odd:
            def __fspath__(self) -> bytes:
                return b"/tmp"

        with pytest.raises(ValueError, match="virtualenv must be text"):
            optional_path(Odd(), "virtualenv")


class TestFlag:
    @pytest.mark.parametrize(("value", "kept"), [(True, True), (False, False), (1, True), (0, False)])
    def test_true_false_1_and_0_are_accepted(self, value: Any, kept: bool) -> None:
        assert flag(value, "auto_remove") is kept

    @pytest.mark.parametrize("value", [2, -1, "yes", "true", None, 1.0, []])
    def test_anything_else_is_refused_by_name(self, value: Any) -> None:
        with pytest.raises(ValueError, match="auto_remove must be True or False"):
            flag(value, "auto_remove")


class TestFacts:
    """Frozen, compared by value, and safe to show, to copy and to send."""

    run = Run(
        entrypoint="a:b",
        parameters={"day": SECRET, "deep": {"x": [1]}},
        env={"TOKEN": SECRET, "GONE": None},
        labels={"team": "a"},
        timeout=5,
        working_dir="~/x",
    )
    handle = Handle("subprocess", "12@34", "b", "host", run.id)
    outcome = Outcome(ok=False, reason=Reason.FAILED, exit_code=3, handle=handle, ended_at=datetime.now(timezone.utc))

    @pytest.mark.parametrize("fact", [run, handle, outcome, LaunchError("why")], ids=lambda fact: type(fact).__name__)
    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    def test_models_pickle(self, fact: Any, protocol: int) -> None:
        again = pickle.loads(pickle.dumps(fact, protocol))
        assert type(again) is type(fact)
        assert repr(again) == repr(fact)
        assert again == fact or isinstance(fact, LaunchError)

    @pytest.mark.parametrize("fact", [run, handle, outcome], ids=lambda fact: type(fact).__name__)
    def test_models_copy_and_evolve(self, fact: Any) -> None:
        assert copy.deepcopy(fact) == copy.copy(fact) == attrs.evolve(fact) == fact
        assert hash(attrs.evolve(fact)) == hash(fact)

    def test_a_deep_copy_shares_nothing(self) -> None:
        twin = copy.deepcopy(self.run)
        assert twin.env is not self.run.env
        assert twin.parameters["deep"] is not self.run.parameters["deep"]

    @pytest.mark.parametrize("fact", [run, handle, outcome], ids=lambda fact: type(fact).__name__)
    def test_models_are_frozen(self, fact: Any) -> None:
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            fact.name = "other"

    def test_no_repr_shows_a_value_of_env_or_parameters(self) -> None:
        assert SECRET not in repr(self.run)
        assert "'TOKEN'" in repr(self.run)
        assert "'day'" in repr(self.run)

    def test_two_runs_of_the_same_thing_differ_by_their_ids(self) -> None:
        assert Run(command=["true"]) != Run(command=["true"])
        assert Run(command=["true"], id="x") == Run(command=["true"], id="x")

    def test_a_handle_is_read_back_from_its_json(self) -> None:
        assert Handle(**json.loads(json.dumps(attrs.asdict(self.handle)))) == self.handle

    def test_a_handle_field_that_is_not_text_is_refused(self) -> None:
        with pytest.raises(ValueError, match="a handle's id must be text, not int"):
            Handle("subprocess", 5, "b", "host", "x")  # type: ignore[arg-type]

    @pytest.mark.parametrize("value", ["", 5, None])
    def test_an_id_is_non_empty_text(self, value: Any) -> None:
        assert refusal(id=value).startswith("id must")

    def test_a_reason_is_its_text(self) -> None:
        assert f"{Reason.OOM_KILLED}" == "oom_killed" == json.loads(json.dumps(Reason.OOM_KILLED))


class TestOutcomes:
    start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    handle = Handle("docker", "4f1", "report", "unix:///run/docker.sock", "id-1")

    def test_the_dictionary_of_an_outcome_is_json(self) -> None:
        outcome = Outcome(
            ok=False,
            exit_code=1,
            reason=Reason.FAILED,
            handle=self.handle,
            started_at=self.start,
            ended_at=self.start.replace(second=7),
            error=RunError("ValueError", "no such day"),
            tail=("first", "last"),
        )
        facts = json.loads(json.dumps(outcome.to_dict()))
        assert facts["reason"] == "failed"
        assert facts["handle"]["run_id"] == "id-1"
        assert facts["started_at"] == "2026-01-02T03:04:05+00:00"
        assert facts["seconds"] == 2.0
        assert facts["error"] == {"type": "ValueError", "message": "no such day", "traceback": ""}
        assert facts["tail"] == ["first", "last"]

    def test_an_outcome_without_a_start_has_no_seconds(self) -> None:
        assert Outcome(ok=True, reason=Reason.COMPLETED, ended_at=self.start).seconds is None

    def test_outcomes_with_unhashable_values_can_be_put_into_sets(self) -> None:
        one, other = (Outcome(ok=True, reason=Reason.COMPLETED, value={"rows": [number]}) for number in (1, 2))
        assert len({one, other, one}) == 2
