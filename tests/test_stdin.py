"""`Run.stdin`: what is accepted, how it is shown, and files of deployments."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from launchpad import Deployment, LaunchError, Run, SubprocessLauncher
from launchpad.stdin import MAX_STDIN, Stdin, opened


def run_with(stdin: Stdin) -> Run:
    return Run(command=["cat"], id="1", stdin=stdin)


@pytest.mark.parametrize("stdin", [None, "", "text", b"\0\xff", Path("a/b"), "x" * MAX_STDIN])
def test_input_is_kept_as_it_is_given(stdin: Stdin) -> None:
    assert run_with(stdin).stdin == stdin
    assert run_with(stdin) == run_with(stdin) != run_with("another")


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (5, "must be text, bytes or a Path, not int"),
        (["a"], "must be text, bytes or a Path, not list"),
        (bytearray(b"a"), "not bytearray: use bytes"),
        ("é" * (MAX_STDIN // 2 + 1), f"takes {MAX_STDIN + 2} bytes, more than {MAX_STDIN}: write it to a file"),
        (bytes(MAX_STDIN + 1), f"takes {MAX_STDIN + 1} bytes"),
        ("\ud800", "half of a surrogate pair"),
        (Path("a\0b"), "a NUL character"),
    ],
)
def test_other_input_is_refused_without_showing_it(stdin: Stdin, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_with(stdin)


def test_an_open_file_is_refused_with_what_to_give() -> None:
    with open(os.devnull) as file, pytest.raises(ValueError, match="not TextIOWrapper: give its path"):
        run_with(file)  # type: ignore[arg-type]


def test_a_repr_shows_a_path_and_hides_the_rest() -> None:
    assert "stdin=***" in repr(run_with("secret"))
    assert "stdin=***" in repr(run_with(b"secret"))
    assert "a/b" in repr(run_with(Path("a/b")))


def test_a_path_is_relative_to_this_process_or_to_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "input").write_text("found")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in ("input", "~/input"):
        with opened(run_with(Path(path)).stdin) as descriptor:
            assert descriptor is not None
            assert os.read(descriptor, 10) == b"found"


def test_a_pipe_or_a_directory_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, what in ((tmp_path / "pipe", "pipe, which can be read only once"), (tmp_path, "directory")):
        with pytest.raises(LaunchError, match=f"is a {what}"), opened(path):
            pass


def test_an_input_that_is_not_text_is_not_written_to_a_file(tmp_path: Path) -> None:
    for stdin in (b"bytes", Path("path")):
        deployment = Deployment("a", {"command": ["cat"], "stdin": stdin}, SubprocessLauncher())
        with pytest.raises(ValueError, match="'a': its stdin is no text"):
            Deployment.dump(tmp_path / "file", [deployment])


def test_an_input_in_a_file_is_text_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "deployments:\n- {name: a, run: {command: [cat], stdin: 0545}, launcher: {type: subprocess}}\n"
    )
    deployments = Deployment.load(tmp_path / "a.yaml")
    assert deployments["a"].make_run().stdin == "0545"
    Deployment.dump(tmp_path / "b.yaml", deployments)
    assert Deployment.load(tmp_path / "b.yaml") == deployments
