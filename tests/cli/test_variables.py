"""The variables of --env and --env-file, and durations."""

from __future__ import annotations

from pathlib import Path

import pytest

from launchpad.cli.arguments import BadValue
from launchpad.cli.durations import seconds
from launchpad.cli.variables import given, in_files

SECRET = "hunter2"


def read(folder: Path, text: str | bytes, **environment: str) -> dict[str, str]:
    path = folder / "f.env"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return in_files([str(path)], environment)


def test_a_name_alone_passes_the_variable_on() -> None:
    assert given(["A", "B=", "C=x=y"], {"A": "a", "B": "b"}) == {"A": "a", "B": "", "C": "x=y"}


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("# comment\n\n  # another\n A=1\n", {"A": "1"}),
        ("A='x' \"y\" #z \n", {"A": "'x' \"y\" #z "}),
        ("A=\nB=a=b\n", {"A": "", "B": "a=b"}),
        ("\ufeffA=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("HERE\nHERE2 \n", {"HERE": "h", "HERE2": "h2"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("A=\x0c\u2028x\n", {"A": "\x0c\u2028x"}),
        ("", {}),
    ],
)
def test_a_file_has_a_variable_a_line_with_its_value_as_it_is_written(
    tmp_path: Path, text: str, variables: dict[str, str]
) -> None:
    assert read(tmp_path, text, HERE="h", HERE2="h2") == variables


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"export A={SECRET}", "a variable's name must not contain white space"),
        (f"A ={SECRET}", "a variable's name must not contain white space"),
        ("two words", "a variable's name must not contain white space"),
        (f"={SECRET}", "a variable needs a name before the ="),
        ("ABSENT", "ABSENT: there is no such variable to pass on: set it, or write ABSENT=VALUE"),
        (b"A=hunter2\xff", "it is not UTF-8 text"),
    ],
)
def test_a_fault_in_a_file_has_its_line_and_no_value(tmp_path: Path, line: str | bytes, said: str) -> None:
    raw = line.encode() if isinstance(line, str) else line
    with pytest.raises(BadValue, match=r"f\.env:2: ") as caught:
        read(tmp_path, b"# comment\n" + raw + b"\n")
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_later_file_overrides_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("A=1\nB=1")
    (tmp_path / "b").write_text("B=2")
    assert in_files([str(tmp_path / "a"), str(tmp_path / "b")], {}) == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("text", "number"), [("90", 90), ("1.5", 1.5), ("30s", 30), ("5m", 300), ("2h", 7200), (".5m", 30)]
)
def test_a_duration_is_seconds_or_a_number_with_a_unit(text: str, number: float) -> None:
    assert seconds(text) == number


@pytest.mark.parametrize("text", ["", "s", "5x", "5 days", "m5", "1h30m", "five"])
def test_other_text_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        seconds(text)
