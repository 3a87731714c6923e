"""What the launchers of engines show in a notebook, without an engine."""

from __future__ import annotations

import pytest

from launchpad import DockerLauncher, KubernetesLauncher, Run
from launchpad.launcher import Launcher

MANIFEST = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"template": {"spec": {"containers": [{"name": "job", "env": [{"name": "A", "value": "s3cret"}]}]}}},
}
LAUNCHERS = {
    "docker": DockerLauncher(
        image="busybox:1", env={"TOKEN": "s3cret"}, registry_auth={"username": "me", "password": "s3cret"}
    ),
    "kubernetes": KubernetesLauncher(image="busybox:1", env={"TOKEN": "s3cret"}, job=MANIFEST),
}


@pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)
def test_a_launcher_shows_its_settings_and_no_secret(launcher: Launcher) -> None:
    page = launcher._repr_html_()
    assert "busybox:1" in page
    assert "TOKEN" in page
    assert "s3cret" not in page


@pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)
def test_containers_of_a_notebook_have_the_label_that_finds_them(launcher: Launcher) -> None:
    run = Run(command=["true"])
    assert run.id in str(launcher.spec(run, "name")).partition("labels")[2]
