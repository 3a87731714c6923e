"""Every recorded situation has the outcome that a user expects, also if the watches break at any of its events."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from launchpad import Reason, RunEvent, on_event

from .launching import Result, launch, replayed
from .recording import FOLDER, changes, exchanges
from .server import ReplayServer
from .world import World

EXPECTED = {
    "01": ("completed", 0, ""),
    "02": ("failed", 3, "Exited with status 3."),
    "03": ("failed", 137, "Exited with status 137 (128 + 9: SIGKILL)."),
    "03b": ("failed", 137, "Exited with status 137 (128 + 9: SIGKILL)."),
    "04": ("oom_killed", 137, "OOMKilled."),
    "04b": ("completed", 0, ""),
    "05": ("deadline", 137, "DeadlineExceeded: Job was active longer than specified deadline."),
    "05b": ("deadline", 0, "DeadlineExceeded: Job was active longer than specified deadline."),
    "05c": ("deadline", 137, "DeadlineExceeded: Pod was active on the node longer than the specified deadline."),
    "06": ("image_pull", None, "No pod started within 29.8 s. ErrImagePull: failed to pull and unpack image…"),
    "06b": ("image_pull", None, "No pod started within 2.18 s. InvalidImageName: Failed to apply default image…"),
    "06c": ("image_pull", None, 'No pod started within 2.27 s. ErrImageNeverPull: Container image "no/such:1" is…'),
    "06d": ("config", 128, "StartError: failed to create containerd task: failed to create shim task: OCI…"),
    "06e": ("deadline", None, "DeadlineExceeded: Job was active longer than specified deadline."),
    "07": ("config", None, 'No pod started within 0.701 s. CreateContainerConfigError: secret "no-such" not found.'),
    "08": ("config", None, "No pod started within 60 s. ContainerCreating. FailedMount: MountVolume.SetUp…"),
    "09": ("unschedulable", None, "No pod started within 60 s. PodScheduled: Unschedulable: 0/1 nodes are…"),
    "10": ("failed", None, "The init container 'prepare' exited with status 7."),
    "10b": ("failed", None, "The init container 'prepare' exited with status 7."),
    "11": ("image_pull", None, "The container 'job' of pod init-bad-image-zdcpk did not start within 60 s.…"),
    "12": ("WaitsForEver", None, ""),
    "13": ("completed", 0, ""),
    "13b": ("failed", 3, "Exited with status 3."),
    "14": ("image_pull", 0, "The container 'sidecar' of pod sidecar-bad-image-99x5f did not start within…"),
    "14b": ("image_pull", None, "No pod started within 24 s. sidecar 'sidecar': ErrImagePull: failed to pull and…"),
    "15": ("vanished", 137, "Pod pod-deleted-mc6q9 was deleted before the run had ended."),
    "15b": ("vanished", 0, "Pod pod-deleted-exits-0-pr8dx was deleted before the run had ended."),
    "15c": ("vanished", 0, "Pod pod-deleted-backoff-d7mtp was deleted before the run had ended."),
    "15d": ("WaitsForEver", None, ""),
    "16": ("vanished", 137, "Pod replacement-failed-4z49n was deleted before the run had ended."),
    "16b": ("WaitsForEver", None, ""),
    "17": ("vanished", 137, "Pod policy-deleted-89b28 was deleted before the run had ended."),
    "17b": ("failed", 3, "Exited with status 3."),
    "17c": ("evicted", 137, "EvictionByEvictionAPI: Eviction API: evicting."),
    "17d": ("vanished", 137, "Pod policy-disruption-fftjc was deleted before the run had ended."),
    "17e": ("vanished", 0, "Pod policy-exits-0-q8vzn was deleted before the run had ended."),
    "18": ("evicted", 137, "EvictionByEvictionAPI: Eviction API: evicting."),
    "18b": ("evicted", 0, "EvictionByEvictionAPI: Eviction API: evicting."),
    "19": ("vanished", 137, "Job job-deleted-background was deleted before the run had ended."),
    "20": ("vanished", 137, "Job job-deleted-foreground was deleted before the run had ended."),
    "20b": ("vanished", 0, "Job job-deleted-foreground-exits-0 was deleted before the run had ended."),
    "20c": ("vanished", None, "Job foreground-unscheduled was deleted before the run had ended."),
    "20d": ("vanished", None, "Job foreground-bad-image was deleted before the run had ended."),
    "20e": ("config", None, 'No pod started within 0.985 s. CreateContainerConfigError: secret "no-such" not found.'),
    "21": ("vanished", 137, "Job job-deleted-orphan was deleted before the run had ended."),
    "22": ("completed", 0, ""),
    "22b": ("failed", 3, "Exited with status 3."),
    "23": ("completed", 0, ""),
    "24": ("completed", 0, "Its Job was suspended after the start of the run, which was executed twice."),
    "24b": ("never_started", None, "No pod started within 60 s. The Job is suspended (spec.suspend). Its Job was…"),
    "25": ("never_started", None, "No pod started within 60 s. The Job is managed by 'example.com/other'…"),
    "26": ("failed", 1, "Exited with status 1."),
    "27": ("completed", 0, ""),
    "27b": ("failed", 5, "Exited with status 5."),
    "28": ("evicted", 137, "PreemptionByScheduler: default-scheduler: preempting to accommodate a higher…"),
    "29": ("LaunchError", None, 'The cluster creates no pod for the run: Error creating: pods "quota-nnsnp" is…'),
    "29b": ("LaunchError", None, 'The cluster creates no pod for the run: Error creating: pods "no-account-" is…'),
    "30": ("node_lost", 137, "DeletionByTaintManager: Taint manager: deleting due to NoExecute taint."),
    "30b": ("completed", 0, ""),
    "30c": ("vanished", None, "Pod node-forced-54rvr was deleted before the run had ended."),
    "31": ("completed", 0, ""),
    "31b": ("completed", 0, ""),
    "31c": ("failed", 3, "Exited with status 3. line 920 line 921 line 922…"),
    "31d": ("completed", 0, ""),
    "31e": ("completed", 0, ""),
    "31f": ("failed", 3, "Exited with status 3. written"),
    "31g": ("failed", 3, "Exited with status 3. a��bäc"),
    "31h": ("failed", 3, "Exited with status 3. �€€€…"),
}
"""Reason, exit code and message by the number of the recording. "…": the message goes on.

