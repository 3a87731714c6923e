"""Plays every row of the fault matrix; the normal tests play the quick ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docker.private_engine import PrivateEngine

from .judge import Verdict
from .row import Row
from .scene import Scene
from .table import ROWS


def marks(row: Row) -> list[pytest.MarkDecorator]:
    found = (
        [pytest.mark.docker]
        if row.engine == "Docker"
        else [pytest.mark.kubernetes]
        if row.engine == "Kubernetes"
        else []
    )
    if row.alone or row.private or row.pids_limit:
        found.append(pytest.mark.alone)
    if not row.quick:
        found.append(pytest.mark.faults)
    if row.open:
        found.append(pytest.mark.xfail(reason=row.open, strict=True))
    return found


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name, marks=marks(row)) for row in ROWS])
def test_a_fault_has_the_expected_result_and_leaves_nothing(
    row: Row,
    tmp_path: Path,
    private: Callable[[], PrivateEngine],
    plays: int,
    record: Callable[[Row, Verdict], None],
) -> None:
    total = Verdict()
    for number in range(plays):
        total.add(Scene(row, tmp_path / str(number), private).play())
    record(row, total)
    if total.details:
        pytest.fail("\n".join(total.details), pytrace=False)
