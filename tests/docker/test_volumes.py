"""Volumes as DockerLauncher takes them. Without an engine."""

from __future__ import annotations

import os
from typing import Any

import pytest

from launchpad import DockerLauncher, Run
from launchpad.docker import volumes


@pytest.mark.parametrize(
    "volume",
    [
        "/a:/b",
        "/a:/b:ro",
        "/a:/b:rw",
        "./a:/b",
        "../a:/b:ro",
        "~/a:/b",
        "~user/a:/b",
        "data:/b",
        "C:\\data:/b",
        "c:/d:/b:ro",
        "/a b:/c",
        "/a:/b:ro,Z",
        "/a:/b:z,rslave,cached",
        "data:/b:nocopy",
        "C:\\a:/b:consistent",
        "/a",
    ],
)
def test_volumes_are_a_source_and_a_target(volume: str) -> None:
    assert DockerLauncher(volumes=[volume]).volumes == [volume]


@pytest.mark.parametrize(
    "volume",
    [
        "",
        "a",
        "/",
        "/a:",
        ":/b",
        "/a:b",
        "/a:./b",
        "/a:/b:",
        "/a:/b:rx",
        "/a:/b:ro:",
        "a/b:/c",
        "d:/b",
        "/a:/b:ro,",
        "/a:/b:ro,rw",
        "/a:/b:z,Z",
        "/a:/b:ro,ro",
        "/a:/b:shared,rslave",
        "/a:/b:cached,delegated",
        "/a:/b:RO",
        "/a:ro",
        "-x:/b",
    ],
)
def test_other_volumes_are_refused(volume: str) -> None:
    with pytest.raises(ValueError, match="Invalid volume specification"):
        DockerLauncher(volumes=[volume])


def test_relative_sources_are_made_absolute_at_the_launch(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = DockerLauncher(image="a:1", volumes=["./x:/x", "../y:/y:ro", "~/z:/z", "data:/d", "C:\\w:/w"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    binds = launcher.spec(Run(command=["true"]), "name")["host"]["binds"]
    parent = os.path.dirname(tmp_path)
    assert binds == [f"{tmp_path}/x:/x:rw", f"{parent}/y:/y:ro", "/home/me/z:/z:rw", "data:/d:rw", "C:\\w:/w:rw"]
    assert volumes.binds(["./:/x"]) == [f"{tmp_path}:/x:rw"]


def test_options_of_a_volume_are_passed_on_and_a_target_alone_is_a_volume_without_a_name() -> None:
    launcher = DockerLauncher(image="a:1", volumes=["/a:/b:ro,Z,rslave", "data:/d:z", "/cache"])
    made = launcher.spec(Run(command=["true"]), "name")
    assert made["host"]["binds"] == ["/a:/b:ro,Z,rslave", "data:/d:z"]
    assert made["create"]["volumes"] == ["/cache"]
