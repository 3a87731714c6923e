"""examples/demo.py, on a few modules instead of the whole standard library."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_module_and_package_that_has_sources_is_measured_the_largest_first() -> None:
    paths = load("demo").standard_library()
    names = [path.stem for path in paths]
    assert {"json", "os", "colorsys"} <= set(names) <= set(names) - {"site-packages", "__pycache__"}
    assert names.index("asyncio") < names.index("json") < names.index("this")


def test_the_demo_shows_the_results_and_the_reasons_of_failures(tmp_path: Path) -> None:
    demo, written = load("demo"), io.StringIO()
    console = Console(file=written, width=80)
    reports = demo.Reports()
    paths = [Path(sysconfig.get_path("stdlib")) / "json", tmp_path / "missing.py"]
    futures = demo.measure_all(paths, reports)
    demo.show(reports, futures, 1.0, console)
    assert [future.result() for future in futures] == [True, False]
    assert reports.found["json"]["files"] > 3
    assert reports.found["json"]["longest"][1] in written.getvalue()
    assert "missing: failed: FileNotFoundError" in written.getvalue()
    assert "2 runs, 1 failed, in 1.0 s" in written.getvalue()


def test_functions_are_counted_with_their_full_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "old.py").write_text("print 'two'\n")
    (package / "new.py").write_text(
        "class A:\n    def method(self):\n        if self:\n            async def inner():\n                pass\n"
    )
    load("sources").measure(str(package))
    assert json.loads(capsys.readouterr().out) == {
        "files": 3,
        "lines": 5,
        "functions": 2,
        "longest": [4, "pack.new.A.method"],
        "unparsed": ["pack.old"],
    }


def test_the_sources_need_no_package_of_ours() -> None:
    modules = set(sys.modules)
    load("sources")
    assert not any(name.startswith(("launchpad", "rich")) for name in set(sys.modules) - modules)
