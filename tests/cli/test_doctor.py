"""`launchpad doctor`, and the checks it looks up."""

from __future__ import annotations

import json
from typing import ClassVar

import attrs
import pytest

from launchpad import Health, SubprocessLauncher, UniversalLauncher
from launchpad.cli.doctor import examine
from launchpad.testing import FakeLauncher

from .checked import check
from .checked.launcher import CheckedLauncher
from .command import launchpad


@attrs.frozen(kw_only=True)
class Unchecked(SubprocessLauncher):
    type: ClassVar[str] = "unchecked"


@pytest.mark.parametrize(
    ("answer", "health"),
    [
        ("usable", Health(usable=True, version="1.2", detail="found", advice="go on")),
        ("unavailable", Health(usable=False, detail="No engine answers: start it.")),
        ("broken", Health(usable=False, detail="The check failed: KeyError: 'key'")),
    ],
)
def test_the_check_beside_a_launcher_gives_its_health(answer: str, health: Health) -> None:
    assert examine([("mine", lambda: CheckedLauncher(answer=answer))]) == {"mine": health}


def test_a_check_that_hangs_does_not_delay_the_result() -> None:
    try:
        found = examine([("mine", lambda: CheckedLauncher(answer="hanging"))], timeout=0.05)
    finally:
        check.never.set()
    assert found == {"mine": Health(usable=False, detail="It has not answered within 0.05 s.")}


def test_a_launcher_without_a_check_of_its_own_has_that_of_its_base_class() -> None:
    assert examine([("mine", Unchecked)])["mine"].version.startswith("Linux")


def test_a_launcher_without_any_check_is_usable_if_it_connects() -> None:
    assert examine([("mine", FakeLauncher)]) == {"mine": Health(usable=True, detail="fake")}


def test_a_launcher_that_cannot_connect_is_not_usable() -> None:
    health = examine([("mine", UniversalLauncher)])["mine"]
    assert (health.usable, "does not say where to launch" in health.detail) == (False, True)


def test_local_processes_are_usable() -> None:
    done = launchpad("doctor", "--launcher", "subprocess")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].split()[:3] == ["subprocess", "yes", "Linux"]


def test_each_launcher_has_a_row() -> None:
    done = launchpad("doctor", "--json")
    assert done.returncode == 0
    assert {"docker", "kubernetes", "subprocess"} <= json.loads(done.stdout).keys()


def test_a_named_launcher_that_is_not_usable_exits_with_1() -> None:
    done = launchpad("doctor", "--launcher", "subprocess", "--set", "virtualenv=/none", "--json")
    assert done.returncode == 1
    assert "/none" in json.loads(done.stdout)["subprocess"]["detail"]


def test_settings_need_a_launcher() -> None:
    done = launchpad("doctor", "--set", "grace=1")
    assert (done.returncode, done.stderr) == (
        2,
        "launchpad: --set needs --launcher (see: launchpad doctor --help)\n",
    )
