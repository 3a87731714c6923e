"""What happens inside a run: an entrypoint is found and called, by an interpreter that has nothing but itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from launchpad import engine

SOURCE = Path(engine.__file__)

MODES = {
    "by path": [str(SOURCE)],
    "by path, isolated": ["-I", "-S", str(SOURCE)],
    "by source": ["-c", SOURCE.read_text(encoding="utf-8")],
    "by source, isolated": ["-I", "-S", "-c", SOURCE.read_text(encoding="utf-8")],
}
if sys.version_info >= (3, 11):
    MODES["by source, safe path"] = ["-P", "-c", SOURCE.read_text(encoding="utf-8")]


class Ended(NamedTuple):
    code: int
    out: str
    err: str


class House:
    """A folder to run entrypoints in, by one of the ways in which the engine is started."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.folder = folder
        self.mode = MODES[mode]

    def write(self, name: str, source: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")

    def run(self, entrypoint: str, env: dict[str, str] | None = None, **parameters: object) -> Ended:
        given = {**os.environ, "LAUNCHPAD_PARAMETERS": json.dumps(parameters), **(env or {})}
        command = [sys.executable, *self.mode, entrypoint]
        done = subprocess.run(command, cwd=self.folder, env=given, capture_output=True, text=True, timeout=60)
        return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, "by path")


@pytest.fixture(params=MODES)
def any_house(tmp_path: Path, request: pytest.FixtureRequest) -> House:
    return House(tmp_path, request.param)


class TestCalling:
    def test_a_function_of_a_module_gets_its_parameters_and_0_is_its_end(self, any_house: House) -> None:
        any_house.write("package/__init__.py", "")
        any_house.write("package/module.py", "def main(day, n=1): print(day, n + 1)")
        assert any_house.run("package.module:main", day="today", n=2) == (0, "today 3\n", "")

    def test_a_function_of_a_file_imports_its_siblings(self, any_house: House) -> None:
        any_house.write("flows/helpers.py", "word = 'sibling'")
        any_house.write("flows/report.py", "import helpers\ndef main(): print(helpers.word)")
        assert any_house.run("flows/report.py:main") == (0, "sibling\n", "")

    def test_a_path_may_be_absolute(self, house: House) -> None:
        house.write("ü/report.py", "def größe(): print(__file__)")
        path = house.folder / "ü" / "report.py"
        assert house.run(f"{path}:größe") == (0, f"{path}\n", "")

    def test_a_coroutine_function_is_run_to_its_end(self, any_house: House) -> None:
        any_house.write("m.py", "import asyncio\nasync def main(x):\n await asyncio.sleep(0)\n print(x)")
        assert any_house.run("m:main", x=5) == (0, "5\n", "")

    @pytest.mark.parametrize("returned", ["1", "False", "object()"])
    def test_what_it_returns_does_not_matter(self, house: House, returned: str) -> None:
        house.write("m.py", f"def main(): return {returned}")
        assert house.run("m:main").code == 0

    def test_a_class_or_another_callable_will_do(self, house: House) -> None:
        house.write("m.py", "class Main:\n def __init__(self, x): print(x)\npartial = __import__('functools').partial")
        assert house.run("m:Main", x=1) == (0, "1\n", "")

    def test_it_works_without_parameters_in_the_environment(self, house: House) -> None:
        house.write("m.py", "def main(x=1): print(x)")
        env = {name: value for name, value in os.environ.items() if name != "LAUNCHPAD_PARAMETERS"}
        command = [sys.executable, str(SOURCE), "m:main"]
        assert subprocess.check_output(command, cwd=house.folder, env=env, text=True) == "1\n"

    def test_parameters_are_gone_from_the_environment_when_its_module_is_imported(self, house: House) -> None:
        house.write("m.py", "import os\nseen = 'LAUNCHPAD_PARAMETERS' in os.environ\ndef main(): print(seen)")
        assert house.run("m:main") == (0, "False\n", "")

    def test_a_function_that_reads_its_arguments_finds_none(self, any_house: House) -> None:
        any_house.write("m.py", "import argparse\ndef main(): print(argparse.ArgumentParser().parse_args())")
        assert any_house.run("m:main") == (0, "Namespace()\n", "")

    def test_a_line_is_seen_when_it_is_printed(self, house: House) -> None:
        house.write("m.py", "import os\ndef main():\n print('seen')\n os._exit(0)")
        assert house.run("m:main").out == "seen\n"


