"""Files that users name: what is no regular file of a bounded size is a clear error, and nothing hangs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from launchpad import Deployment, EngineUnavailable, KubernetesLauncher, LaunchError, Run
from launchpad.cli.batch_file import read
from launchpad.docker.config import read_config
from launchpad.files import MAX_FILE, read_file, wait_for_program
from launchpad.kubernetes.kubeconfig import select

from .test_limits import ALIASES, DEEP, LONG_TEXT, MERGES

KINDS = {"named pipe": "it is a named pipe", "device": "it is a device", "directory": "Is a directory"}


@pytest.fixture(params=KINDS)
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """A path that is not that of a file, and what an error says about it."""
    path = tmp_path / "config.json"
    if request.param == "named pipe":
        os.mkfifo(path)
    elif request.param == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    return str(path), KINDS[request.param]


def preview(path: str, field: str) -> str:
    return KubernetesLauncher(image="x", **{field: path}).preview(Run(command=["a"]))  # type: ignore[arg-type]


READERS: list[tuple[Callable[[str], object], type[Exception]]] = [
    (Deployment.load, ValueError),
    (read, OSError),
    (lambda path: preview(path, "job"), LaunchError),
    (lambda path: preview(path, "customizations"), LaunchError),
    (lambda path: select(path, None), EngineUnavailable),
    (lambda path: read_config({"DOCKER_CONFIG": os.path.dirname(path)}), EngineUnavailable),
]


@pytest.mark.parametrize(("reader", "kind"), READERS)
def test_what_is_no_file_is_a_clear_error(
    reader: Callable[[str], object], kind: type[Exception], odd: tuple[str, str]
) -> None:
    path, said = odd
    with pytest.raises(kind, match=said) as caught:
        reader(path)
    assert path in str(caught.value)


@pytest.mark.parametrize(("reader", "kind"), [one for one in READERS if one[0] is not read])
def test_a_file_that_is_too_large_is_a_clear_error(
    reader: Callable[[str], object], kind: type[Exception], tmp_path: Path
) -> None:
    path = tmp_path / "config.json"
    with open(path, "wb") as file:
        file.truncate(10 * MAX_FILE)
    with pytest.raises(kind, match="it has more than"):
        reader(str(path))


@pytest.mark.parametrize("bomb", [ALIASES, LONG_TEXT, MERGES, DEEP])
def test_a_kubeconfig_that_becomes_too_large_is_refused(bomb: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(f"{{apiVersion: v1, kind: Config, extensions: {bomb}}}")
    with pytest.raises(EngineUnavailable, match=str(path)) as caught:
        select(str(path), None)
    assert len(str(caught.value)) < 500


def test_an_inherited_pipe_is_read_as_a_file() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stream:
        stream.write(b"content")
    try:
        assert read_file(f"/dev/fd/{reading}") == b"content"
    finally:
        os.close(reading)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_program_that_prints_without_an_end_is_given_up(stream: str, tmp_path: Path) -> None:
    endless = f"import sys\nwhile True: sys.{stream}.write('x' * 4096)"
    files: list[IO[bytes]] = [open(tmp_path / name, "w+b") for name in ("out", "err")]  # noqa: SIM115
    with subprocess.Popen([sys.executable, "-c", endless], stdout=files[0], stderr=files[1]) as process:
        try:
            with pytest.raises(OSError, match="it printed more than 65536 bytes"):
                wait_for_program(process, 60, 65536, *files)
        finally:
            process.kill()
    for file in files:
        file.close()
