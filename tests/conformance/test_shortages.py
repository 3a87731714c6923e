"""A process with too few descriptors: every run ends soon, with its result or with advice, and nothing is left."""

from __future__ import annotations

import json

import pytest

from .harness import Harness
from .helping import LONG, other_process


@pytest.mark.needs("other_processes")
@pytest.mark.needs("few_descriptors")
def test_each_run_ends_with_its_result_or_with_advice_if_descriptors_are_short(harness: Harness) -> None:
    with other_process(harness, "run_short_of_descriptors") as other:
        ends = json.loads(other.communicate(timeout=4 * LONG)[0].splitlines()[-1])
    assert [end for end in ends if end != "completed" and "raise the limit (ulimit -n)" not in end] == []
    assert "completed" in ends
    assert harness.leftovers() == []
