"""The result of a function in a Job, from the states that the server reports."""

from __future__ import annotations

from typing import Any

import pytest

from launchpad import KubernetesLauncher, Reason, Run
from launchpad.engine import value_report
from launchpad.kubernetes import diagnosis
from launchpad.kubernetes.results import NO_POD, has_result, report_of
from launchpad.results import NOT_WRITTEN, decode

from .test_diagnosis import FAILED, job, pod, terminated

COMPLETE = {"type": "Complete", "status": "True"}
REPORT = value_report(["größe €"], 4096)


def ended(code: int, message: str | None = REPORT.decode(), phase: str = "Succeeded") -> dict[str, Any]:
    return pod(terminated(code, message=message), phase=phase)


def test_the_termination_message_of_the_own_container_is_the_report() -> None:
    assert report_of(job(COMPLETE), [ended(0)]) == REPORT
    assert decode(report_of(job(COMPLETE), [ended(0)])).value == ["größe €"]


def test_without_a_pod_or_a_message_there_is_no_report() -> None:
    assert report_of(job(COMPLETE), []) == NO_POD
    assert report_of(job(FAILED), [pod()]) == NOT_WRITTEN
    assert report_of(job(COMPLETE), [ended(0, None)]) == NOT_WRITTEN


def test_the_report_is_that_of_the_pod_whose_end_counts() -> None:
    older = ended(1, value_report("older", 4096).decode(), "Failed")
    assert report_of(job(FAILED), [older, ended(137, None, "Failed")]) == NOT_WRITTEN
    assert report_of(job(COMPLETE), [older, ended(0)]) == REPORT


def test_a_report_is_not_part_of_the_message_of_a_failure() -> None:
    end = diagnosis.of_end(job(FAILED), [ended(3, phase="Failed")])
    assert (end.reason, "launchpad" in end.message) == (Reason.FAILED, False)
    assert "hello" in diagnosis.of_end(job(FAILED), [ended(3, "hello", "Failed")]).message


@pytest.mark.parametrize(("run", "expected"), [(Run(entrypoint="m:f"), True), (Run(command=["true"]), False)])
def test_whether_a_job_has_a_result_is_known_from_its_manifest(run: Run, expected: bool) -> None:
    assert has_result(KubernetesLauncher(image="a:1").spec(run, "name")) is expected
    assert not has_result({})