WaitsForEver: nothing ends the run as long as no one stops it (12), or not within the recording (15d, 16b).
"""

EXPECTED_ON_1_20 = {
    "1.20/01": ("completed", 0, ""),
    "1.20/05": ("deadline", None, "DeadlineExceeded: Job was active longer than specified deadline."),
    "1.20/05b": ("deadline", None, "DeadlineExceeded: Job was active longer than specified deadline."),
    "1.20/06": ("image_pull", None, "No pod started within 27.6 s. ErrImagePull: rpc error: code = Unknown desc =…"),
    "1.20/11": ("image_pull", None, "The container 'job' of pod init-then-bad-image-c4mz5 did not start within 28 s.…"),
    "1.20/13": ("WaitsForEver", None, ""),
    "1.20/15": ("vanished", 137, "Pod pod-deleted-krcsg was deleted before the run had ended."),
    "1.20/15b": ("vanished", 137, "Pod pod-deleted-exits-0-zwrfh was deleted before the run had ended."),
    "1.20/18": ("vanished", 137, "Pod evicted-l8xth was deleted before the run had ended."),
    "1.20/18b": ("vanished", 137, "Pod evicted-exits-0-bv5jj was deleted before the run had ended."),
    "1.20/20": ("vanished", 137, "Job job-deleted-foreground was deleted before the run had ended."),
    "1.20/20b": ("vanished", 0, "Job job-deleted-foreground-exits-0 was deleted before the run had ended."),
    "1.20/23": ("completed", 0, ""),
    "1.20/25": ("completed", 0, ""),
    "1.20/27b": ("failed", 5, "Exited with status 5."),
    "1.20/29": ("LaunchError", None, 'The cluster creates no pod for the run: Error creating: pods "quota-qwwb2" is…'),
}
"""The same for a server 1.20, where it does something else or shows it otherwise.

