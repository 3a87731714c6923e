"""Numbers and callbacks: whatever is not one is refused at once, by an error that names it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from launchpad import (
    DockerLauncher,
    KubernetesLauncher,
    LaunchExecutor,
    Run,
    SubprocessLauncher,
    get_image_name,
    on_event,
)
from launchpad.converters import shown
from launchpad.testing import FakeBackend, FakeLauncher, Script

NOT_COUNTS = [float("nan"), 1.5, float("inf"), True, "3", None, [1], 10**400, 0, -1, Decimal(2), 1j]
NOT_SECONDS = [float("nan"), float("inf"), 1e30, 10**400, -1, -(10**5000), True, "3", [1], Decimal(2), timedelta(1), 1j]


class Number:
    """A whole number that is no int, as those of numpy."""

    def __index__(self) -> int:
        return 2


@pytest.mark.parametrize("value", NOT_COUNTS, ids=shown)
@pytest.mark.parametrize("name", ["max_workers", "max_launches"])
def test_an_executor_refuses_numbers_that_are_no_counts_by_name(name: str, value: Any) -> None:
    if name == "max_launches" and value is None:
        return
    with pytest.raises(ValueError, match=name) as caught:
        LaunchExecutor(SubprocessLauncher(), **{name: value})
    assert len(str(caught.value)) < 200


def test_an_executor_accepts_whole_numbers_of_other_packages() -> None:
    with LaunchExecutor(SubprocessLauncher(), Number(), max_launches=Number()) as executor:  # type: ignore[arg-type]
        assert executor._max_workers == 2


@pytest.mark.parametrize("value", NOT_SECONDS, ids=shown)
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (Run, "timeout"),
        (SubprocessLauncher, "grace"),
        (KubernetesLauncher, "pod_watch_timeout"),
        (KubernetesLauncher, "job_watch_timeout"),
        (KubernetesLauncher, "finished_job_ttl"),
    ],
)
def test_a_time_that_is_no_number_of_seconds_is_refused_by_name(make: Any, name: str, value: Any) -> None:
    command = {"command": ["a"]} if make is Run else {}
    with pytest.raises(ValueError, match=name) as caught:
        make(**command, **{name: value})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", NOT_SECONDS, ids=shown)
def test_a_time_limit_of_wait_that_is_no_number_of_seconds_is_refused_by_name(value: Any) -> None:
    with FakeLauncher(FakeBackend(Script(exit_code=None))) as launcher:
        handle = launcher.start(Run(command=["a"]))
        with pytest.raises(ValueError, match="timeout"):
            launcher.wait(handle, value)
        launcher.stop(handle)


def test_fractions_are_seconds() -> None:
    assert Run(command=["a"], timeout=Fraction(1, 2)).timeout == 0.5  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "name", "values"),
    [
        (DockerLauncher, "cpus", [float("nan"), float("inf"), 1e-9, 1e300, 10**400, 0, -1, True, "1", Decimal(1)]),
        (DockerLauncher, "mem_limit", [0, -1, 10**30, 10**5000, 1.5, True, "0m", "9" * 30, "99999999t", "1x", b"1"]),
        (DockerLauncher, "user", [-1, 10**30, 1.5, True, ""]),
        (KubernetesLauncher, "backoff_limit", [float("nan"), 1.5, -1, 2**31, 10**5000, True, "1"]),
        (KubernetesLauncher, "finished_job_ttl", [2**31]),
        (get_image_name, "version", [5, 1.2, b"1", ["1"]]),
        (get_image_name, "python_version", [3.11, (3, 11)]),
        (get_image_name, "flavor", [1, True]),
    ],
)
def test_a_number_or_text_that_an_engine_cannot_take_is_refused_by_name(make: Any, name: str, values: Any) -> None:
    for value in values:
        with pytest.raises(ValueError, match=name) as caught:
            make(**{name: value})
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", ["on_start", "on_output"])
def test_a_callback_that_cannot_be_called_is_a_type_error_and_launches_nothing(name: str) -> None:
    backend = FakeBackend()
    launcher, run = FakeLauncher(backend), Run(command=["a"])
    calls: Any = [launcher.submit, launcher.launch, LaunchExecutor(launcher, 1).submit]
    for call in calls:
        with pytest.raises(TypeError, match=f"^{name} must be callable, not str$"):
            call(run, **{name: "print"})
    assert not backend.runs


def test_a_callback_of_wait_or_of_events_that_cannot_be_called_is_a_type_error() -> None:
    with FakeLauncher(FakeBackend()) as launcher:
        handle = launcher.start(Run(command=["a"]))
        with pytest.raises(TypeError, match=r"^on_output must be callable, not int"):
            launcher.wait(handle, on_output=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^callback must be callable, not NoneType"):
        on_event(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["name", "id", "entrypoint", "working_dir"])
@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_process_can_be_given_is_refused_by_name(field: str, text: str) -> None:
    given = {"entrypoint": f"{text}.py:f"} if field == "entrypoint" else {"command": ["a"], field: text}
    with pytest.raises(ValueError, match=field):
        Run(**given)  # type: ignore[arg-type]


def test_a_number_in_env_with_too_many_digits_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"env\['A'\] is a number with too many digits"):
        Run(command=["a"], env={"A": 10**5000})
