"""The engine finds and calls an entrypoint, in interpreters without any package."""

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
IMPORTABLE = {"PYTHONPATH": str(SOURCE.parents[1])}

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


class Folder:
    """A directory to run entrypoints in. The engine is started in the given mode."""

    def __init__(self, path: Path, mode: str) -> None:
        self.path = path
        self.mode = MODES[mode]

    def write(self, name: str, source: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")

    def run_in_removed(self, entrypoint: str) -> Ended:
        """Like `run`, in a directory that does not exist any more."""
        shell = ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@"', sys.executable]
        command = [*shell, *self.mode, entrypoint]
        done = subprocess.run(command, cwd=self.path, capture_output=True, text=True, timeout=60)
        return Ended(done.returncode, done.stdout, done.stderr)

    def run(self, entrypoint: str, env: dict[str, str] | None = None, **parameters: object) -> Ended:
        given = {**os.environ, "LAUNCHPAD_PARAMETERS": json.dumps(parameters), **(env or {})}
        command = [sys.executable, *self.mode, entrypoint]
        done = subprocess.run(command, cwd=self.path, env=given, capture_output=True, text=True, timeout=60)
        return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, "by path")


@pytest.fixture(params=MODES)
def any_folder(tmp_path: Path, request: pytest.FixtureRequest) -> Folder:
    return Folder(tmp_path, request.param)


