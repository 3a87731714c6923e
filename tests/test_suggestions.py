"""Suggestions for names that are not known."""

from __future__ import annotations

import pytest

from launchpad.suggestions import closest, did_you_mean

KNOWN = ["docker", "kubernetes", "subprocess", "working_dir", "networks", "network_mode", "cpus", "run", "batch", "env"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("dockr", "docker"),
        ("Docker", "docker"),
        ("kubernets", "kubernetes"),
        ("subprcoses", "subprocess"),
        ("working-dir", "working_dir"),
        ("workingDir", "working_dir"),
        ("workdir", "working_dir"),
        ("network", "networks"),
        ("cpu", "cpus"),
        ("rnu", "run"),
        ("kube", "kubernetes"),
        ("environment", "env"),
    ],
)
def test_a_near_name_is_suggested(written: str, meant: str) -> None:
    assert closest(written, KNOWN) == meant


@pytest.mark.parametrize("written", ["bench", "k8s", "podman", "ports", "", "_", "x", "image", "x" * 100_000])
def test_a_name_that_is_not_near_gives_no_suggestion(written: str) -> None:
    assert closest(written, KNOWN) is None
    assert did_you_mean(written, KNOWN) == ""


def test_the_nearest_of_several_is_suggested() -> None:
    assert did_you_mean("nightli", ["nightly-2", "nightly", "weekly"]) == " (did you mean 'nightly'?)"
