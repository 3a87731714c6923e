"""What Run.of can name, and what it refuses with the way out; how an entrypoint becomes a command."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from launchpad import Run, engine
from launchpad.entrypoints import local_command, parameters_environment, portable_command


def plain(day: str = "today") -> str:
    return day


def many(day: str, *names: str, size: int, deep: bool = False) -> None: ...


def by_position(day: str, /) -> None: ...


def anything(first: int = 0, /, *rest: int, **named: int) -> None: ...


async def coroutine() -> None:
    await asyncio.sleep(0)


def keeping(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def losing(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper() -> Any:
        return function()

    return wrapper


@keeping
def decorated() -> None: ...


@losing
def badly_decorated() -> None: ...


@functools.lru_cache
def cached() -> None: ...


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> Any:
    yield 1


class House:
    def method(self) -> None: ...

    @classmethod
    def of_class(cls) -> None: ...

    @staticmethod
    def static() -> None: ...

    def __call__(self) -> None: ...


def closure() -> Callable[[], None]:
    def inner() -> None: ...

    return inner


anonymous = lambda: None  # noqa: E731
renamed = decorated.__wrapped__  # type: ignore[attr-defined]


class TestOf:
    @pytest.mark.parametrize("function", [plain, coroutine, decorated], ids=lambda function: function.__name__)
    def test_a_function_of_a_module_is_named_by_it(self, function: Any) -> None:
        run = Run.of(function)
        assert run.entrypoint == f"{__name__}:{function.__name__}"
        assert run.name == function.__name__

    def test_everything_else_is_passed_to_the_run(self) -> None:
        fields: dict[str, Any] = {"parameters": {"day": "x"}, "name": "n", "env": {"A": 1}, "labels": {"team": "b"}}
        run = Run.of(plain, **fields, working_dir="/app", timeout=5)
        assert run == Run(entrypoint=run.entrypoint, **fields, working_dir="/app", timeout=5, id=run.id)

    @pytest.mark.parametrize(
        ("function", "why"),
        [
            (anonymous, "lambda"),
            (closure(), "defined inside another function"),
            (badly_decorated, "functools.wraps"),
            (House().method, "is a method"),
            (House.of_class, "is a method"),
            (House.method, "belongs to a class"),
            (House.static, "belongs to a class"),
            (House, "not type"),
            (House(), "not House"),
            (functools.partial(plain, day="x"), "not partial"),
            (cached, "not _lru_cache_wrapper"),
            (print, "not builtin_function_or_method"),
            (generator, "generator"),
            (async_generator, "generator"),
            (renamed, "has no decorated that is this function"),
            ("module:function", "not str"),
            (None, "not NoneType"),
        ],
    )
    def test_a_function_that_cannot_be_named_is_refused_in_one_line(self, function: Any, why: str) -> None:
        with pytest.raises(ValueError, match=r"\A[^\n]+\Z") as caught:
            Run.of(function)
        assert why in str(caught.value)

    @pytest.mark.parametrize(
        ("function", "parameters"),
        [
            (plain, {}),
            (plain, {"day": "x"}),
            (many, {"day": "x", "size": 1}),
            (many, {"day": "x", "size": 1, "deep": True}),
            (anything, {}),
            (anything, {"whatever": 1}),
            (anything, {"first": 1}),  # goes to **rest
            (decorated, {"whatever": 1}),  # the decorator may take it
            (plain, {"day": Path("x")}),
        ],
    )
    def test_parameters_that_a_function_can_take_are_accepted(self, function: Any, parameters: Any) -> None:
        assert Run.of(function, parameters=parameters).parameters.keys() == parameters.keys()

    @pytest.mark.parametrize(
        ("function", "parameters", "faults"),
        [
            (plain, {"dya": 1}, "it has no 'dya' (did you mean 'day'?)"),
            (plain, {"quantity": 1}, "it has no 'quantity' (it has 'day')"),
            (coroutine, {"day": 1}, "it has no 'day' (it has none)"),
            (many, {"day": 1}, "it needs 'size'"),
            (many, {"siez": 1}, "it has no 'siez' (did you mean 'size'?); it needs 'day'; it needs 'size'"),
            (many, {"day": 1, "size": 2, "names": 3}, "it has no 'names' (it has 'day', 'size', 'deep')"),
            (by_position, {"day": 1}, "'day' is positional-only (before the /), and parameters are passed by name"),
            (by_position, {}, "it needs 'day', which is positional-only (before the /): parameters are passed by name"),
        ],
    )
    def test_parameters_that_it_cannot_take_are_refused(self, function: Any, parameters: Any, faults: Any) -> None:
        with pytest.raises(ValueError, match=rf"\A{function.__name__} cannot take these parameters: (.*)\Z") as caught:
            Run.of(function, parameters=parameters)
        assert str(caught.value).endswith(f": {faults}")

    def test_a_function_of_a_module_that_cannot_be_imported_is_refused(self) -> None:
        names: dict[str, Any] = {"__name__": "made_up"}
        exec("def main(): pass", names)
        with pytest.raises(ValueError, match="made_up has no main"):
            Run.of(names["main"])

    def test_a_function_whose_name_is_another_functions_by_now_is_refused(self) -> None:
        module = ModuleType("replaced")
        sys.modules["replaced"] = module
        try:
            exec("def main(): pass\nfirst = main\ndef main(): pass", vars(module))
            assert Run.of(module.main).entrypoint == "replaced:main"
            with pytest.raises(ValueError, match="replaced has no main that is this function"):
                Run.of(module.first)
        finally:
            del sys.modules["replaced"]


SCRIPT = """
    import functools
    from helpers import keeping
    from launchpad import Run

    def main(): print("main of", __name__)

    @keeping
    def decorated(): pass

    if __name__ == "__main__":
        print(Run.of(main).entrypoint)
        print(Run.of(decorated).entrypoint)