class TestEnds:
    @pytest.mark.parametrize(
        ("raised", "code", "err"),
        [
            ("SystemExit", 0, ""),
            ("SystemExit(None)", 0, ""),
            ("SystemExit(0)", 0, ""),
            ("SystemExit(7)", 7, ""),
            ("SystemExit('why')", 1, "why\n"),
        ],
    )
    @pytest.mark.parametrize("kind", ["def", "async def"])
    def test_system_exit_keeps_its_code(self, house: House, kind: str, raised: str, code: int, err: str) -> None:
        house.write("m.py", f"{kind} main(): raise {raised}")
        assert house.run("m:main") == (code, "", err)

    def test_an_error_is_1_with_a_traceback_that_begins_in_the_users_code(self, any_house: House) -> None:
        any_house.write("m.py", "def main():\n    helper()\ndef helper():\n    1 / 0")
        code, out, err = any_house.run("m:main")
        lines = err.splitlines()
        assert (code, out, lines[-1]) == (1, "", "ZeroDivisionError: division by zero")
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[1].endswith('m.py", line 2, in main')

    def test_so_does_that_of_a_coroutine_function(self, any_house: House) -> None:
        any_house.write("m.py", "async def main():\n    1 / 0")
        lines = any_house.run("m:main").err.splitlines()
        assert lines[1].endswith('m.py", line 2, in main')
        assert "asyncio" not in "".join(lines)

    @pytest.mark.parametrize("entrypoint", ["m:main", "m.py:main"])
    def test_so_does_that_of_a_module_that_fails_when_it_is_imported(self, any_house: House, entrypoint: str) -> None:
        any_house.write("m.py", "import json\nimport missing_module\ndef main(): pass")
        code, _, err = any_house.run(entrypoint)
        assert (code, err.splitlines()[-1]) == (1, "ModuleNotFoundError: No module named 'missing_module'")
        assert err.splitlines()[1].endswith('m.py", line 2, in <module>')

    def test_a_package_whose_init_fails_is_a_traceback(self, house: House) -> None:
        house.write("package/__init__.py", "import missing_module")
        house.write("package/module.py", "def main(): pass")
        code, _, err = house.run("package.module:main")
        assert (code, "missing_module" in err, "__init__.py" in err) == (1, True, True)

    @pytest.mark.parametrize("entrypoint", ["m:main", "m.py:main"])
    def test_a_syntax_error_shows_its_line_and_nothing_of_ours(self, house: House, entrypoint: str) -> None:
        house.write("m.py", "def main(:\n    pass")
        code, _, err = house.run(entrypoint)
        assert (code, "line 1" in err, "SyntaxError" in err) == (1, True, True)
        assert "engine.py" not in err

    def test_parameters_that_do_not_fit_are_one_line(self, any_house: House) -> None:
        any_house.write("m.py", "def main(day): pass")
        code, _, err = any_house.run("m:main", dya="today")
        assert code == 1
        assert err.splitlines() == ["TypeError: main() got an unexpected keyword argument 'dya'"]

    def test_the_cause_of_an_error_is_shown_whole(self, house: House) -> None:
        house.write(
            "m.py",
            "def main():\n try:\n  1 / 0\n except ValueError: pass\n except Exception as e: raise KeyError from e",
        )
        err = house.run("m:main").err
        assert err.index("ZeroDivisionError") < err.index("direct cause") < err.index("KeyError")

    @pytest.mark.parametrize(
        ("entrypoint", "named"),
        [
            ("missing:main", "there is no module missing (looked in"),
            ("package.missing:main", "there is no module package.missing (looked in"),
            ("m.main:main", "there is no module m.main (looked in"),
            ("missing.py:main", "missing.py"),
            ("package/module.py:main", "there is no file"),
            ("m:missing", "missing does not exist in m"),
            ("m.py:missing", "missing does not exist in m.py"),
            ("m:value", "value is no function in m"),
        ],
    )
    def test_what_does_not_exist_is_2_with_one_line_that_names_it(
        self, any_house: House, entrypoint: str, named: str
    ) -> None:
        any_house.write("m.py", "value = 5")
        any_house.write("package/__init__.py", "")
        code, out, err = any_house.run(entrypoint)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert err.startswith(f"launchpad: cannot run {entrypoint!r}: ")
        assert named in err


