"""Batches with a command a line."""

from __future__ import annotations

import io

import pytest

from launchpad.cli.batch_file import read_stream

from .command import launchpad


def commands(text: str | bytes) -> list[list[str] | None]:
    data = text.encode() if isinstance(text, str) else text
    return [item.run.command for item in read_stream(io.BufferedReader(io.BytesIO(data)), "f", lines=True)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("echo a  b", ["echo", "a", "b"]),
        ("\techo 'a b' \"c d\" e\\ f", ["echo", "a b", "c d", "e f"]),
        ("echo a # comment", ["echo", "a"]),
        ("echo # it's one", ["echo"]),
        ("curl http://x/#part a#b 'c'#d", ["curl", "http://x/#part", "a#b", "c#d"]),
        ("echo '# no' \"# no\" \\# x", ["echo", "# no", "# no", "#", "x"]),
        ("echo $HOME | *", ["echo", "$HOME", "|", "*"]),
        ("echo ''", ["echo", ""]),
        ("\ufeffecho 1", ["echo", "1"]),
        (b"echo caf\xe9", ["echo", "caf\udce9"]),
        ("- {command: [x]}", ["-", "{command:", "[x]}"]),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_line_is_split_as_a_shell_splits_words(line: str | bytes, end: str, words: list[str]) -> None:
    data = line.encode() if isinstance(line, str) else line
    assert commands(data + end.encode()) == [words]


def test_empty_lines_and_comments_are_no_runs() -> None:
    assert commands("# first\n\n  \n\t# second\ntrue\n") == [["true"]]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("echo 'a", "a quote is not closed"),
        ('echo a "b # c', "a quote is not closed"),
        ("echo a \\", "a backslash is the last character"),
        ("'' a", "a run cannot be run with empty command"),
        ("a\0b", "command[0] contains a NUL character"),
    ],
)
def test_a_fault_is_one_line_with_the_number_of_its_line(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"\Af:2: [^\n]*\Z") as caught:
        commands(f"true\n{line}\n")
    assert said in str(caught.value)


def test_the_commands_of_standard_input_are_launched() -> None:
    done = launchpad("batch", "--lines", "-", stdin="echo 'a b'\n# no\nsh -c 'exit 0'\n")
    assert (done.returncode, done.stdout) == (0, "echo | a b\n")
