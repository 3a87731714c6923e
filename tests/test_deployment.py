"""Deployments: valid files, messages for invalid ones, and that dump and load keep everything."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launchpad import Deployment, UniversalLauncher
from tests.deployments import SECRET, Imaged, deployment

GOOD = """\
deployments:
  - name: nightly
    run: {entrypoint: "flows/report.py:main", parameters: {day: today}, working_dir: /app, timeout: 3600}
    launcher: {type: test-deployment-imaged, config: {image: "python:3.12-slim", volumes: ["./flows:/app/flows:ro"]}}
  - name: hello
    run:
      command: [echo, hello]
    launcher:
      type: subprocess
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("deployments.yaml")


class TestLoad:
    def test_a_file_gives_its_deployments_by_name(self, file: Path) -> None:
        file.write_text(GOOD)
        loaded = Deployment.load(file)
        assert list(loaded) == ["nightly", "hello"]
        assert loaded["hello"] == deployment("hello", {"command": ["echo", "hello"]})
        assert loaded["nightly"].launcher == Imaged(image="python:3.12-slim", volumes=["./flows:/app/flows:ro"])
        assert loaded["nightly"].run == {
            "entrypoint": "flows/report.py:main",
            "parameters": {"day": "today"},
            "working_dir": "/app",
            "timeout": 3600.0,
        }

    def test_a_path_may_be_text_and_a_list_may_be_empty(self, file: Path) -> None:
        file.write_text("deployments: []\n")
        assert Deployment.load("deployments.yaml") == {}

    def test_an_unknown_name_is_a_key_error_that_lists_the_names(self, file: Path) -> None:
        file.write_text(GOOD)
        loaded = Deployment.load(file)
        with pytest.raises(KeyError) as caught:
            loaded["nightli"]
        said = "deployments.yaml has no deployment 'nightli'; it has: hello, nightly (did you mean 'nightly'?)"
        assert str(caught.value) == said
        assert loaded.get("nightli") is None

    def test_anchors_and_merges_are_followed(self, file: Path) -> None:
        file.write_text(
            "deployments:\n"
            "- {name: a, run: &run {command: ['true'], env: &env {A: 1}}, launcher: &here {type: subprocess}}\n"
            "- {name: b, run: {<<: *run, env: {<<: *env, A: 2}}, launcher: *here}\n"
            "- {name: c, run: *run, launcher: *here}\n"
        )
        loaded = Deployment.load(file)
        assert loaded["a"].run == loaded["c"].run == {"command": ["true"], "env": {"A": "1"}}
        assert loaded["b"].run == {"command": ["true"], "env": {"A": "2"}}

    @pytest.mark.parametrize("prefix", [b"\xef\xbb\xbf", b"# comment\r\n", b"---\n"])
    def test_a_byte_order_mark_is_accepted(self, file: Path, prefix: bytes) -> None:
        file.write_bytes(prefix + GOOD.encode())
        assert list(Deployment.load(file)) == ["nightly", "hello"]


def faulty(file: Path, text: str | bytes) -> str:
    """The message for an invalid file: one line, without the secret."""
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is what the tests look at
        Deployment.load(file)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert SECRET not in message
    return message


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


NIGHTLY, HELLO = "deployments['nightly']", "deployments['hello']"


