"""`Retry`, the value: what it accepts, and which runs it launches again."""

from __future__ import annotations

from typing import Any

import pytest
import tenacity

from launchpad import Outcome, Reason, Retry


def outcome(reason: Reason = Reason.FAILED, exit_code: int | None = 1) -> Outcome:
    return Outcome(ok=reason is Reason.COMPLETED, reason=reason, exit_code=exit_code)


FAILED, EVICTED = outcome(), outcome(Reason.EVICTED, None)


@pytest.mark.parametrize(
    ("retry", "outcomes", "expected"),
    [
        (Retry(2), [FAILED], True),
        (Retry(2), [FAILED, FAILED], False),
        (Retry(1), [FAILED], False),
        (Retry(2), [outcome(Reason.COMPLETED, 0)], False),
        (Retry(2), [outcome(Reason.TIMED_OUT)], False),
        (Retry(2, on=["timed_out"]), [outcome(Reason.TIMED_OUT)], True),
        (Retry(2, on=["timed_out"]), [FAILED], False),
        (Retry(2, exit_codes=[75]), [FAILED], False),
        (Retry(2, exit_codes=[75]), [outcome(exit_code=75)], True),
        (Retry(2, exit_codes=[75]), [outcome(exit_code=None)], False),
        (Retry(2, exit_codes=[75]), [outcome(Reason.OOM_KILLED, 137)], True),
    ],
)
def test_a_run_is_launched_again_by_its_reason_and_its_exit_code(
    retry: Retry, outcomes: list[Outcome], expected: bool
) -> None:
    assert retry.goes_on(outcomes) is expected


def test_free_attempts_do_not_count_up_to_their_limit() -> None:
    retry = Retry(2, free_limit=3)
    assert retry.goes_on([EVICTED, FAILED, EVICTED])
    assert not retry.goes_on([EVICTED, FAILED, EVICTED, FAILED])
    assert retry.goes_on([EVICTED] * 4)
    assert not retry.goes_on([EVICTED] * 5)
    assert not Retry(1, free=()).goes_on([EVICTED])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attempts": 0}, "attempts must be greater than 0"),
        ({"attempts": "3"}, "attempts must be a whole number, not str"),
        ({"on": "failed"}, "on must be a set of reasons, not str"),
        ({"on": ["failure"]}, "on must be one of .*'failed'.*, not 'failure'"),
        ({"on": []}, "on must not be empty"),
        ({"on": ["stopped"]}, "on must not have stopped, which is never retried"),
        ({"on": [Reason.NOT_LAUNCHED]}, "on must not have not_launched, which"),
        ({"free": ["completed"]}, "free must not have completed, which"),
        ({"exit_codes": 75}, "exit_codes must be a set of whole numbers, not int"),
        ({"exit_codes": ["75"]}, "exit_codes: each code must be a whole number, not str"),
        ({"exit_codes": [0]}, "exit_codes: 0 is success"),
        ({"exit_codes": [1], "on": ["timed_out"]}, "exit_codes narrows 'failed', which is not in on"),
        ({"free_limit": -1}, "free_limit must be at least 0"),
        ({"wait": -1}, "wait must be at least 0 seconds"),
        ({"wait": "5"}, "wait must be a number of seconds, not str"),
    ],
)
def test_the_error_of_a_wrong_setting_names_it(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        Retry(**settings)
    with pytest.raises(ValueError, match=f"^{message}"):
        Retry.from_settings(settings)


def test_settings_in_plain_data_give_an_equal_value() -> None:
    retry = Retry(5, on=[Reason.FAILED, Reason.VANISHED], exit_codes={75, -9}, free_limit=2, wait=0.5)
    settings = retry.to_settings()
    assert settings["on"] == ["failed", "vanished"]
    assert Retry.from_settings(settings) == retry
    assert hash(Retry.from_settings(settings)) == hash(retry)


def test_a_wait_of_tenacity_is_kept_and_cannot_be_written() -> None:
    wait = tenacity.wait_fixed(3)
    assert Retry(wait=wait).wait is wait
    with pytest.raises(ValueError, match="wait is a wait_fixed, which cannot be written"):
        Retry(wait=wait).to_settings()


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ValueError, match=r"unknown key .attempt. of Retry .did you mean 'attempts'"):
        Retry.from_settings({"attempt": 3})
