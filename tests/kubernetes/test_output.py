"""The output of a run that has several pods, or several containers in one, from scripted logs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from launchpad.kubernetes.errors import ApiError
from launchpad.kubernetes.observed import JobSnapshot
from launchpad.kubernetes.output import COMPLAINT_TIMEOUT, QUIET_TIMEOUT, UNREACHABLE_TIMEOUT, RunOutput
from launchpad.kubernetes.podlog import RESUME_INTERVAL

from .scripted import CUT, END, Piece, ScriptedNode, lines


def pod(name: str, *, ended: bool = True, restarts: int = 0, gone: bool = False) -> dict[str, Any]:
    state = {"terminated": {"exitCode": 0}} if ended else {"running": {}}
    status = {"name": "job", "state": state, "restartCount": restarts}
    return {"metadata": {"name": name}, "status": {"containerStatuses": [status]}, "gone": gone}


def snapshot(*pods: dict[str, Any]) -> JobSnapshot:
    return JobSnapshot(None, False, list(pods), 0)


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def output_of(*scripts: list[Piece], clock: Callable[[], float] = time.monotonic) -> tuple[RunOutput, ScriptedNode]:
    node = ScriptedNode(*scripts)
    return RunOutput(node.open, clock), node  # type: ignore[arg-type]


def read_all(output: RunOutput, now: JobSnapshot) -> bytes:
    text = b""
    while data := output.read(now, False):
        text += data
    return text


def test_the_logs_of_pods_follow_each_other_each_on_a_new_line() -> None:
    output, _ = output_of([lines((1, "one"))[:-1], END], [lines((2, "two")), END])
    assert read_all(output, snapshot(pod("a"), pod("b"))) == b"one\ntwo\n"


def test_the_log_of_a_restarted_container_continues_after_that_of_the_first() -> None:
    first, second = lines((1, "one")), lines((3, "two"))
    output, node = output_of([first, END], [first, second, END])
    assert read_all(output, snapshot(pod("a"))) == b"one\n"
    assert read_all(output, snapshot(pod("a", restarts=1))) == b"two\n"
    assert read_all(output, snapshot(pod("a", restarts=1))) == b""
    assert len(node.since) == 2


def test_a_log_is_followed_while_its_container_may_write() -> None:
    first, second = lines((1, "one")), lines((2, "two"))
    clock = Clock()
    output, node = output_of([first, CUT], [first, CUT], [first, second, END], clock=clock)
    running = snapshot(pod("a", ended=False))
    assert (output.read(running, False), output.read(running, False)) == (b"one\n", b"")
    clock.now += RESUME_INTERVAL
    assert output.read(running, True) == b""  # the Job has ended, but its container may still write
    clock.now += RESUME_INTERVAL
    assert output.read(snapshot(pod("a")), True) == b"two\n"
    assert node.followed == [True, True, False]


def test_a_log_that_has_ended_is_requested_ever_more_rarely_while_no_line_comes() -> None:
    clock, pauses = Clock(), []
    output, _ = output_of([lines((1, "one")), END], [END], [END], [lines((2, "two")), END], clock=clock)
    running = snapshot(pod("a", ended=False))
    for data in (b"one\n", b"", b"", b"", b"two\n", b""):
        assert output.read(running, False) == data
        if not data:
            clock.now += (pause := (output.due(None) or 0.0) - clock.now)
            pauses.append(pause)
    assert pauses == [RESUME_INTERVAL, 2 * RESUME_INTERVAL, 4 * RESUME_INTERVAL, RESUME_INTERVAL]


def test_a_pod_that_is_gone_before_its_log_was_requested_has_none() -> None:
    output, node = output_of()
    removed = snapshot(pod("a", gone=True))
    assert read_all(output, removed) == b""
    assert (node.since, output.is_complete(removed)) == ([], False)


def test_a_log_that_is_not_found_is_finished_when_its_pod_is_gone() -> None:
    output, _ = output_of([ApiError("not found", 404, "NotFound")])
    assert read_all(output, snapshot(pod("a"))) == b""
    assert not output.is_finished(snapshot(pod("a")), ended_at=1e12)
    assert read_all(output, gone := snapshot(pod("a", gone=True))) == b""
    assert output.is_finished(gone, ended_at=1e12)


def test_a_log_that_is_not_found_does_not_keep_that_of_the_next_pod_from_being_read() -> None:
    output, _ = output_of([ApiError("not found", 404, "NotFound")], [lines((1, "two"))])
    assert read_all(output, snapshot(pod("a"))) == b""
    assert read_all(output, snapshot(pod("a", gone=True), pod("b"))) == b"two\n"


def test_a_silent_log_is_requested_once_more_and_then_given_up_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    output, node = output_of([lines((1, "one"))], [], clock=clock)
    now = snapshot(pod("a"))
    assert output.read(now, True) == b"one\n"
    assert not output.is_finished(now, ended_at=clock.now)
    clock.now += QUIET_TIMEOUT
    assert not output.is_finished(now, ended_at=0.0)
    assert output.read(now, True) == b""
    clock.now += UNREACHABLE_TIMEOUT
    assert output.is_finished(now, ended_at=0.0)
    assert (len(node.since), "pod a may be incomplete" in caplog.text) == (2, True)
    assert not output.is_complete(now)


NOT_FOUND = [ApiError("not found", 404, "NotFound")]
COMPLAINT = b"unable to retrieve container logs for docker://0ccf"


@pytest.mark.parametrize(
    ("later", "complete"),
    [
        ([NOT_FOUND], True),
        ([[COMPLAINT, END], NOT_FOUND], True),  # the node removes the log file before the pod is gone
        ([[lines((1, "one")) + COMPLAINT, END], NOT_FOUND], False),
        ([[CUT], NOT_FOUND], False),
    ],
)
def test_a_log_that_ended_before_its_pod_was_removed_is_complete(later: list[list[Piece]], complete: bool) -> None:
    clock = Clock()
    output, _ = output_of([lines((1, "one")), END], *later, clock=clock)
    assert read_all(output, snapshot(pod("a", ended=False))) == b"one\n"
    removed = snapshot(pod("a", gone=True))
    for _ in later:
        clock.now += COMPLAINT_TIMEOUT
        assert output.read(removed, True) == b""
    assert (output.is_finished(removed, ended_at=clock.now), output.is_complete(removed)) == (True, complete)


@pytest.mark.parametrize("later", [NOT_FOUND, [COMPLAINT, END]])
def test_a_log_that_ended_and_that_the_node_removes_does_not_delay_that_of_the_next_pod(later: list[Piece]) -> None:
    clock = Clock()
    output, _ = output_of([lines((1, "one")), END], later, [lines((2, "two")), END], clock=clock)
    assert read_all(output, snapshot(pod("a", ended=False))) == b"one\n"
    clock.now += RESUME_INTERVAL
    deleted = pod("a")
    deleted["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    now = snapshot(deleted, pod("b"))
    assert read_all(output, now) == b"two\n"
    assert output.is_complete(now)


def test_a_log_that_its_node_cannot_read_is_given_up_in_the_words_of_the_node(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    output, _ = output_of([lines((1, "one")) + b"no such file or directory", END], clock=clock)
    now = snapshot(pod("a"))
    assert (output.read(now, True), output.read(now, True)) == (b"one\n", b"")
    assert not output.is_finished(now, ended_at=clock.now)
    clock.now += COMPLAINT_TIMEOUT
    assert output.is_finished(now, ended_at=clock.now - COMPLAINT_TIMEOUT)
    assert "The output of pod a may be incomplete: no such file or directory" in caplog.text
    assert not output.is_complete(now)


def test_a_job_without_pods_has_no_output() -> None:
    output, _ = output_of()
    assert output.is_finished(snapshot(), ended_at=0.0)
