"""Ratios and tables of measured values."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"

VALUES = {"runs/s": {"bare": {"8": [100.0, 10.0, 100.0]}, "launchpad": {"8": [90.0, 9.0, 50.0]}}}

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


def test_a_ratio_is_the_median_of_the_ratios_within_each_round(module: Any) -> None:
    assert module("results").figure(RECORD, "runs/s", "launchpad", "8").ratio == 0.9


def test_a_size_that_was_not_measured_has_no_figure(module: Any) -> None:
    assert module("results").figure(RECORD, "runs/s", "launchpad", "64") is None


def test_a_cell_shows_median_spread_and_ratio(module: Any) -> None:
    assert "launchpad  50 (9 to 90) x0.90" in module("tables").text(RECORD)


def test_a_contender_that_is_left_out_is_listed_with_the_reason(module: Any) -> None:
    assert "left out: GNU parallel: no program parallel: apt-get install parallel" in module("tables").text(RECORD)


def test_a_request_is_counted_once_by_its_request_line(module: Any) -> None:
    request = b'POST /v1.41/containers/create?name=x HTTP/1.1\r\nHost: d\r\n\r\n{"Image": "GET /"}'
    assert len(module("request_counter").REQUEST.findall(request)) == 1
