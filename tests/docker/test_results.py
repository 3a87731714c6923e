"""The result of a function in a container, whatever the container has made of the file with it."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from launchpad import LaunchExecutor, Run
from launchpad.core.retries import Transient
from launchpad.docker.results import ABSENT, file_in
from launchpad.docker.spec import result_paths
from launchpad.docker.status import paths_in
from launchpad.results import MAX_REPORT, NOT_WRITTEN

from ..conformance.docker_harness import PYTHON_IMAGE
from .conftest import Launch
from .proxy import Proxy


def archive(content: bytes = b"", **fields: Any) -> bytes:
    """A tar archive as an engine sends it for one path."""
    member = tarfile.TarInfo("result")
    member.size = len(content)
    for name, value in fields.items():
        setattr(member, name, value)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def test_the_content_of_the_first_file_is_the_report() -> None:
    assert file_in(archive(b"report" * 1000)) == b"report" * 1000
    assert file_in(archive(b"report", pax_headers={"comment": "€" * 600})) == b"report"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_anything_but_a_file_is_explained(kind: bytes) -> None:
    assert "something else" in str(file_in(archive(type=kind, linkname="/etc/passwd")))


@pytest.mark.parametrize("data", [b"", b"x" * 512, archive(b"x" * 2000)[:1500], archive(b"x")[:100]])
def test_an_archive_that_is_cut_off_is_requested_again(data: bytes) -> None:
    with pytest.raises(Transient):
        file_in(data)


@pytest.mark.parametrize(
    ("user", "first"), [(None, "/."), ("0:0", "/."), ("root", "/."), ("1000", "/tmp/."), ("nobody:nogroup", "/tmp/.")]
)
def test_root_writes_to_the_root_directory_and_others_to_tmp(user: str | None, first: str) -> None:
    paths = result_paths("run", "name", user)
    assert paths[0].startswith(first)
    assert sorted(paths) == sorted(result_paths("run", "name", None))
    assert paths != result_paths("run", "other", user)
    assert paths_in("\n".join(["1", *paths])) == paths
    assert paths_in(None) == ()


TAMPERING = """
import atexit, os

def main(how):
    with open("/proc/self/environ") as environ:
        place = next(item for item in environ.read().split("\\0") if item.startswith("LAUNCHPAD_RESULT="))
    atexit.register(tamper, how, place.split("\\n")[1])
    return "the true value"

def tamper(how, path):
    os.unlink(path)
    if how == "symbolic link":
        os.symlink("/etc/passwd", path)
    elif how == "hard link":
        os.link("/etc/group", path)
    elif how == "FIFO":
        os.mkfifo(path)
    elif how == "directory":
        os.makedirs(path + "/result")
    elif how == "device":
        os.mknod(path, 0o20666, os.makedev(1, 5))
    elif how == "5 GB":
        with open(path, "wb") as file:
            file.truncate(5 * 1024**3)
    elif how == "no JSON":
        with open(path, "w") as file:
            file.write("launchpad 3\\n{{{")
"""

EXPLANATIONS = {
    "symbolic link": "something else|not written by launchpad",  # Podman sends the file that it links to
    "hard link": "not written by launchpad",
    "FIFO": "something else",
    "directory": "something else",
    "device": "something else",
    "5 GB": f"more than {MAX_REPORT} bytes",
    "no JSON": "not JSON",
    "removed": ABSENT[:40],
}


@pytest.mark.docker
def test_a_container_that_tampers_with_its_result_harms_nothing(make: Launch, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(TAMPERING)
    may_make_devices = {"cap_add": ["MKNOD"]}  # Podman's containers may not
    launcher = make(image=PYTHON_IMAGE, volumes=[f"{tmp_path}:/code:ro"], auto_remove=True, options=may_make_devices)
    with LaunchExecutor(launcher, 4) as executor:
        runs = [Run(entrypoint="/code/tasks.py:main", parameters={"how": how}) for how in EXPLANATIONS]
        outcomes = [future.outcome for future in executor.launch_all(runs) if future.result() is not None]
    found = {how: outcome for how, outcome in zip(EXPLANATIONS, outcomes, strict=True) if outcome is not None}
    assert [(how, one.ok, one.value) for how, one in found.items() if not one.ok or one.value is not None] == []
    assert [one.value_error for how, one in found.items() if not re.search(EXPLANATIONS[how], one.value_error)] == []


@pytest.mark.docker
@pytest.mark.parametrize(
    ("settings", "comes_back"),
    [
        ({"user": "1000"}, True),
        ({"options": {"tmpfs": {"/tmp": ""}}}, True),
        ({"user": "1000", "options": {"tmpfs": {"/tmp": ""}}}, False),
        ({"options": {"read_only": True}}, False),
    ],
)
def test_where_a_container_cannot_keep_the_result_the_run_succeeds_without_a_value(
    make: Launch, settings: dict[str, Any], comes_back: bool
) -> None:
    outcome = make(image=PYTHON_IMAGE, auto_remove=True, **settings).launch(
        Run(entrypoint="json:loads", parameters={"s": "[1]"})
    )
    assert outcome.ok
    assert (outcome.value, outcome.value_error) == (([1], "") if comes_back else (None, ABSENT))
    assert outcome.value_error != NOT_WRITTEN


@pytest.mark.docker
def test_a_call_takes_one_request_more_which_is_repeated_after_a_lost_answer(make: Launch, proxy: Proxy) -> None:
    with make(image=PYTHON_IMAGE, auto_remove=True) as launcher:
        assert launcher.submit(Run(command=["true"]))
        assert proxy.count("/archive") == 0
        assert launcher.launch(Run(entrypoint="json:loads", parameters={"s": "[1]"})).value == [1]
        assert proxy.count("/archive") == 1
        proxy.lose_answer("/archive", 2)
        assert launcher.launch(Run(entrypoint="json:loads", parameters={"s": "[2]"})).value == [2]
        assert proxy.count("/archive") == 4
