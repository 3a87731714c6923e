"""References to images, and when they are pulled. Without an engine."""

from __future__ import annotations

import pytest

from launchpad import DockerLauncher, ImagePullPolicy, Run
from launchpad.docker import references
from launchpad.docker.references import Reference

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("busybox", Reference("busybox")),
        ("busybox:1.36", Reference("busybox", "1.36")),
        ("team/app:v1", Reference("team/app", "v1")),
        ("localhost/app", Reference("localhost/app")),
        ("registry:5000/team/app", Reference("registry:5000/team/app")),
        ("127.0.0.1:5000/app:dev", Reference("127.0.0.1:5000/app", "dev")),
        ("[::1]:5000/app:dev", Reference("[::1]:5000/app", "dev")),
        (f"ghcr.io/a/b__c@{DIGEST}", Reference("ghcr.io/a/b__c", None, DIGEST)),
        (f"ghcr.io/a/b:1@{DIGEST}", Reference("ghcr.io/a/b", "1", DIGEST)),
    ],
)
def test_references_parse_as_docker_does(image: str, expected: Reference) -> None:
    assert references.parse(image) == expected


@pytest.mark.parametrize(
    "image",
    [
        "",
        "Busybox",
        "a//b",
        "a/",
        "a:",
        "a:b:c",
        "a@sha256:12",
        "-host.io/a",
        "host.io:port/a",
        "a b",
        "a:" + "t" * 129,
    ],
)
def test_a_reference_that_docker_would_refuse_is_refused_when_the_launcher_is_created(image: str) -> None:
    with pytest.raises(ValueError, match="is not valid"):
        DockerLauncher(image=image)


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("a", "Always"),
        ("a:latest", "Always"),
        ("host:5000/a", "Always"),
        ("a:1", "IfNotPresent"),
        (f"a@{DIGEST}", "IfNotPresent"),
        (f"a:latest@{DIGEST}", "IfNotPresent"),
    ],
)
def test_the_default_policy_follows_from_the_tag(image: str, policy: str) -> None:
    launcher = DockerLauncher(image=image)
    assert launcher.spec(Run(command=["true"]), "name")["pull"]["policy"] == policy


def test_a_policy_that_is_set_overrides_the_default() -> None:
    launcher = DockerLauncher(image="a:1", image_pull_policy="Never")
    assert launcher.spec(Run(command=["true"]), "name")["pull"]["policy"] == "Never"
    assert DockerLauncher(image_pull_policy="Always").image_pull_policy is ImagePullPolicy.ALWAYS


def test_a_digest_is_pulled_rather_than_a_tag() -> None:
    assert references.parse(f"a:1@{DIGEST}").pulled == DIGEST
    assert references.parse("a").pulled == "latest"


@pytest.mark.parametrize("image", [DIGEST, "0a" * 32, "sha256:0a0a0a0a0a0a"])
def test_an_image_id_is_never_pulled(image: str) -> None:
    for policy in (None, "Always", "IfNotPresent"):
        launcher = DockerLauncher(image=image, image_pull_policy=policy)
        assert launcher.spec(Run(command=["true"]), "name")["pull"]["policy"] == "Never"


def test_a_name_may_be_an_id_if_it_is_hexadecimal_alone() -> None:
    assert [references.may_be_id(name) for name in ("0a0a0a0a0a0a", "decade", "cafe", "0a0a0a:1", "a/0a0a0a")] == [
        True, True, False, False, False,
    ]  # fmt: skip
