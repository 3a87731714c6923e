"""A launcher for nowhere yet: it cannot launch, and becomes one that can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import pytest

from launchpad import (
    Handle,
    LaunchError,
    LaunchExecutor,
    Run,
    SubprocessLauncher,
    UniversalLauncher,
    lookup_launcher,
    register_launcher,
)

RUN = Run(command=["true"])
HANDLE = Handle("universal", "1", "true", "host", RUN.id)


@register_launcher
@attrs.frozen(kw_only=True)
class Imaged(SubprocessLauncher):
    type: ClassVar[str] = "test-universal-imaged"
    image: str = ""


def test_it_is_found_by_its_type() -> None:
    assert lookup_launcher("universal") is UniversalLauncher


@pytest.mark.parametrize(
    "use",
    [
        lambda launcher: launcher.submit(RUN),
        lambda launcher: launcher.start(RUN),
        lambda launcher: launcher.preview(RUN),
        lambda launcher: launcher.spec(RUN, "true"),
        lambda launcher: launcher.wait(HANDLE),
        lambda launcher: launcher.stop(HANDLE),
        lambda launcher: launcher.remove(HANDLE),
        lambda launcher: LaunchExecutor(launcher, 1).submit(RUN).result(10),
    ],
)
def test_a_universal_launcher_cannot_launch_and_its_error_gives_advice(
    use: Callable[[UniversalLauncher], object],
) -> None:
    with pytest.raises(LaunchError, match=r"another type first.*\.to\('docker', image=") as caught:
        use(UniversalLauncher())
    assert "\n" not in str(caught.value)


def test_to_keeps_env_stream_output_and_grace() -> None:
    launcher = UniversalLauncher(env={"A": 1}, stream_output=False, grace=3).to(Imaged.type, image="x")
    assert launcher == Imaged(image="x", env={"A": "1"}, stream_output=False, grace=3)


def test_settings_given_to_to_override_and_env_is_merged() -> None:
    launcher = UniversalLauncher(env={"A": 1, "B": 2, "C": 3}, stream_output=False, grace=3)
    other = launcher.to("subprocess", env={"B": 20, "C": None}, stream_output=True, grace=0)
    assert other == SubprocessLauncher(env={"A": "1", "B": "20", "C": None}, grace=0)


def test_to_changes_neither_the_launcher_nor_its_arguments() -> None:
    launcher, env = UniversalLauncher(env={"A": 1}), {"B": 2}
    launcher.to("subprocess", env=env)
    assert (launcher, env) == (UniversalLauncher(env={"A": 1}), {"B": 2})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing", {}), "unknown launcher type 'missing'"),
        ((Imaged.type, {"imge": "x"}), r"unknown key 'imge' of Imaged \(did you mean 'image'\?\)"),
        ((Imaged.type, {"grace": -1}), "grace must be"),
        ((Imaged.type, {"env": {"A": True}}), r"env\['A'\] must be"),
        ((Imaged.type, {"env": None}), "env must be a mapping"),
    ],
)
def test_bad_settings_are_value_errors(arguments: tuple[str, dict[str, Any]], said: str) -> None:
    name, settings = arguments
    with pytest.raises(ValueError, match=said):
        UniversalLauncher().to(name, **settings)


def test_it_becomes_each_of_our_own() -> None:
    assert UniversalLauncher(grace=1).to("subprocess").grace == 1
    assert UniversalLauncher(grace=1).to("universal") == UniversalLauncher(grace=1)