It drops what it does not know (13, 23, 25): a sidecar is then an init container that never ends.
"""

ALL = {**EXPECTED, **EXPECTED_ON_1_20}

STOPPED = {
    "34": "may go on for up to 60 s",
    "34b": "may go on for up to 15 s",
    "34c": "may go on until its grace is over",
}
"""What is said of a run that Ctrl-C stops twice, at the times of the recorded requests."""


def is_expected(result: Result, expected: Result) -> bool:
    start, cut, _ = expected.message.partition("…")
    return result[:2] == expected[:2] and (result.message.startswith(start) if cut else result.message == start)


def test_each_recording_is_in_a_table() -> None:
    numbers = {file.name.partition("-")[0] for file in FOLDER.glob("*.jsonl")}
    older = {f"1.20/{file.name.partition('-')[0]}" for file in FOLDER.glob("1.20/*.jsonl")}
    assert older == {*EXPECTED_ON_1_20}
    assert numbers == {*EXPECTED, *STOPPED, *(number for number in numbers if exchanges(number))}
    assert len(numbers) == 76


@pytest.mark.parametrize("number", ALL)
def test_a_situation_has_the_outcome_that_a_user_expects(server: ReplayServer, number: str) -> None:
    result = replayed(server, World(number), f"whole-{number}")
    assert is_expected(result, Result(*ALL[number])), result


@pytest.mark.parametrize("number", ALL)
def test_watches_that_break_at_an_event_and_list_again_do_not_change_the_outcome(
    server: ReplayServer, number: str
) -> None:
    """An exact time in a message depends on when the break is over."""
    numbered = enumerate(changes(number), 1)
    worlds = [World(number, cut=at) for at, change in numbered if change.kind in ("Job", "Pod")]
    with ThreadPoolExecutor(8) as pool:
        keys = [f"cut-{number}-{world.cut}" for world in worlds]
        results = list(pool.map(replayed, [server] * len(worlds), worlds, keys))
    assert {result[:2] for result in results} == {ALL[number][:2]}


@pytest.mark.parametrize("number", STOPPED)
def test_a_second_ctrl_c_ends_the_wait_and_says_that_the_process_may_go_on(
    server: ReplayServer, number: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(number, ours=True)
    second = [change.at for change in changes(number) if change.kind == "Action"][1]
    assert replayed(server, world, f"stopped-{number}").reason == "KeyboardInterrupt"
    assert world.requests == ["delete jobs", "delete pods 0"]
    assert world.now < second + 0.1
    assert STOPPED[number] in caplog.text


def test_a_node_that_does_not_come_back_is_lost_half_a_minute_and_the_grace_after_the_verdict(
    server: ReplayServer,
) -> None:
    world = World("30", until=69.0)
    result = replayed(server, world, "node-lost")
    assert (result.reason, result.exit_code) == (str(Reason.NODE_LOST), None)
    assert 58.4 + 30 + 5 <= world.now < 58.5 + 30 + 5


@pytest.mark.parametrize(
    ("numbers", "executions"),
    [
        ("06e 20c 20d", 0),
        ("01 02 15 15b 16 17 18 18b 19 20 20b 22 28 30 30c 1.20/15 1.20/18b 1.20/20 1.20/20b", 1),
        ("24", 2),
        ("26", 3),
    ],
)
def test_the_output_of_each_execution_is_read_to_its_end(server: ReplayServer, numbers: str, executions: int) -> None:
    """Those that are cut short have no hint about memory, though their exit status is 137."""
    for number in numbers.split():
        lines: list[str] = []
        outcome = launch(
            server, World(number), f"output-{number}", on_output=lambda run, line, to=lines: to.append(line)
        )
        assert (number, lines, outcome.output_complete) == (number, ["hello"] * executions, True)
        assert "memory" not in outcome.hint


@pytest.mark.parametrize(
    ("number", "reasons"),
    [
        ("01", ""),
        ("06", "pulling pulling pulling"),
        ("08", "mounting"),
        ("09", "unschedulable"),
        ("11", "pulling pulling pulling pulling"),
        ("23", "queued"),
        ("24", "queued"),
        ("29", "quota"),
        ("1.20/29", "quota"),
    ],
)
def test_a_run_that_is_pending_says_why_once_a_change(server: ReplayServer, number: str, reasons: str) -> None:
    """From the second on: an image that is pulled, has failed, has failed again; then the kubelet waits."""
    events: list[RunEvent] = []
    with on_event(events.append):
        replayed(server, World(number), f"pending-{number}")
    words = [event.reason for event in events if event.kind == "pending"]
    assert words == reasons.split()
    assert all(one.message and one.handle for one in events if one.kind == "pending")


@pytest.mark.parametrize(("number", "executions"), [("23", ""), ("24", "which was executed twice.")])
def test_the_time_in_a_queue_does_not_count_for_pod_watch_timeout(
    server: ReplayServer, number: str, executions: str
) -> None:
    events: list[RunEvent] = []
    with on_event(events.append):
        result = replayed(server, World(number), f"queue-{number}", queue="team-a", pod_watch_timeout=2)
    assert (result.reason, result.message.endswith(executions)) == ("completed", True)
    (pending,) = (event for event in events if event.kind == "pending")
    assert (pending.reason, "'team-a'" in str(pending.message)) == ("queued", True)


@pytest.mark.parametrize("number", ["23", "24"])
def test_the_time_that_others_suspend_a_job_without_a_queue_counts(server: ReplayServer, number: str) -> None:
    result = replayed(server, World(number), f"suspended-{number}", pod_watch_timeout=2)
    assert (result.reason, "is suspended" in result.message) == ("never_started", True)


@pytest.mark.parametrize("number", ["24b", "08", "09", "29", "1.20/29"])
def test_without_pod_watch_timeout_a_run_is_pending_for_as_long_as_it_takes(server: ReplayServer, number: str) -> None:
    """In three hours, it requests the state some fifty times."""
    world = World(number, ends_at=3 * 3600.0)
    result = replayed(server, world, f"patient-{number}", pod_watch_timeout=None)
    assert result.reason == "WaitsForEver"
    assert world.now >= 3 * 3600
    assert world.lookups < 150


def test_times_of_1970_are_not_known(server: ReplayServer) -> None:
    outcome = launch(server, World("06d"), "times")
    assert outcome.started_at is not None
    assert outcome.started_at.year > 1970