class TestCalling:
    def test_a_function_of_a_module_gets_its_parameters_and_exits_with_0(self, any_folder: Folder) -> None:
        any_folder.write("package/__init__.py", "")
        any_folder.write("package/module.py", "def main(day, n=1): print(day, n + 1)")
        assert any_folder.run("package.module:main", day="today", n=2) == (0, "today 3\n", "")

    def test_a_function_of_a_file_imports_its_siblings(self, any_folder: Folder) -> None:
        any_folder.write("flows/helpers.py", "word = 'sibling'")
        any_folder.write("flows/report.py", "import helpers\ndef main(): print(helpers.word)")
        assert any_folder.run("flows/report.py:main") == (0, "sibling\n", "")

    def test_a_path_may_be_absolute(self, folder: Folder) -> None:
        folder.write("ü/report.py", "def größe(): print(__file__)")
        path = folder.path / "ü" / "report.py"
        assert folder.run(f"{path}:größe") == (0, f"{path}\n", "")

    def test_a_coroutine_function_is_awaited(self, any_folder: Folder) -> None:
        any_folder.write("m.py", "import asyncio\nasync def main(x):\n await asyncio.sleep(0)\n print(x)")
        assert any_folder.run("m:main", x=5) == (0, "5\n", "")

    @pytest.mark.parametrize("returned", ["1", "False", "object()"])
    def test_the_returned_value_is_ignored(self, folder: Folder, returned: str) -> None:
        folder.write("m.py", f"def main(): return {returned}")
        assert folder.run("m:main").code == 0

    def test_any_callable_is_accepted(self, folder: Folder) -> None:
        folder.write("m.py", "class Main:\n def __init__(self, x): print(x)\npartial = __import__('functools').partial")
        assert folder.run("m:Main", x=1) == (0, "1\n", "")

    def test_parameters_may_be_missing_from_the_environment(self, folder: Folder) -> None:
        folder.write("m.py", "def main(x=1): print(x)")
        env = {name: value for name, value in os.environ.items() if name != "LAUNCHPAD_PARAMETERS"}
        command = [sys.executable, str(SOURCE), "m:main"]
        assert subprocess.check_output(command, cwd=folder.path, env=env, text=True) == "1\n"

    def test_parameters_are_removed_from_the_environment_before_the_import(self, folder: Folder) -> None:
        folder.write("m.py", "import os\nseen = 'LAUNCHPAD_PARAMETERS' in os.environ\ndef main(): print(seen)")
        assert folder.run("m:main") == (0, "False\n", "")

    def test_a_function_that_parses_sys_argv_gets_no_arguments(self, any_folder: Folder) -> None:
        any_folder.write("m.py", "import argparse\ndef main(): print(argparse.ArgumentParser().parse_args())")
        assert any_folder.run("m:main") == (0, "Namespace()\n", "")

    def test_a_printed_line_is_visible_at_once(self, folder: Folder) -> None:
        folder.write("m.py", "import os\ndef main():\n print('seen')\n os._exit(0)")
        assert folder.run("m:main").out == "seen\n"


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
    def test_system_exit_keeps_its_code(self, folder: Folder, kind: str, raised: str, code: int, err: str) -> None:
        folder.write("m.py", f"{kind} main(): raise {raised}")
        assert folder.run("m:main") == (code, "", err)

    def test_an_error_exits_with_1_and_a_traceback_without_our_frames(self, any_folder: Folder) -> None:
        any_folder.write("m.py", "def main():\n    helper()\ndef helper():\n    1 / 0")
        code, out, err = any_folder.run("m:main")
        lines = err.splitlines()
        assert (code, out, lines[-1]) == (1, "", "ZeroDivisionError: division by zero")
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[1].endswith('m.py", line 2, in main')

    def test_an_error_in_a_coroutine_has_a_traceback_without_our_frames(self, any_folder: Folder) -> None:
        any_folder.write("m.py", "async def main():\n    1 / 0")
        lines = any_folder.run("m:main").err.splitlines()
        assert lines[1].endswith('m.py", line 2, in main')
        assert "asyncio" not in "".join(lines)

    @pytest.mark.parametrize("entrypoint", ["m:main", "m.py:main"])
    def test_an_error_at_import_has_a_traceback_without_our_frames(self, any_folder: Folder, entrypoint: str) -> None:
        any_folder.write("m.py", "import json\nimport missing_module\ndef main(): pass")
        code, _, err = any_folder.run(entrypoint)
        assert (code, err.splitlines()[-1]) == (1, "ModuleNotFoundError: No module named 'missing_module'")
        assert err.splitlines()[1].endswith('m.py", line 2, in <module>')

    def test_an_error_in_a_package_init_has_a_traceback(self, folder: Folder) -> None:
        folder.write("package/__init__.py", "import missing_module")
        folder.write("package/module.py", "def main(): pass")
        code, _, err = folder.run("package.module:main")
        assert (code, "missing_module" in err, "__init__.py" in err) == (1, True, True)

    @pytest.mark.parametrize("entrypoint", ["m:main", "m.py:main"])
    def test_a_syntax_error_shows_its_line_and_none_of_our_frames(self, folder: Folder, entrypoint: str) -> None:
        folder.write("m.py", "def main(:\n    pass")
        code, _, err = folder.run(entrypoint)
        assert (code, "line 1" in err, "SyntaxError" in err) == (1, True, True)
        assert "engine.py" not in err

    def test_wrong_parameters_are_one_line(self, any_folder: Folder) -> None:
        any_folder.write("m.py", "def main(day): pass")
        code, _, err = any_folder.run("m:main", dya="today")
        assert code == 1
        assert err.splitlines() == ["TypeError: main() got an unexpected keyword argument 'dya'"]

    def test_the_cause_of_an_error_is_shown(self, folder: Folder) -> None:
        folder.write(
            "m.py",
            "def main():\n try:\n  1 / 0\n except ValueError: pass\n except Exception as e: raise KeyError from e",
        )
        err = folder.run("m:main").err
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
            ("m:value", "value is not a function in m"),
        ],
    )
    def test_a_missing_module_or_function_exits_with_2_and_one_line(
        self, any_folder: Folder, entrypoint: str, named: str
    ) -> None:
        any_folder.write("m.py", "value = 5")
        any_folder.write("package/__init__.py", "")
        code, out, err = any_folder.run(entrypoint)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert err.startswith(f"launchpad: cannot run {entrypoint!r}: ")
        assert named in err


