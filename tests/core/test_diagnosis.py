"""Exit codes in words."""

from __future__ import annotations

import pytest

from launchpad import Reason
from launchpad.core.diagnosis import MEMORY_HINT, of_exit_code, signal_name


def test_status_0_needs_no_words() -> None:
    assert of_exit_code(0) == (Reason.COMPLETED, "", "")


def test_the_hint_of_an_unknown_exit_status_says_where_it_is_known() -> None:
    reason, message, hint = of_exit_code(None)
    assert reason is Reason.UNKNOWN
    assert "cannot be known here" in message
    assert "the process that started it" in hint


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (1, "Exited with status 1."),
        (127, "Exited with status 127."),
        (128, "Exited with status 128."),
        (137, "Exited with status 137 (128 + 9: SIGKILL)."),
        (143, "Exited with status 143 (128 + 15: SIGTERM)."),
        (255, "Exited with status 255."),
        (3221225477, "Exited with status 3221225477."),
        (-9, "Killed by signal 9 (SIGKILL)."),
        (-15, "Killed by signal 15 (SIGTERM)."),
        (-40, "Killed by signal 40 (SIGRTMIN+6)."),
        (-99, "Killed by signal 99 (unknown)."),
    ],
)
def test_the_message_of_a_failure_names_the_signal(code: int, message: str) -> None:
    assert of_exit_code(code)[:2] == (Reason.FAILED, message)


@pytest.mark.parametrize("code", [-9, 137])
def test_sigkill_has_a_hint_about_memory(code: int) -> None:
    assert of_exit_code(code).hint == MEMORY_HINT


@pytest.mark.parametrize(("code", "word"), [(126, "permissions"), (127, "PATH")])
def test_a_status_of_a_shell_that_cannot_run_a_program_has_a_hint(code: int, word: str) -> None:
    assert word in of_exit_code(code).hint


def test_other_failures_are_the_programs_own_business() -> None:
    assert {of_exit_code(code).hint for code in (1, 2, 125, 139, 143, -11, -15)} == {""}


def test_real_time_signals_count_from_the_first() -> None:
    assert (signal_name(34), signal_name(64)) == ("SIGRTMIN", "SIGRTMAX")
