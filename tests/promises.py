"""Runs CPython's own tests of ThreadPoolExecutor and Future with LaunchExecutor and LaunchFuture in their places.

    python -m tests.promises              lists the classes of tests that there are
    python -m tests.promises CLASS        runs one

In a process of its own, as the modules of the standard library are changed, and the tests reap and signal at will.
Importing this module puts LaunchExecutor in the place of `concurrent.futures.ThreadPoolExecutor`.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import unittest
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import _base
from pathlib import Path
from types import ModuleType
from typing import Any

import launchpad
from launchpad import LaunchExecutor, LaunchFuture, Run, SubprocessLauncher

TESTS = "test.test_concurrent_futures"
"""A module up to Python 3.11, a package of modules later."""

ANOTHER_DEFAULT = "it asserts a default that is another one here"
PRIVATE_STATE = "it sets or reads the private Future._state, in which a LaunchFuture that is under way is pending"
REPR = "it asserts the text of the repr, which is another one here"

EXCLUDED = {
    "ThreadPoolExecutorTest.test_default_workers": f"{ANOTHER_DEFAULT}: max_workers=32",
    "ThreadPoolShutdownTest.test_thread_names_default": f"{ANOTHER_DEFAULT}: thread names start with launchpad",
    "FutureTests.test_cancel": PRIVATE_STATE,
    "FutureTests.test_running": PRIVATE_STATE,
    "FutureTests.test_repr": REPR,
    "FutureTests.test_multiple_set_result": REPR,
    "FutureTests.test_multiple_set_exception": REPR,
}


class ThreadPoolExecutor(LaunchExecutor):
    """LaunchExecutor, with the constructor and the name of what it stands in for."""

    def __init__(self, max_workers: int = 32, **options: Any) -> None:
        super().__init__(SubprocessLauncher(), max_workers, **options)


class Future(LaunchFuture):
    """LaunchFuture, with the constructor of what it stands in for."""

    def __init__(self) -> None:
        super().__init__(Run(command=["true"]))


futures.ThreadPoolExecutor = ThreadPoolExecutor  # type: ignore[misc]


def modules() -> Iterator[ModuleType]:
    """CPython's tests, whose own scripts make the replacement, too."""
    from test.support import script_helper

    run_script = script_helper.assert_python_ok
    paths = {str(Path(module.__file__).parents[1]) for module in (launchpad, sys.modules[__name__])}
    replace = f"import sys; sys.path[:0] = {sorted(paths)!r}; import {__spec__.name}\n"
    script_helper.assert_python_ok = lambda option, code: run_script(option, replace + code)
    tests = importlib.import_module(TESTS)
    yield tests
    for module in pkgutil.iter_modules(getattr(tests, "__path__", [])):
        if module.name != "test_process_pool":
            yield importlib.import_module(f"{TESTS}.{module.name}")


def classes() -> dict[str, type[unittest.TestCase]]:
    """The classes of tests of thread pools and futures, by name."""
    return {
        name: item
        for module in modules()
        for name, item in vars(module).items()
        if name == "FutureTests" or (name.startswith("ThreadPool") and issubclass(item, unittest.TestCase))
    }


def run(name: str) -> bool:
    """Runs one class; whether all its tests passed, and cleaned up after them."""
    if name == "FutureTests":
        _base.Future = Future  # type: ignore[misc]
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(classes()[name])
    for test in suite:
        if reason := EXCLUDED.get(f"{name}.{test._testMethodName}"):
            setattr(test, test._testMethodName, unittest.skip(reason)(lambda: None))
    result = unittest.TextTestRunner(sys.stdout, verbosity=2).run(suite)
    from test import support

    return result.wasSuccessful() and result.testsRun > len(result.skipped) and not support.environment_altered


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(not run(sys.argv[1]))
    print(*sorted(classes()))
