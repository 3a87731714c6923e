"""Runs CPython's own tests of ThreadPoolExecutor and Future against LaunchExecutor and LaunchFuture.

    python -m tests.promises              lists the test classes
    python -m tests.promises CLASS        runs one

It needs a process of its own: it changes modules of the standard library, and the tests reap children and send signals.
Importing this module replaces `concurrent.futures.ThreadPoolExecutor` by LaunchExecutor.
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

ANOTHER_DEFAULT = "it asserts a default that differs"
PRIVATE_STATE = "it sets or reads the private Future._state, which is PENDING for a running LaunchFuture"
REPR = "it asserts the text of the repr, which differs"

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
    """LaunchExecutor with the constructor and the name of the class that it replaces."""

    def __init__(self, max_workers: int = 32, **options: Any) -> None:
        super().__init__(SubprocessLauncher(), max_workers, **options)


class Future(LaunchFuture):
    """LaunchFuture with the constructor of the class that it replaces."""

    def __init__(self) -> None:
        super().__init__(Run(command=["true"]))


futures.ThreadPoolExecutor = ThreadPoolExecutor  # type: ignore[misc]


def modules() -> Iterator[ModuleType]:
    """The modules of CPython's tests; their scripts replace the executor as well."""
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
    """The test classes of thread pools and futures, by name."""
    return {
        name: item
        for module in modules()
        for name, item in vars(module).items()
        if name == "FutureTests" or (name.startswith("ThreadPool") and issubclass(item, unittest.TestCase))
    }


def run(name: str) -> bool:
    """Runs one class; returns whether all its tests passed and left nothing."""
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
