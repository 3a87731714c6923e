"""Runs that miss news wait while the watch reports anything, and then share one listing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from launchpad import KubernetesLauncher, LaunchError, LaunchExecutor, Reason, Run
from launchpad.kubernetes.events import listed
from launchpad.kubernetes.shared_listing import LISTING_TIMEOUT, SharedListing

from .followed import COMPLETE, FAILED, NOT_FOUND, SkippingClock, job, pod
from .kubeconfigs import kubeconfig

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


class Watch:
    def __init__(self) -> None:
        self.moved_at = float("-inf")
        self.listings = 0

    def list_again(self) -> None:
        self.listings += 1


@pytest.fixture
def clock() -> SkippingClock:
    return SkippingClock()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def listing(watch: Watch, clock: SkippingClock) -> SharedListing:
    return SharedListing(watch, clock)


def test_a_run_waits_while_the_watch_reports_others_but_not_for_ever(watch: Watch, listing: SharedListing) -> None:
    dues = []
    for watch.moved_at in (-100.0, 4.5, 5.5, 100.0):
        dues.append(listing.due(5.0, timeout=1.0))
    assert dues == [5.0, 5.5, 6.5, 15.0]


def test_few_runs_request_their_own_pods_and_many_share_a_listing(watch: Watch, listing: SharedListing) -> None:
    for name in ("a", "b", "b"):
        listing.wait(name)
    assert (listing.request(0.0), watch.listings) == (False, 0)
    listing.wait("c")
    assert ([listing.request(0.0) for _ in range(9)], watch.listings) == ([True] * 9, 1)
    listing.leave("c")
    assert listing.request(1.0) is False


def test_a_state_that_is_newer_than_a_listing_needs_another_one(
    clock: SkippingClock, watch: Watch, listing: SharedListing
) -> None:
    for name in "abc":
        listing.wait(name)
    for clock.seconds, since in ((1.0, 1.0), (2.0, 1.5), (2.0, 0.5), (2.0, 2.0), (2.0 + LISTING_TIMEOUT, 1.0)):
        assert listing.request(since)
    assert watch.listings == 3


def test_listings_that_follow_one_another_become_rarer(clock: SkippingClock, listing: SharedListing) -> None:
    for name in "abc":
        listing.wait(name)
    gaps = []
    for _ in range(5):
        listing.request(clock.now())
        gaps.append(listing.due(clock.now(), timeout=1.0) - clock.now())
        clock.seconds += gaps[-1]
    clock.seconds += 100
    listing.request(clock.now())
    assert [*gaps, listing.due(clock.now(), timeout=1.0) - clock.now()] == [1, 2, 4, 8, 8, 1]


def lists_again(run: Any, kind: Any, *items: dict[str, Any]) -> None:
    """Has the watches report these objects when a listing is requested, and others wait for one."""

    def list_again() -> None:
        for item in items:
            run.watchers.report(kind, item)
        for observed in run.watchers.observed_jobs:
            observed.notify(listed(kind, run.unit._clock.now()))

    run.watchers.list_again = list_again
    for name in "abc":
        run.watchers.listings[kind].wait(name)


def test_a_run_among_many_ends_with_the_state_from_the_listing(follow: Any) -> None:
    run = follow(clock=SkippingClock(), report_timeout=1.0)
    lists_again(run, "pod", pod(4))
    run.watchers.report("job", job(FAILED))
    assert (run.end().exit_code, run.server.requests) == (4, [])


def test_a_pending_run_among_many_learns_of_its_pod_from_the_listing(follow: Any) -> None:
    run = follow(clock=SkippingClock(), pod_watch_timeout=60.0)
    lists_again(run, "pod", pod())
    assert run.unit.poll(30) == []
    run.watchers.report("job", job(COMPLETE))
    run.watchers.report("pod", pod(0))
    assert (run.end().reason, run.server.requests) == (Reason.COMPLETED, [])


def test_a_pending_run_among_many_requests_no_events_but_notes_those_that_are_watched(follow: Any) -> None:
    run = follow(clock=SkippingClock(), pod_watch_timeout=600.0, delete=[NOT_FOUND])
    lists_again(run, "pod")
    assert run.unit.poll(100) == []
    run.events.report("uid-1", "FailedCreate", 'pods "j-x" is forbidden: no such account', kind="Job")
    run.unit.poll(0)  # which reports why the run is pending
    with pytest.raises(LaunchError, match="no such account"):
        run.unit.poll(100)
    assert "events" not in run.server.requests


def test_a_job_among_many_that_no_listing_has_is_requested(follow: Any) -> None:
    run = follow(clock=SkippingClock(), report_timeout=1.0, read=[NOT_FOUND])
    lists_again(run, "job")
    run.watchers.list_all()
    assert (run.end().reason, run.server.requests) == (Reason.VANISHED, ["read", "pods", "pods"])


def test_a_job_among_many_that_the_next_listing_has_is_not_requested(follow: Any) -> None:
    run = follow(clock=SkippingClock(), report_timeout=1.0)
    lists_again(run, "job", job(COMPLETE))
    run.watchers.list_all()
    assert (run.end().reason, run.server.requests) == (Reason.COMPLETED, [])


@contextmanager
def api_server(late: float) -> Iterator[str]:
    """The address of an API server whose watches are late."""
    command = [sys.executable, str(BENCHMARKS / "cluster_script.py"), str(late), str(late)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def ask(server: str, what: str) -> dict[str, int]:
    with urlopen(f"{server}/measure/{what}", timeout=60) as response:
        counts: dict[str, int] = json.load(response)
        return counts


def test_many_runs_share_their_requests_if_the_watches_are_late(tmp_path: Path) -> None:
    """A request of each for its pods, in place of one listing, would make 120."""
    with api_server(late=3.5) as server:
        (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig(server, "t", "n")))
        launcher = KubernetesLauncher(image="x", kubeconfig=tmp_path / "kubeconfig", stream_output=False)
        with launcher, LaunchExecutor(launcher, 60) as executor:
            futures = executor.launch_all(Run(command=["true"], name=f"{n}") for n in range(60))
            for future in futures:
                future.wait_started(60)
            ask(server, "end")
            assert all(future.result(120) for future in futures)
        assert ask(server, "counts")["requests"] < 90