"""

SPAWNING = """
    import multiprocessing
    from launchpad import Run

    def main(): pass
    def entrypoint(): return Run.of(main).entrypoint

    if __name__ == "__main__":
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(entrypoint))
"""

HELPERS = """
    import functools
    def keeping(function):
        @functools.wraps(function)
        def wrapper(): return function()
        return wrapper
"""


class TestScripts:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "package"
        folder.mkdir()
        for name, source in {"script": SCRIPT, "__main__": SCRIPT, "helpers": HELPERS, "__init__": ""}.items():
            (folder / f"{name}.py").write_text(textwrap.dedent(source))
        self.tmp_path = tmp_path
        return folder

    def python(self, *arguments: str, cwd: Path | None = None, **kwargs: Any) -> str:
        here = str(Path(engine.__file__).parents[1])
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([here, str(self.tmp_path / "package")])}
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=cwd or self.tmp_path, env=env, capture_output=True, text=True, timeout=60, **kwargs
        )
        return done.stdout + done.stderr

    def test_the_functions_of_a_script_are_named_by_its_file(self, folder: Path) -> None:
        path = folder / "script.py"
        assert self.python("script.py", cwd=folder) == f"{path}:main\n{path}:decorated\n"

    def test_those_of_a_folder_that_is_run_too(self, folder: Path) -> None:
        path = folder / "__main__.py"
        assert self.python("package") == f"{path}:main\n{path}:decorated\n"

    def test_those_of_a_module_that_is_run_are_named_by_the_module(self) -> None:
        assert self.python("-m", "package.script") == "package.script:main\npackage.script:decorated\n"

    def test_those_of_a_package_that_is_run_are_named_by_its_main_module(self) -> None:
        assert self.python("-m", "package") == "package.__main__:main\npackage.__main__:decorated\n"

    def test_a_profiler_around_a_script_makes_no_difference(self, folder: Path) -> None:
        path = folder / "script.py"
        assert self.python("-m", "cProfile", "script.py", cwd=folder).startswith(f"{path}:main\n")

    def test_those_of_a_script_are_named_in_the_processes_it_spawns_too(self, folder: Path) -> None:
        (folder / "script.py").write_text(textwrap.dedent(SPAWNING))
        assert self.python("script.py", cwd=folder) == f"{folder / 'script.py'}:main\n"

    @pytest.mark.parametrize(
        ("arguments", "given"),
        [(["-c", "from launchpad import Run\ndef main(): pass\nRun.of(main)"], ""), (["-"], "{}"), (["-i"], "{}")],
    )
    def test_those_of_a_prompt_are_refused_with_the_way_out(self, arguments: list[str], given: str) -> None:
        source = "from launchpad import Run\ndef main(): pass\n\nRun.of(main)\n"
        said = self.python(*arguments, input=source if given else "")
        assert "defined in a notebook or at a prompt" in said
        assert ".py file" in said

    def test_those_of_a_notebook_are_refused_although_their_cells_look_like_files(self) -> None:
        cell = "/tmp/ipykernel_12/345.py"
        source = f"exec(compile('def main(): pass', {cell!r}, 'exec'))\nfrom launchpad import Run\nRun.of(main)"
        assert "%%writefile" in self.python("-c", source)


class TestCommands:
    def test_a_local_command_runs_the_engine_by_its_path(self) -> None:
        assert local_command("m:main", "/venv/bin/python") == ["/venv/bin/python", engine.__file__, "m:main"]

    def test_a_portable_command_contains_the_engine(self, tmp_path: Path) -> None:
        (tmp_path / "m.py").write_text("import sys\ndef main(day): print(day, 'launchpad' in sys.modules)")
        command = portable_command("m:main", sys.executable)
        env = {**os.environ, **parameters_environment("m:main", {"day": "ü"}), "PYTHONIOENCODING": "utf-8"}
        assert subprocess.check_output(command, cwd=tmp_path, env=env).decode() == f"ü False{os.linesep}"

    def test_parameters_are_passed_in_one_variable_and_only_with_an_entrypoint(self) -> None:
        ((name, value),) = parameters_environment("m:main", {"day": "ü"}).items()
        assert (name, json.loads(value)) == ("LAUNCHPAD_PARAMETERS", {"day": "ü"})
        assert parameters_environment(None, {}) == {}


def test_an_argument_that_is_not_known_says_how_parameters_are_given() -> None:
    with pytest.raises(TypeError, match=r"no argument 'x': give the arguments of plain as parameters=\{'x': …\}"):
        Run.of(plain, x=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"no argument 'timout' \(did you mean 'timeout'\?\)"):
        Run.of(plain, timout=3)  # type: ignore[arg-type]
