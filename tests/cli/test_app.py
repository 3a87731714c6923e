"""The command itself: help, usage, previews, and missing packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from launchpad.cli.app import app

from .command import COMMAND, launchpad


@pytest.mark.parametrize("command", ["run", "batch", "preview", "doctor"])
def test_every_command_has_help(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])
    assert (done.exit_code, f"launchpad {command}" in done.output or "Usage:" in done.output) == (0, True)


def test_a_run_imports_no_module_that_only_other_commands_need() -> None:
    unneeded = ["launchpad.cli.batch", "launchpad.cli.housekeeping", "launchpad.live.bar", "rich"]
    script = f"""
import sys
from launchpad.cli.app import run_app
run_app(["run", "--", "true"])
print([name for name in {unneeded} if name in sys.modules])
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert said.stdout == "[]\n", said.stderr


def test_no_command_shows_the_help_with_status_2() -> None:
    done = launchpad()
    assert (done.returncode, done.stdout) == (2, "")
    assert "doctor" in done.stderr


def test_an_unknown_command_is_one_line_with_the_closest() -> None:
    done = launchpad("rnu")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("launchpad: No such command 'rnu'")


def test_only_a_near_command_is_suggested() -> None:
    assert "did you mean 'run'?" in launchpad("rnu").stderr
    assert "did you mean" not in launchpad("bench").stderr


@pytest.mark.parametrize(
    ("short", "long"), [(["-h"], ["--help"]), (["run", "-h"], ["run", "--help"]), (["-V"], ["--version"])]
)
def test_help_and_version_have_short_options(short: list[str], long: list[str]) -> None:
    assert CliRunner().invoke(app, short).output == CliRunner().invoke(app, long).output


def test_an_image_and_volumes_are_settings_of_the_launcher(tmp_path: Path) -> None:
    options = ["--launcher", "docker", "--image", "busybox:1", "--volume", "./a:/a", "--set", "volumes=[/b]"]
    shown = json.loads(launchpad("preview", *options, "--", "ls", cwd=tmp_path).stdout)
    assert (shown["create"]["image"], shown["create"]["volumes"]) == ("busybox:1", ["/b"])
    assert shown["host"]["binds"] == [f"{tmp_path}/a:/a:rw"]


def test_version_is_that_of_the_package() -> None:
    done = launchpad("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "launchpad")


def test_preview_masks_values_without_reveal() -> None:
    masked = launchpad("preview", "--env", "TOKEN=hunter2", "--", "echo", "a b")
    first, *_, last = masked.stdout.splitlines()
    assert (masked.returncode, first, last) == (0, "TOKEN='***' \\", "echo 'a b'")
    revealed = launchpad("preview", "--reveal", "--env", "TOKEN=hunter2", "--", "echo", "a b")
    assert revealed.stdout.startswith("TOKEN=hunter2 \\\n")


def test_help_is_quiet_when_its_reader_is_gone() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing) as nowhere:
        done = subprocess.run([*COMMAND, "run", "--help"], stdout=nowhere, stderr=subprocess.PIPE, timeout=60)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("package", ["click", "rich"])
def test_a_missing_package_is_one_line_that_says_what_to_install(package: str) -> None:
    hidden = f"import sys; sys.modules[{package!r}] = None; import launchpad.cli; launchpad.cli.main()"
    done = subprocess.run([sys.executable, "-c", hidden, "run", "ls"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.endswith("pip install 'launchpad-runs[cli]'\n")
    assert done.stderr.count("\n") == 1
