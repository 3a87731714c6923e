"""What is made of measured values."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"

VALUES = {"runs/s": {"bare": {"8": [100.0, 10.0, 100.0]}, "ours": {"8": [90.0, 9.0, 50.0]}}}

RECORD: dict[str, Any] = {
    "scenario": "s",
    "title": "Title",
    "size": "workers",
    "base": "bare",
    "values": VALUES,
    "left_out": {"GNU parallel": "no program parallel: apt-get install parallel"},
    "failed": {},
}


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def test_a_ratio_is_the_median_of_those_within_a_round(module: Any) -> None:
    assert module("results").figure(RECORD, "runs/s", "ours", "8").ratio == 0.9


def test_what_was_not_measured_has_no_figure(module: Any) -> None:
    assert module("results").figure(RECORD, "runs/s", "ours", "64") is None


def test_a_cell_has_the_median_the_spread_and_the_ratio(module: Any) -> None:
    assert "ours  50 (9 to 90) x0.90" in module("tables").text(RECORD)


def test_what_is_left_out_is_told_with_what_to_do(module: Any) -> None:
    assert "left out: GNU parallel: no program parallel: apt-get install parallel" in module("tables").text(RECORD)


def test_requests_are_counted_on_the_socket_to_the_engine(module: Any) -> None:
    pattern = module("counting").REQUEST
    assert (
        len(pattern.findall(b'POST /v1.41/containers/create?name=x HTTP/1.1\r\nHost: d\r\n\r\n{"Image": "GET /"}')) == 1
    )
