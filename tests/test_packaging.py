"""The installed package: its metadata, its public names, and what importing it loads."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, entry_points, metadata, requires, version
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest

import launchpad
from launchpad import engine
from launchpad.subprocess import log_writer, shim_script, sweep_script, watchdog_script

DISTRIBUTION = "launchpad-runs"
"""The name in the package index, where another project has the name of the import package."""

PUBLIC = [
    "Run",
    "Handle",
    "Outcome",
    "Reason",
    "Launcher",
    "UniversalLauncher",
    "SubprocessLauncher",
    "DockerLauncher",
    "KubernetesLauncher",
    "LaunchExecutor",
    "LaunchFuture",
    "Deployment",
    "LauncherSettings",
    "lookup_launcher",
    "register_launcher",
    "ImagePullPolicy",
    "RestartPolicy",
    "base_run_environment",
    "get_image_name",
    "LaunchError",
    "EngineUnavailable",
    "ImagePullError",
    "NameConflict",
    "RunNotFound",
    "RunNotAvailable",
]

HEAVY = {"cattrs", "click", "docker", "jsonpatch", "kubernetes", "psutil", "rich", "slugify", "tenacity", "yaml"}


def after_import(expression: str) -> object:
    """The value of an expression in a new interpreter that has imported launchpad."""
    script = f"import json, signal, sys, threading, launchpad; print(json.dumps({expression}))"
    return json.loads(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_exported(name: str) -> None:
    assert name in launchpad.__all__
    assert getattr(launchpad, name).__module__.startswith("launchpad.")


def test_every_name_in_all_exists() -> None:
    assert [name for name in launchpad.__all__ if not hasattr(launchpad, name)] == []
    assert sorted(launchpad.__all__) == dir(launchpad)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'PrefectLauncher'"):
        launchpad.PrefectLauncher  # noqa: B018


def modules() -> list[str]:
    return [module.name for module in pkgutil.walk_packages(launchpad.__path__, "launchpad.")]


@pytest.mark.parametrize("name", [name for name in modules() if not name.endswith("__main__")])
def test_every_module_can_be_imported(name: str) -> None:
    assert importlib.import_module(name).__doc__


def test_importing_launchpad_imports_nothing_heavy() -> None:
    assert HEAVY.intersection(after_import("list(sys.modules)")) == set()


@pytest.mark.parametrize(
    "script", [engine, log_writer, shim_script, sweep_script, watchdog_script], ids=lambda module: module.__name__
)
def test_a_script_that_runs_elsewhere_imports_only_the_standard_library(script: ModuleType) -> None:
    tree = ast.walk(ast.parse(Path(str(script.__file__)).read_text()))
    statements = [node for node in tree if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {ast.unparse(node).split()[1].partition(".")[0].rstrip(",") for node in statements}
    beside = {"", "lean", "log_writer", "sweep_script", "_signal"}  # with the package, and without
    assert names <= sys.stdlib_module_names | beside


def test_importing_launchpad_changes_nothing_in_the_process() -> None:
    assert after_import("signal.getsignal(signal.SIGINT) is signal.default_int_handler") is True
    assert after_import("signal.getsignal(signal.SIGTERM) == signal.SIG_DFL") is True
    assert after_import("threading.active_count()") == 1


def test_the_package_ships_its_types() -> None:
    assert files("launchpad").joinpath("py.typed").is_file()


@pytest.fixture
def installed() -> None:
    """Skips a test of the metadata in a checkout that was installed under another name, or is not installed."""
    try:
        version(DISTRIBUTION)
    except PackageNotFoundError:
        pytest.skip(f"{DISTRIBUTION} is not installed here: pip install --editable .")


@pytest.mark.usefixtures("installed")
def test_the_metadata_names_license_python_and_extras() -> None:
    package = metadata(DISTRIBUTION)
    assert (package["Name"], package["License-Expression"], package["Requires-Python"]) == (
        DISTRIBUTION,
        "Apache-2.0",
        ">=3.10",
    )
    assert {"docker", "kubernetes", "cli", "notebook", "all", "dev"} <= set(package.get_all("Provides-Extra") or [])
    assert version(DISTRIBUTION).count(".") == 2


@pytest.mark.usefixtures("installed")
def test_the_core_needs_five_packages() -> None:
    core = [need for need in requires(DISTRIBUTION) or [] if "extra ==" not in need and "sys_platform" not in need]
    assert sorted(need.partition(">=")[0] for need in core) == [
        "PyYAML",
        "attrs",
        "cattrs",
        "python-slugify",
        "tenacity",
    ]


@pytest.mark.usefixtures("installed")
def test_every_dependency_has_a_lower_bound() -> None:
    needs = [need for need in requires(DISTRIBUTION) or [] if not need.startswith(("launchpad", "types-"))]
    assert [need for need in needs if ">=" not in need] == []


def test_the_command_line_is_installed() -> None:
    (script,) = set(entry_points(group="console_scripts", name="launchpad"))
    assert callable(script.load())


def test_messages_name_the_extras_of_this_distribution() -> None:
    sources = [path.read_text() for path in Path(launchpad.__file__).parent.rglob("*.py")]
    named = {name for source in sources for name in re.findall(r"([\w-]+)\[[a-z{}]+\]'", source)}
    assert named == {DISTRIBUTION}