class TestFaults:
    def test_a_missing_file_or_a_directory_is_an_error(self, file: Path) -> None:
        with pytest.raises(ValueError, match=r"^deployments\.yaml: it cannot be read: No such file or directory$"):
            Deployment.load(file)
        file.mkdir()
        with pytest.raises(ValueError, match=r"^deployments\.yaml: it cannot be read: Is a directory$"):
            Deployment.load(file)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "deployments.yaml:1: the file is empty: it needs the key 'deployments', with a list"),
            ("# nothing\n\n", "deployments.yaml:1: the file is empty"),
            ("- name: x\n", "deployments.yaml:1: a mapping is needed, not list"),
            ("hello", "deployments.yaml:1: a mapping is needed, not str"),
            ("a: 1", "deployments.yaml:1: a: unknown key 'a' of a file of deployments; known: ['deployments']"),
            ("\ndeployment: []", "deployments.yaml:2: deployment: unknown key 'deployment' of a file of deployments"),
            ("deployments:", "deployments.yaml:1: deployments: a list of deployments is needed"),
            ("deployments:\n  nightly: {}", "deployments.yaml:1: deployments: a list of deployments is needed"),
            ("{}", "deployments.yaml:1: deployments: a list of deployments is needed"),
            ("deployments:\n- a\n", "deployments.yaml:2: deployments[0]: a mapping is needed, not str"),
            ("deployments:\n-\n  - a\n", "deployments.yaml:3: deployments[0]: a mapping is needed, not list"),
        ],
    )
    def test_anything_but_a_list_of_mappings_is_an_error(self, file: Path, text: str, said: str) -> None:
        assert faulty(file, text).startswith(said)

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("name: nightly", "nam: nightly", "2: deployments[0].nam: unknown key 'nam' of a deployment (did you mean"),
            ("  - name: nightly\n    run", "  - run", "2: deployments[0]: the key 'name' is missing"),
            ("name: nightly", "name: [5]", "2: deployments[0].name: name must be non-empty text, not list"),
            ("name: nightly", "name: ''", "2: deployments[''].name: name must be non-empty text"),
            ("name: hello", "name: nightly", f"5: {NIGHTLY}.name: there is a deployment of this name already"),
            ("      command: [echo, hello]", "      - echo", f"6: {HELLO}.run: a mapping is needed, not list"),
            ("timeout: 3600", "timeout: 0", f"3: {NIGHTLY}.run.timeout: timeout must be more than 0 seconds"),
            (
                "timeout: 3600",
                "timout: 1",
                f"3: {NIGHTLY}.run.timout: unknown key 'timout' of a run (did you mean 'tim",
            ),
            ("timeout: 3600", "id: x", f"3: {NIGHTLY}.run.id: unknown key 'id' of a run"),
            ("[echo, hello]", "[]", f"7: {HELLO}.run.command: a run cannot be run with empty command"),
            ("[echo, hello]", "echo hello", f"7: {HELLO}.run.command: command must be a list of text"),
            ("[echo, hello]", "[echo, 5]", f'7: {HELLO}.run.command[1]: 5 is not text: put it in quotes, as in "5"'),
            ("command: [echo, hello]", "name: x", f"6: {HELLO}.run: a run needs exactly one of command and"),
            ("day: today", "day: .nan", f"3: {NIGHTLY}.run.parameters: parameters['day'] cannot be written as JSON"),
            ("type: subprocess", "type: subproces", f"9: {HELLO}.launcher.type: unknown launcher type"),
            ("type: subprocess", "typ: subprocess", f"9: {HELLO}.launcher.typ: unknown key 'typ' of a laun"),
            ("type: subprocess", "config: {}", f"8: {HELLO}.launcher: the key 'type' is missing"),
            ("type: subprocess", "type: 5", f"9: {HELLO}.launcher.type: unknown launcher type '5'"),
            ("launcher:\n      type: subprocess", "launcher: subprocess", f"8: {HELLO}.launcher: a mapping"),
            (
                "image:",
                "imge:",
                f"4: {NIGHTLY}.launcher.config.imge: unknown key 'imge' of Imaged (did you mean 'image'?)",
            ),
            ('"python:3.12-slim"', "[3.12]", f"4: {NIGHTLY}.launcher.config.image: it must be text, not list"),
            ('"./flows:/app/flows:ro"', "{}", f"4: {NIGHTLY}.launcher.config.volumes[0]: it must be text, not dict"),
            ("type: subprocess", "type: subprocess\n      config:", f"10: {HELLO}.launcher.config: a mapping"),
        ],
    )
    def test_a_fault_names_file_line_deployment_and_key(self, file: Path, old: str, new: str, said: str) -> None:
        message = faulty(file, changed(old, new))
        assert message.startswith(f"deployments.yaml:{said}")

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ("2022-01-01", "a date is neither text nor a number: put it in quotes"),
            ("2022-13-45", "a date is neither text nor a number: put it in quotes"),
            ("2022-01-01 10:00:00", "a date is neither text nor a number: put it in quotes"),
            ("!!binary aGVsbG8=", "YAML's binary is neither"),
            ("!!set {a, b}", "YAML's set is neither"),
            ("!!int x", "it cannot be read as a whole number"),
            ("!!bool maybe", "it cannot be read as a yes or no"),
            ("&a [*a]", "it contains itself"),
            (f"!{SECRET}", "something with a tag (!) is neither"),
            ("=", "YAML's value is neither"),
        ],
    )
    def test_values_that_json_cannot_hold_need_quotes(self, file: Path, value: str, said: str) -> None:
        message = faulty(file, changed("day: today", f"day: {value} "))
        assert message.startswith(f"deployments.yaml:3: {NIGHTLY}.run.parameters.day")
        assert said in message

    @pytest.mark.parametrize(
        ("key", "kind"),
        [("5", "a whole number"), ("on", "a yes or no"), ("~", "nothing"), ("2022-01-01", "a date"), ("[a]", "a list")],
    )
    def test_a_key_that_is_not_text_needs_quotes(self, file: Path, key: str, kind: str) -> None:
        message = faulty(file, changed("day: today", f"? {key}\n : x"))
        assert f"{NIGHTLY}.run.parameters.?: a key must be text, not {kind}: put it in quotes" in message

    def test_a_duplicate_key_is_an_error(self, file: Path) -> None:
        text = changed("      type: subprocess", "      type: subprocess\n      type: docker")
        assert faulty(file, text) == "deployments.yaml:10: deployments['hello'].launcher.type: the key is there twice"

    @pytest.mark.parametrize("key", ["deployments: []\n", "'deployments': []\n"])
    def test_a_duplicate_key_at_the_top_is_an_error(self, file: Path, key: str) -> None:
        assert faulty(file, GOOD + key) == "deployments.yaml:10: deployments: the key is there twice"

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("a: [1\nb: 2", 2),
            ("a:\n\t- b", 2),
            ("a: 'x\n\n", 3),
            ("a: b: c", 1),
            ("a: 1\n---\nb: 2", 2),
            ("a: \0", 1),
            ("x: y\na: \x07", 2),
            (b"a: 1\nb: \xff\n", 2),
            ("a: &x 1\nb: &x 2", 2),
            ("a: &x 1\nb: *y", 2),
            ("<<: 5", 1),
            ("[" * 5000, 1),
        ],
    )
    def test_invalid_yaml_is_an_error(self, file: Path, text: str | bytes, line: int) -> None:
        assert faulty(file, text).startswith(f"deployments.yaml:{line}: it is ")

    @pytest.mark.parametrize(
        "value", [f"*{SECRET}", f"!{SECRET}!x y", f"[{SECRET}]", "{" + SECRET + ": 1}", f"@{SECRET}"]
    )
    @pytest.mark.parametrize("place", ["run:\n      command: [a]", "launcher:\n      type: subprocess\n      config:"])
    def test_no_value_of_env_is_shown(self, file: Path, value: str, place: str) -> None:
        indent = "  " if place.endswith("config:") else ""
        text = GOOD.replace(place.split("\n")[0], f"{place}\n      {indent}env: {{TOKEN: {value}}}", 2)
        assert faulty(file, text).startswith("deployments.yaml:")

    def test_of_several_faults_the_first_is_reported_with_their_number(self, file: Path) -> None:
        text = changed("image:", "grace: -1, env: [], stream_output: 5, image:")
        assert faulty(file, text) == (
            f"deployments.yaml:4: {NIGHTLY}.launcher.config.env: "
            "env must be a mapping of names to text, not list (and 2 more)"
        )

    def test_conflicting_settings_are_an_error_of_the_whole(self, file: Path) -> None:
        text = changed("      type: subprocess", "      type: subprocess\n      config: {condaenv: a, virtualenv: b}")
        said = "deployments.yaml:10: deployments['hello'].launcher.config: condaenv and virtualenv are both set"
        assert faulty(file, text).startswith(said)