class TestImports:
    def test_the_working_directory_comes_first_for_a_module(self, any_folder: Folder) -> None:
        any_folder.write("m.py", "import os, sys\ndef main(): print(sys.path[0] == os.getcwd())")
        assert any_folder.run("m:main").out == "True\n"

    def test_a_file_is_searched_by_its_directory_not_by_the_working_directory(self, any_folder: Folder) -> None:
        source = """
            import os, sys
            def main():
                print(sys.path[0] == os.path.dirname(__file__), os.getcwd() in sys.path, "" in sys.path)
        """
        any_folder.write("flows/m.py", source)
        assert any_folder.run("flows/m.py:main").out == "True False False\n"

    @pytest.mark.parametrize("name", ["docker", "kubernetes", "names", "models"])
    def test_our_modules_hide_no_other_module(self, any_folder: Folder, name: str) -> None:
        any_folder.write(f"{name}/__init__.py", "word = 'the users'")
        any_folder.write("m.py", f"import {name}\ndef main(): print({name}.word)")
        assert any_folder.run("m:main").out == "the users\n"

    def test_subprocess_is_the_standard_librarys(self, any_folder: Folder) -> None:
        any_folder.write("m.py", "import subprocess\ndef main(): print(hasattr(subprocess, 'Popen'))")
        assert any_folder.run("m:main").out == "True\n"

    @pytest.mark.parametrize("name", ["json", "statistics", "email", "types", "re"])
    def test_a_file_may_have_the_name_of_a_module_of_the_standard_library(self, any_folder: Folder, name: str) -> None:
        any_folder.write(f"{name}.py", "def main(): print('mine')")
        assert any_folder.run(f"{name}.py:main") == (0, "mine\n", "")

    @pytest.mark.parametrize("file", ["flow.py", "daily-report.py", "json.py", "report.v2.py"])
    def test_dataclasses_of_a_file_pickle(self, any_folder: Folder, file: str) -> None:
        source = """
            from __future__ import annotations
            import dataclasses, pickle
            @dataclasses.dataclass
            class Point:
                x: int
            def main():
                print(pickle.loads(pickle.dumps(Point(1))) == Point(1))
        """
        any_folder.write(file, source)
        assert any_folder.run(f"{file}:main") == (0, "True\n", "")

    @pytest.mark.parametrize("file", ["flow.py", "daily-report.py"])
    def test_processes_that_a_file_starts_find_its_functions(self, any_folder: Folder, file: str) -> None:
        source = """
            import multiprocessing
            def twice(x):
                return 2 * x
            def main():
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    print(pool.map(twice, [1, 2]))
        """
        any_folder.write(file, source)
        assert any_folder.run(f"{file}:main") == (0, "[2, 4]\n", "")

    def test_a_main_guard_is_not_executed(self, folder: Folder) -> None:
        folder.write("m.py", "def main(): print(__name__)\nif __name__ == '__main__': print('no')")
        assert folder.run("m.py:main").out == "m\n"

    def test_the_engine_imports_few_modules(self, folder: Folder) -> None:
        folder.write("m.py", "import sys\ndef main(): print('typing' in sys.modules, 'asyncio' in sys.modules)")
        folder.mode = ["-I", "-S", str(SOURCE)]
        assert folder.run("m:main").out == "False False\n"


LAUNCH = "from launchpad import LaunchExecutor, Run, SubprocessLauncher\nRUN = Run(command=['true'])\n"


class TestLaunchingDuringTheImport:
    @pytest.mark.parametrize(
        "launch",
        [
            "SubprocessLauncher().submit(RUN)",
            "SubprocessLauncher().start(RUN)",
            "LaunchExecutor(SubprocessLauncher()).submit(RUN)",
            "from concurrent.futures import ThreadPoolExecutor as Pool\n"
            "Pool(1).submit(SubprocessLauncher().launch, RUN).result()",
        ],
    )
    @pytest.mark.parametrize("entrypoint", ["tasks.py:main", "tasks:main"])
    def test_it_is_an_error_that_says_to_add_a_guard(self, launch: str, entrypoint: str, tmp_path: Path) -> None:
        folder = Folder(tmp_path, "by source")
        folder.write("tasks.py", f"{LAUNCH}def main(): pass\n{launch}")
        done = folder.run(entrypoint, env=IMPORTABLE)
        assert done.code == 1
        assert done.err.count("LaunchError: ") == 1
        assert 'put the code that launches under `if __name__ == "__main__":`' in done.err

    def test_the_function_itself_may_launch(self, folder: Folder) -> None:
        folder.write("tasks.py", f"{LAUNCH}def main(): print(SubprocessLauncher().submit(RUN))")
        assert folder.run("tasks:main", env=IMPORTABLE) == (0, "True\n", "")

    def test_a_script_without_a_guard_ends(self, folder: Folder) -> None:
        folder.write("script.py", f"{LAUNCH}def f(): pass\nprint(SubprocessLauncher().submit(Run.of(f)))")
        command = [sys.executable, "script.py"]
        done = subprocess.run(
            command, cwd=folder.path, env={**os.environ, **IMPORTABLE}, capture_output=True, timeout=60
        )
        assert (done.returncode, done.stdout) == (0, b"False\n")
        assert done.stderr.count(b"LaunchError: ") == 1


class TestARemovedWorkingDirectory:
    def test_a_module_is_found_elsewhere(self, any_folder: Folder) -> None:
        done = any_folder.run_in_removed("os:getpid")
        assert (done.code, done.err) == (0, "")

    def test_what_is_not_found_is_one_line(self, folder: Folder) -> None:
        for entrypoint in ("nowhere:main", "nowhere.py:main"):
            done = folder.run_in_removed(entrypoint)
            assert (done.code, done.err.count("\n"), "was removed" in done.err) == (2, 1, True)
