"""The spec of a local process, its preview, and the environments it runs in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from launchpad import LaunchError, Run, SubprocessLauncher
from launchpad.subprocess.spec import build, conda_command, python_of, render
from tests.helping import lines_of, users_own


def spec_of(*command: str, env: dict[str, str | None] | None = None, **changes: object) -> dict[str, object]:
    settings = {"working_dir": None, "virtualenv": None, "conda": None, "search_path": "/bin", **changes}
    return build(command, env or {}, **settings)


def test_a_plain_command_is_kept_as_it_is() -> None:
    assert spec_of("echo", "a b") == {
        "command": ["echo", "a b"],
        "env": {},
        "working_dir": None,
        "virtualenv": None,
        "conda": False,
    }


def test_a_virtualenv_comes_first_on_the_path() -> None:
    assert spec_of("python", virtualenv="/venv")["env"] == {
        "VIRTUAL_ENV": "/venv",
        "PYTHONHOME": None,
        "PATH": "/venv/bin:/bin",
    }


def test_a_virtualenv_is_the_whole_path_if_there_is_no_other() -> None:
    assert spec_of("python", virtualenv="/venv", search_path="")["env"]["PATH"] == "/venv/bin"


def test_a_conda_environment_given_by_name() -> None:
    assert conda_command("data", "conda") == ["conda", "run", "--name", "data", "--no-capture-output"]


def test_a_conda_environment_given_by_path_is_expanded_and_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert conda_command("~/link", "mamba")[2:4] == ["--prefix", str(tmp_path / "real")]


@pytest.mark.parametrize(
    ("virtualenv", "conda", "python"),
    [("/venv", None, "/venv/bin/python"), (None, ["conda"], "python"), (None, None, sys.executable)],
)
def test_the_python_of_the_environment_runs_entrypoints(
    virtualenv: str | None, conda: list[str] | None, python: str
) -> None:
    assert python_of(virtualenv, conda) == python


def test_condaenv_and_virtualenv_together_are_an_error() -> None:
    with pytest.raises(ValueError, match="condaenv and virtualenv"):
        SubprocessLauncher(condaenv="a", virtualenv="b")


@pytest.mark.parametrize("condaenv", ["", 1, True])
def test_a_condaenv_that_is_not_a_name_or_a_path_is_an_error(condaenv: object) -> None:
    with pytest.raises(ValueError, match="condaenv"):
        SubprocessLauncher(condaenv=condaenv)


def test_the_dicts_of_the_caller_are_not_changed() -> None:
    env, run_env = {"A": 1}, {"B": None}
    launcher = SubprocessLauncher(env=env, virtualenv="/venv")
    launcher.spec(Run(command=["true"], env=run_env), "true")
    assert (env, run_env, launcher.env) == ({"A": 1}, {"B": None}, {"A": "1"})


def test_variables_of_launchpad_are_inherited_and_not_in_the_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = SubprocessLauncher()
    monkeypatch.setenv("LAUNCHPAD_API_URL", "http://localhost:1")
    run = Run(command=["printenv", "LAUNCHPAD_API_URL"])
    assert (lines_of(launcher, run), users_own(launcher.spec(run, "true")["env"])) == (["http://localhost:1"], {})


def test_a_preview_masks_every_value_of_the_environment() -> None:
    launcher = SubprocessLauncher(env={"TOKEN": "s3cret", "GONE": None})
    text = launcher.preview(Run(command=["echo", "a b"], id="one"))
    own = "LAUNCHPAD_RUN_ID=one \\\nLAUNCHPAD_ATTEMPT=1 \\\n"
    assert text == f"TOKEN='***' \\\n{own}env \\\n-u GONE \\\necho 'a b'"


def test_a_preview_masks_the_parameters(tmp_path: Path) -> None:
    run = Run(entrypoint="tasks.py:main", parameters={"token": "s3cret"})
    assert "s3cret" not in SubprocessLauncher().preview(run)
    assert "s3cret" in SubprocessLauncher().preview(run, reveal=True)


def test_a_revealed_preview_runs_in_a_shell(tmp_path: Path) -> None:
    env = {"PLAIN": "it's $HOME `x`\n2", "with.dot": "3", "GONE": None}
    code = "import os; print([os.environ.get(k) for k in ('PLAIN', 'with.dot', 'GONE')], os.getcwd())"
    launcher = SubprocessLauncher(env=env, working_dir=tmp_path)
    script = launcher.preview(Run(command=[sys.executable, "-c", code]), reveal=True)
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env={**os.environ, "GONE": "here"})
    assert shell.stdout == f"{[env['PLAIN'], '3', None]} {tmp_path}\n"


def test_a_repr_shows_no_value_of_the_environment() -> None:
    assert repr(SubprocessLauncher(env={"TOKEN": "s3cret"})).count("s3cret") == 0
    assert "'TOKEN': ***" in repr(SubprocessLauncher(env={"TOKEN": "s3cret"}))


def test_a_variable_whose_name_no_shell_accepts_is_set_by_env() -> None:
    assert render(spec_of("true", env={"a-b": "1"}), True) == "env \\\na-b=1 \\\ntrue"


@pytest.mark.parametrize("stdin", ["it's\n\x1b\0\n", "it's\n\x1b\n\n", b"'\xff\0%s", Path(__file__)])
def test_a_revealed_preview_feeds_the_input(stdin: str | bytes | Path) -> None:
    run = Run(command=["sh", "-c", "printenv A; pwd; cat"], stdin=stdin, env={"A": "1"}, working_dir="/usr")
    script = SubprocessLauncher().preview(run, reveal=True)
    given = stdin.read_bytes() if isinstance(stdin, Path) else stdin.encode() if isinstance(stdin, str) else stdin
    assert subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout == b"1\n/usr\n" + given


def test_a_missing_virtualenv_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="virtualenv"):
        SubprocessLauncher(virtualenv=tmp_path / "missing").submit(Run(command=["touch", str(tmp_path / "started")]))
    assert not (tmp_path / "started").exists()


def test_a_directory_that_is_not_a_virtualenv_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="virtualenv"):
        SubprocessLauncher(virtualenv=tmp_path).submit(Run(entrypoint="json:loads"))


def test_a_missing_conda_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDA_EXE", "/no/such/conda")
    with pytest.raises(LaunchError, match=r"conda.*CONDA_EXE"):
        SubprocessLauncher(condaenv="data").submit(Run(command=["true"]))


def test_a_missing_conda_environment_is_an_error_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONDA_EXE", "true")
    with pytest.raises(LaunchError, match=r"conda environment.*missing"):
        SubprocessLauncher(condaenv=tmp_path / "missing").submit(Run(command=["true"]))


def test_conda_runs_the_command_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conda = tmp_path / "conda"
    conda.write_text('#!/bin/sh\necho "$@"\n')
    conda.chmod(0o755)
    monkeypatch.setenv("CONDA_EXE", str(conda))
    lines = lines_of(SubprocessLauncher(condaenv="data"), Run(command=["echo", "hello"]))
    assert lines == ["run --name data --no-capture-output echo hello"]


@pytest.fixture(scope="module")
def virtualenv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("environments") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True)
    return path


def test_the_python_of_a_virtualenv_runs_commands_and_entrypoints(
    virtualenv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    (tmp_path / "where.py").write_text("import sys\ndef main():\n    print(sys.prefix)\n")
    launcher = SubprocessLauncher(virtualenv=virtualenv, working_dir=tmp_path)
    for run in (Run(command=["python", "-c", "import sys; print(sys.prefix)"]), Run(entrypoint="where.py:main")):
        assert lines_of(launcher, run) == [str(virtualenv)]


def test_a_virtualenv_in_the_home_directory_is_expanded(virtualenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(virtualenv.parent))
    run = Run(command=["sh", "-c", "echo $VIRTUAL_ENV"])
    assert lines_of(SubprocessLauncher(virtualenv="~/venv"), run) == [str(virtualenv)]