class TestDump:
    def test_a_dumped_file_is_loaded_back(self, file: Path) -> None:
        file.write_text(GOOD)
        loaded = Deployment.load(file)
        Deployment.dump(file, loaded)
        assert Deployment.load(file) == loaded

    def test_a_dumped_file_is_readable_and_has_no_defaults(self, file: Path) -> None:
        one = deployment("größe", {"command": ["echo"], "env": {"DAY": "2022-01-01", "ON": "yes", "GONE": None}})
        Deployment.dump(file, [one, deployment("b", launcher=Imaged(image="x"))])
        assert file.read_text() == (
            "deployments:\n- name: größe\n  run:\n    command:\n    - echo\n    env:\n      DAY: '2022-01-01'\n"
            "      'ON': 'yes'\n      GONE: null\n  launcher:\n    type: subprocess\n    config: {}\n- name: b\n"
            "  run:\n    command:\n    - 'true'\n  launcher:\n    type: test-deployment-imaged\n    config:\n"
            "      image: x\n"
        )

    @settings(max_examples=50, deadline=None)
    @given(
        text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        value=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=8,
        ),
    )
    def test_any_text_and_any_parameters_survive(self, tmp_path_factory: Any, text: str, value: Any) -> None:
        run = {"entrypoint": "a:b", "name": text, "parameters": {"x": value}, "env": {"A": text}}
        one = Deployment(text or "x", run, UniversalLauncher(env={"B": text}))
        file = tmp_path_factory.mktemp("dump") / "x.yaml"
        Deployment.dump(file, [one])
        assert list(Deployment.load(file).values()) == [one]

    def test_every_launcher_and_every_field_survives(self, file: Path) -> None:
        ones = [
            deployment("a", launcher=Imaged(image="y", volumes=["a"], deep={"k": [1]}, env={"X": None}, grace=0)),
            deployment("c", {"command": ["cat", "caf\udce9"]}),
            deployment("b", {"entrypoint": "a:b", "parameters": {}, "working_dir": Path("~/x"), "labels": {"l": 1}}),
        ]
        Deployment.dump(file, {one.name: one for one in ones})
        assert list(Deployment.load(file).values()) == ones

    @pytest.mark.parametrize(
        ("deployments", "said"),
        [([deployment("a"), deployment("a")], "two deployments"), ({"b": deployment("a")}, "under their own names")],
    )
    def test_keys_must_equal_the_names(self, file: Path, deployments: Any, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            Deployment.dump(file, deployments)
        assert not file.exists()

    def test_a_failed_write_leaves_the_file_unchanged(self, file: Path) -> None:
        file.write_text("before")
        one = deployment(launcher=attrs.evolve(Imaged(), image=object()))
        with pytest.raises(ValueError, match=r"Imaged\.image cannot be written as JSON"):
            Deployment.dump(file, [one])
        assert file.read_text() == "before"
        assert os.listdir() == ["deployments.yaml"]

    def test_a_missing_directory_is_an_error_that_names_the_file(self, file: Path) -> None:
        with pytest.raises(FileNotFoundError) as caught:
            Deployment.dump("missing/x.yaml", [])
        assert caught.value.filename == "missing/x.yaml"

    def test_the_mode_of_the_file_is_kept(self, file: Path) -> None:
        file.touch(0o600)
        Deployment.dump(file, [deployment()])
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert os.listdir() == ["deployments.yaml"]

    def test_a_symbolic_link_is_kept(self, file: Path) -> None:
        file.symlink_to("real.yaml")
        Deployment.dump(file, [deployment()])
        assert file.is_symlink()
        assert Deployment.load("real.yaml") == {"x": deployment()}
