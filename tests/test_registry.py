"""Launcher classes are found by their type: ours, registered ones, and those of installed packages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

from launchpad import SubprocessLauncher, lookup_launcher, register_launcher
from launchpad.launcher import known_launchers

Offer = Callable[[str, str], None]


@register_launcher
@attrs.frozen(kw_only=True)
class Mine(SubprocessLauncher):
    type: ClassVar[str] = "test-registry-mine"


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Offer]:
    """Installs a package that offers a launcher of a type: its source, as the module `offered`."""

    def install(name: str, source: str) -> None:
        (tmp_path / "offered.py").write_text(source)
        info = tmp_path / "offering-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[launchpad.launchers]\n{name} = offered:Offered\n")
        monkeypatch.syspath_prepend(str(tmp_path))

    yield install
    sys.modules.pop("offered", None)


def class_source(name: str, base: str = "SubprocessLauncher") -> str:
    return (
        "from typing import ClassVar\nimport attrs\nfrom launchpad import SubprocessLauncher\n"
        f"@attrs.frozen(kw_only=True)\nclass Offered({base}):\n    type: ClassVar[str] = {name!r}\n"
    )


def test_our_launchers_are_found_by_type() -> None:
    assert lookup_launcher("subprocess") is SubprocessLauncher


@pytest.mark.parametrize("name", ["subprocess", "universal"])
def test_our_launchers_are_imported_by_the_lookup(name: str) -> None:
    source = f"from launchpad import lookup_launcher; print(lookup_launcher({name!r}).type)"
    assert subprocess.check_output([sys.executable, "-c", source], text=True) == f"{name}\n"


def test_a_registered_class_is_found_by_its_type() -> None:
    assert lookup_launcher("test-registry-mine") is Mine


@pytest.mark.parametrize("name", ["missing", "", "Docker", None, 5])
def test_an_unknown_type_is_an_error_that_lists_the_known_ones(name: Any) -> None:
    with pytest.raises(ValueError, match="unknown launcher type") as caught:
        lookup_launcher(name)
    for known in ("docker", "kubernetes", "subprocess", "universal", "test-registry-mine"):
        assert known in str(caught.value)


@pytest.mark.parametrize("name", ["", None, 5])
def test_a_class_needs_a_type(name: Any) -> None:
    with pytest.raises(ValueError, match="Nameless needs a name"):
        register_launcher(type("Nameless", (SubprocessLauncher,), {"type": name}))


def test_a_type_of_another_class_is_refused() -> None:
    class Mine2(SubprocessLauncher):
        type: ClassVar[str] = "test-registry-mine"

    with pytest.raises(ValueError, match=r"'test-registry-mine' is already that of .*test_registry\.Mine:"):
        register_launcher(Mine2)
    assert lookup_launcher("test-registry-mine") is Mine


@pytest.mark.parametrize("name", ["subprocess", "docker", "kubernetes", "universal"])
def test_our_types_are_refused_to_other_classes_even_before_they_are_imported(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is already that of launchpad"):
        register_launcher(type("Other", (SubprocessLauncher,), {"type": name}))


def test_a_class_that_is_defined_again_replaces_itself() -> None:
    def define() -> type[SubprocessLauncher]:
        class Again(SubprocessLauncher):
            type: ClassVar[str] = "test-registry-again"

        return register_launcher(Again)

    first, second = define(), define()
    assert lookup_launcher("test-registry-again") is second is not first


def test_a_launcher_is_found_by_an_entry_point(offer: Offer) -> None:
    offer("test-registry-offered", class_source("test-registry-offered"))
    assert "test-registry-offered" in known_launchers()
    assert "offered" not in sys.modules
    assert lookup_launcher("test-registry-offered").__module__ == "offered"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import missing_module", "ModuleNotFoundError: No module named 'missing_module'"),
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("x = 1", "AttributeError"),
        ("Offered = 5", "the launcher's type is None"),
        (class_source("another"), "the launcher's type is 'another'"),
    ],
)
def test_a_broken_entry_point_is_an_error_that_names_it(offer: Offer, source: str, why: str) -> None:
    offer("test-registry-broken", source)
    with pytest.raises(ValueError, match="'test-registry-broken' is offered by 'offered:Offered'") as caught:
        lookup_launcher("test-registry-broken")
    assert why in str(caught.value)


def test_an_entry_point_cannot_replace_our_types(offer: Offer) -> None:
    offer("subprocess", class_source("subprocess"))
    assert lookup_launcher("subprocess") is SubprocessLauncher


def test_many_threads_may_look_up_at_once() -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lookup_launcher, ["subprocess", "test-registry-mine"] * 50))
    assert found == {SubprocessLauncher, Mine}
