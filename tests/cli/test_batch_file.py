"""Reading the runs of a batch."""

from __future__ import annotations

import io
import json
import re
import tracemalloc

import pytest

from launchpad import DockerLauncher, Launcher, Run
from launchpad.cli.batch_file import FAULTS_SHOWN, Item, read_stream


def read(text: str | bytes, launcher: Launcher | None = None) -> list[Item]:
    data = text.encode() if isinstance(text, str) else text
    return read_stream(io.BufferedReader(io.BytesIO(data)), "runs", launcher=launcher)


def commands(text: str | bytes) -> list[list[str] | None]:
    return [item.run.command for item in read(text)]


@pytest.mark.parametrize(
    "text",
    [
        "- command: [a]\n- command: [b]\n",
        "# runs\n---\n- {command: [a]}\n-\n  command:\n    - b\n...\n",
        '[{"command": ["a"]}, {"command": ["b"]}]',
        '{"command": ["a"]}\n\n{"command": ["b"]}',
        b'\xef\xbb\xbf{"command": ["a"]}\r\n{"command": ["b"]}\r\n',
        "\ufeff- command: [a]\n- command: [b]\n",
        "- &base {command: [a]}\n- {<<: *base, command: [b]}\n",
    ],
)
def test_a_yaml_list_and_json_lines_are_distinguished_by_their_content(text: str | bytes) -> None:
    assert commands(text) == [["a"], ["b"]]


def test_an_item_has_the_fields_of_a_run() -> None:
    fields = {"entrypoint": "m:f", "parameters": {"a": 1}, "name": "n", "env": {"A": "1"}, "timeout": 2.0, "id": "i"}
    (item,) = read(json.dumps(fields))
    assert item == Item(1, Run(entrypoint="m:f", parameters={"a": 1}, name="n", env={"A": "1"}, timeout=2.0, id="i"))


def test_the_settings_of_an_item_are_changes_to_those_of_the_launcher() -> None:
    launcher = DockerLauncher(image="a", networks=["n"], env={"A": "1"})
    text = "- {command: [a]}\n- command: [b]\n  settings: {env: {B: 012}, cpus: 2, image: null, networks: []}\n"
    plain, changed = read(text, launcher)
    assert plain == Item(1, plain.run)
    assert changed.launcher == DockerLauncher(env={"B": "012"}, cpus=2)
    (same,) = read('{"command": ["b"], "settings": {"env": {"B": 12}}}', launcher)
    assert same.launcher == launcher.replace(env={"B": "12"})


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("3", "runs:3: settings must be a mapping such as {grace: 30}, not int"),
        ("\n    grace: -1", "runs:4: settings.grace must "),
        (
            "\n    cpus: 2\n    imge: x",
            "runs:5: settings.imge: unknown key 'imge' of DockerLauncher (did you mean 'image'?)",
        ),
        ("{networks: [a], network_mode: host}", "runs:3: settings: networks and network_mode are both set"),
        ("{env: {A: [secret]}}", "runs:3: settings.env['A'] must be text"),
        ("{env: {LAUNCHPAD_RUN_ID: secret}}", "runs:3: settings.env: "),
    ],
)
def test_a_fault_in_settings_has_its_line_and_its_key(settings: str, fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)) as raised:
        read(f"- command: [a]\n- command: [b]\n  settings: {settings}\n", DockerLauncher())
    assert "secret" not in str(raised.value)
    with pytest.raises(ValueError, match=r"runs:1: unknown key 'setings' of a run of a batch \(did you mean"):
        read("- {command: [a], setings: {}}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "runs: there are no runs in it"),
        ("[]", "runs: there are no runs in it"),
        ("a: 1", "runs:1: it must hold a list of runs, each after a dash"),
        ("\n\nwords", "runs:3: it must hold a list of runs, each after a dash; if each line is a command, use --lines"),
        ("- command: [a]\n---\n- command: [b]\n", "runs:2: it must hold one list, not several documents"),
        ("- command: [a]\n- 3", "runs:2: a run must be a mapping such as {command: [echo, hello]}, not int"),
        ("- command: [a\n- b", "runs:3: it is not valid YAML: did not find expected ',' or ']'"),
        ("- command: [a]\n  command: [b]", "runs:2: command: the key is there twice"),
        (b"- command: [\xff]", "runs:1: it is not valid YAML: "),
        ('{"command": ["a"]}\n{"command": ', "runs:2: not a JSON object in one line: Expecting value (column 13)"),
        ('{"command": ["a"]}\n{"command": \r\n', "runs:2: not a JSON object in one line: Expecting value (column 13)"),
        ('{"command": ["\u00e9", }\n', "runs:1: not a JSON object in one line: Expecting value (column 19)"),
        ('{"command": ["a"], "command": ["b"]}', "runs:1: not a JSON object in one line: the key 'command' is there"),
        (b'{"command": ["\xff"]}', "runs:1: not a JSON object in one line: it is not UTF-8 text (column 15)"),
        ("- command: echo 'a b'", 'runs:1: command must be a list of text, not one text: write ["echo", "a b"]'),
        ("- command: [sleep, 5]", 'runs:1: command[1]: 5 is not text: put it in quotes, as in "5"'),
        ("- command: [a]\n- comand: [b]", "runs:2: unknown key 'comand' of Run (did you mean 'command'?)"),
        ("- command: [a]\n  timeout: 0", "runs:2: timeout must be more than 0 seconds, not 0"),
        ('{"command":["a"],"id":"x"}\n{"command":["b"],"id":"x"}', "runs:2: the id 'x' is that of the run in line 1"),
        (
            "- entrypoint: m:f\n  parameters:\n    A: 2024-99-99",
            "runs:3: parameters.A: a date is neither text nor a number",
        ),
        (
            "- {command: [a], env: {TOKEN:hunter2}}",
            "runs:1: env.TOKEN: write a space after the colon, as in {TOKEN: val",
        ),
        ("[" * 3000, "runs:1: it is "),  # our limit of the depth, or that of libyaml
    ],
)
def test_a_fault_is_one_line_with_file_and_line_number(text: str | bytes, fault: str) -> None:
    with pytest.raises(ValueError, match="runs") as caught:
        read(text)
    assert str(caught.value).startswith(fault)
    assert "\n" not in str(caught.value)


def test_each_fault_is_a_line_up_to_a_limit() -> None:
    with pytest.raises(ValueError, match="runs:1: ") as caught:
        read("- {}\n" * (FAULTS_SHOWN + 5))
    *lines, rest = str(caught.value).splitlines()
    assert len(lines) == FAULTS_SHOWN
    assert rest == "and 5 more faults of this kind"


@pytest.mark.parametrize("value", ['["hunter2"]', "!hunter2 x", "*hunter2", "&hunter2", '"hunter2'])
def test_no_value_of_the_environment_is_in_a_fault(value: str) -> None:
    with pytest.raises(ValueError, match=r"runs:[12]: ") as caught:
        read(f"- {{command: [a], env: {{PASS: [], TOKEN: {value}}}}}\n")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ["- {command: [echo, 'NUMBER'], env: {A: 'NUMBER'}}\n", '{"command": ["echo", "NUMBER"], "env": {"A": "x"}}\n'],
)
def test_reading_takes_little_more_memory_than_the_runs_do(line: str) -> None:
    text = "".join(line.replace("NUMBER", str(number)) for number in range(1000)).encode()
    read(line)  # what is imported on first use
    tracemalloc.start()
    try:
        items = read(text)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(items), peak < 1.3 * kept + 500_000) == (1000, True)
