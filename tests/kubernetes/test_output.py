"""The output of a run that takes several pods, or several containers in one, by scripted logs."""

from __future__ import annotations

from typing import Any

import pytest

from launchpad.errors import LaunchError
from launchpad.kubernetes.errors import ApiError
from launchpad.kubernetes.observed import JobSnapshot
from launchpad.kubernetes.output import RunOutput

from .test_logs import CUT, Node, Piece, lines


def pod(name: str, *, ended: bool = True, restarts: int = 0, gone: bool = False) -> dict[str, Any]:
    state = {"terminated": {"exitCode": 0}} if ended else {"running": {}}
    status = {"name": "job", "state": state, "restartCount": restarts}
    return {"metadata": {"name": name}, "status": {"containerStatuses": [status]}, "gone": gone}


def seen(*pods: dict[str, Any]) -> JobSnapshot:
    return JobSnapshot(None, False, list(pods), 0)


def transcript_of(*scripts: list[Piece | LaunchError]) -> tuple[RunOutput, Node]:
    node = Node(*scripts)  # type: ignore[arg-type]
    return RunOutput(node.open), node  # type: ignore[arg-type]


def read_all(transcript: RunOutput, now: JobSnapshot) -> bytes:
    text = b""
    while data := transcript.read(now, False):
        text += data
    return text


def read_again(transcript: RunOutput, now: JobSnapshot, ended: bool) -> bytes:
    """Without the wait after a break."""
    assert transcript._log is not None
    transcript._log.due = 0.0
    return transcript.read(now, ended)


def test_pods_come_one_after_the_other_each_on_a_line_of_its_own() -> None:
    transcript, _ = transcript_of([lines((1, "one"))[:-1], None], [lines((2, "two")), None])
    assert read_all(transcript, seen(pod("a"), pod("b"))) == b"one\ntwo\n"


def test_a_container_that_is_started_again_goes_on_where_the_first_one_ended() -> None:
    first, second = lines((1, "one")), lines((3, "two"))
    transcript, node = transcript_of([first, None], [first, second, None])
    assert read_all(transcript, seen(pod("a"))) == b"one\n"
    assert read_all(transcript, seen(pod("a", restarts=1))) == b"two\n"
    assert read_all(transcript, seen(pod("a", restarts=1))) == b""
    assert len(node.since) == 2


def test_a_log_is_followed_while_its_container_may_write() -> None:
    first, second = lines((1, "one")), lines((2, "two"))
    transcript, node = transcript_of([first, CUT], [first, CUT], [first, second, None])
    running = seen(pod("a", ended=False))
    assert (transcript.read(running, False), transcript.read(running, False)) == (b"one\n", b"")
    assert read_again(transcript, running, True) == b""  # the Job has ended, its container may say its last words
    assert read_again(transcript, seen(pod("a")), True) == b"two\n"
    assert node.followed == [True, True, False]


def test_a_pod_that_is_gone_before_its_log_was_asked_for_has_none() -> None:
    transcript, node = transcript_of()
    assert read_all(transcript, seen(pod("a", gone=True))) == b""
    assert node.since == []


def test_a_log_that_is_not_there_is_over_when_its_pod_is_gone() -> None:
    transcript, _ = transcript_of([ApiError("not found", 404, "NotFound")])  # type: ignore[list-item]
    assert read_all(transcript, seen(pod("a"))) == b""
    assert not transcript.is_over(seen(pod("a")), ended_at=1e12)
    assert transcript.is_over(seen(pod("a", gone=True)), ended_at=1e12)


def test_a_log_that_says_nothing_is_asked_for_once_more_and_given_up_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    transcript, node = transcript_of([lines((1, "one"))], [])
    assert transcript.read(seen(pod("a")), True) == b"one\n"
    assert not transcript.is_over(seen(pod("a")), ended_at=0.0)
    transcript._log.heard = 0.0  # type: ignore[union-attr]
    assert not transcript.is_over(seen(pod("a")), ended_at=0.0)
    assert transcript.read(seen(pod("a")), True) == b""
    transcript._log.heard = 0.0  # type: ignore[union-attr]
    assert transcript.is_over(seen(pod("a")), ended_at=0.0)
    assert (len(node.since), "pod a may lack its end" in caplog.text) == (2, True)


def test_where_nothing_began_nothing_is_to_be_expected() -> None:
    transcript, _ = transcript_of()
    assert transcript.is_over(seen(), ended_at=0.0)
