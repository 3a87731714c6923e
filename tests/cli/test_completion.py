"""Completion: the candidates for a word, and that a real shell completes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from .command import launchpad

DEPLOYMENTS = """
deployments:
  - {name: nightly, run: {command: ["true"]}, launcher: {type: subprocess}}
  - {name: weekly, run: {command: ["true"]}, launcher: {type: subprocess}}
"""


def completions(words: str, cwd: Path | None = None, env: Mapping[str, str] = {}) -> list[str]:
    """What may follow `words`, whose last may be incomplete."""
    env = {**env, "_LAUNCHPAD_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = launchpad(env=env, cwd=cwd)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_script(shell: str) -> None:
    done = launchpad(env={"_LAUNCHPAD_COMPLETE": f"{shell}_source"})
    assert done.returncode == 0
    assert f"_LAUNCHPAD_COMPLETE={shell}_complete" in done.stdout


def test_commands_and_options_are_completed() -> None:
    assert completions("launchpad ba") == ["batch"]
    assert "--launcher" in completions("launchpad run --la")


def test_types_of_launchers_are_completed() -> None:
    assert completions("launchpad run --launcher ") == ["docker", "kubernetes", "subprocess"]
    assert completions("launchpad batch --launcher d") == ["docker"]


def test_deployments_are_completed_from_their_file(tmp_path: Path) -> None:
    (tmp_path / "deployments.yaml").write_text(DEPLOYMENTS)
    assert completions("launchpad run --deployment n", tmp_path) == ["nightly"]
    (tmp_path / "deployments.yaml").rename(tmp_path / "others.yaml")
    assert completions("launchpad run -f others.yaml --deployment ", tmp_path) == ["nightly", "weekly"]


@pytest.mark.parametrize("text", [None, "", "deployments: [{"])
def test_an_invalid_deployments_file_completes_nothing(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "deployments.yaml").write_text(text)
    assert completions("launchpad run --deployment ", tmp_path) == []


def test_runs_are_completed_by_name_and_by_id(tmp_path: Path) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path), "DOCKER_HOST": "unix:///nowhere", "KUBECONFIG": str(tmp_path / "none")}
    run_id = launchpad("run", "-d", "--name", "nightly", "--", "true", env=env).stdout.strip()
    assert launchpad("wait", run_id, env=env).returncode == 0
    assert completions("launchpad logs --launcher subprocess ni", env=env) == ["nightly"]
    assert completions(f"launchpad wait {run_id[:8]}", env=env) == [run_id]
