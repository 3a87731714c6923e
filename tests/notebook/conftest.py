"""Kernels for tests; where Jupyter is missing, all tests here skip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("ipykernel", reason="needs ipykernel: pip install 'launchpad-runs[test]'")
pytest.importorskip("nbclient", reason="needs nbclient: pip install 'launchpad-runs[test]'")

if TYPE_CHECKING:
    from .notebook import Notebook


@pytest.fixture(scope="package", autouse=True)
def loop() -> Iterator[None]:
    """The event loop of Jupyter's client, which it would make at the first call and keep."""
    from jupyter_core.utils import ensure_event_loop

    loop = ensure_event_loop()
    yield
    loop.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """One kernel for the tests of a module."""
    from .notebook import Notebook

    with Notebook(tmp_path_factory.mktemp("notebook")) as notebook:
        assert notebook.run("from launchpad import *").error == ""
        yield notebook


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    """A kernel for one test, which may kill it."""
    from .notebook import Notebook

    with Notebook(tmp_path) as notebook:
        assert notebook.run("from launchpad import *").error == ""
        yield notebook