class TestImports:
    def test_the_working_directory_comes_first_for_a_module(self, any_house: House) -> None:
        any_house.write("m.py", "import os, sys\ndef main(): print(sys.path[0] == os.getcwd())")
        assert any_house.run("m:main").out == "True\n"

    def test_its_folder_comes_first_for_a_file_and_the_working_directory_is_not_there(self, any_house: House) -> None:
        source = """
            import os, sys
            def main():
                print(sys.path[0] == os.path.dirname(__file__), os.getcwd() in sys.path, "" in sys.path)
        """
        any_house.write("flows/m.py", source)
        assert any_house.run("flows/m.py:main").out == "True False False\n"

    @pytest.mark.parametrize("name", ["docker", "kubernetes", "names", "models"])
    def test_nothing_is_hidden_by_a_module_of_ours(self, any_house: House, name: str) -> None:
        any_house.write(f"{name}/__init__.py", "word = 'the users'")
        any_house.write("m.py", f"import {name}\ndef main(): print({name}.word)")
        assert any_house.run("m:main").out == "the users\n"

    def test_subprocess_is_that_of_the_standard_library(self, any_house: House) -> None:
        any_house.write("m.py", "import subprocess\ndef main(): print(hasattr(subprocess, 'Popen'))")
        assert any_house.run("m:main").out == "True\n"

    @pytest.mark.parametrize("name", ["json", "statistics", "email", "types", "re"])
    def test_a_file_may_have_the_name_of_a_module_of_the_standard_library(self, any_house: House, name: str) -> None:
        any_house.write(f"{name}.py", "def main(): print('mine')")
        assert any_house.run(f"{name}.py:main") == (0, "mine\n", "")

    @pytest.mark.parametrize("file", ["flow.py", "daily-report.py", "json.py", "report.v2.py"])
    def test_dataclasses_of_a_file_pickle(self, any_house: House, file: str) -> None:
        source = """
            from __future__ import annotations
            import dataclasses, pickle
            @dataclasses.dataclass
            class Point:
                x: int
            def main():
                print(pickle.loads(pickle.dumps(Point(1))) == Point(1))
        """
        any_house.write(file, source)
        assert any_house.run(f"{file}:main") == (0, "True\n", "")

    @pytest.mark.parametrize("file", ["flow.py", "daily-report.py"])
    def test_processes_that_a_file_starts_find_its_functions(self, any_house: House, file: str) -> None:
        source = """
            import multiprocessing
            def twice(x):
                return 2 * x
            def main():
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    print(pool.map(twice, [1, 2]))
        """
        any_house.write(file, source)
        assert any_house.run(f"{file}:main") == (0, "[2, 4]\n", "")

    def test_a_main_guard_is_not_entered(self, house: House) -> None:
        house.write("m.py", "def main(): print(__name__)\nif __name__ == '__main__': print('no')")
        assert house.run("m.py:main").out == "m\n"

    def test_the_engine_needs_little_of_the_standard_library(self, house: House) -> None:
        house.write("m.py", "import sys\ndef main(): print('typing' in sys.modules, 'asyncio' in sys.modules)")
        house.mode = ["-I", "-S", str(SOURCE)]
        assert house.run("m:main").out == "False False\n"
