"""Launchers on one engine share one connection, and `replace` makes a launcher with other settings on it."""

from __future__ import annotations

import copy
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from launchpad import (
    DockerLauncher,
    Journal,
    KubernetesLauncher,
    Launcher,
    LaunchError,
    LaunchExecutor,
    Run,
    SubprocessLauncher,
    UniversalLauncher,
)
from launchpad.core.backend import Backend
from launchpad.core.session import Session
from launchpad.testing import FakeBackend, FakeLauncher, Script
from launchpad.testing.events import FakeStream

from .kubernetes.test_kubeconfig import written


class CountingBackend(FakeBackend):
    """Counts its connections and event streams, and those that were closed."""

    def __init__(self, script: Script = Script()) -> None:  # noqa: B008 - frozen
        super().__init__(script)
        self.connected: list[FakeBackend] = []
        self.opened: list[FakeStream] = []
        self.closed: list[FakeBackend] = []

    def connect(self) -> FakeBackend:
        self.connected.append(super().connect())
        return self.connected[-1]

    def open(self) -> FakeStream:
        self.opened.append(super().open())
        return self.opened[-1]

    def close(self) -> None:
        self.closed.append(self)
        super().close()


def job() -> Run:
    return Run(command=["job"])


@pytest.fixture
def fake() -> CountingBackend:
    return CountingBackend()


@pytest.fixture
def launcher(fake: CountingBackend) -> Iterator[FakeLauncher]:
    with FakeLauncher(fake) as launcher:
        yield launcher


def test_replace_changes_the_named_settings_and_keeps_the_others(fake: CountingBackend) -> None:
    launcher = FakeLauncher(fake, env={"A": 1}, grace=3)
    assert launcher.replace(grace=5) == FakeLauncher(fake, env={"A": "1"}, grace=5)
    assert launcher == FakeLauncher(fake, env={"A": "1"}, grace=3)


@pytest.mark.parametrize("launcher", [SubprocessLauncher(), DockerLauncher(), KubernetesLauncher(), FakeLauncher()])
def test_replace_checks_as_the_constructor_does(launcher: Launcher) -> None:
    with pytest.raises(ValueError, match="grace"):
        launcher.replace(grace=-1)
    with pytest.raises(TypeError, match=r"did you mean 'stream_output'\?"):
        launcher.replace(stream_ouput=False)


def test_a_thousand_replaced_launchers_open_one_connection_and_one_stream() -> None:
    fake = CountingBackend(Script(exit_code=None))
    with FakeLauncher(fake) as launcher, LaunchExecutor(launcher, 1000) as executor:
        futures = [executor.submit(job(), launcher=launcher.replace(env={"N": n})) for n in range(1000)]
        for future in futures:
            future.wait_started(60)
        assert [len(fake.connected), len(fake.opened)] == [1, 1]
        assert {each.env["N"] for each in fake.runs} == {str(n) for n in range(1000)}
        executor.stop()
    assert len(fake.closed) == 1


def test_the_connection_is_closed_with_the_last_launcher_that_shares_it(fake: CountingBackend) -> None:
    first = FakeLauncher(fake)
    second, apart = first.replace(grace=1), FakeLauncher(fake, grace=2)
    for launcher in (first, second, apart):
        assert launcher.submit(job())
    for launcher in (first, first, second):
        launcher.close()
        assert fake.closed == []
    apart.close()
    assert [len(fake.connected), len(fake.closed)] == [1, 1]
    assert second.submit(job())  # a later use connects anew
    second.close()
    assert [len(fake.connected), len(fake.closed)] == [2, 2]


@attrs.frozen
class RemovingLauncher(FakeLauncher):
    auto_remove: bool = True


def test_a_journal_closes_the_launchers_that_it_has_made(fake: CountingBackend, tmp_path: Path) -> None:
    with (
        RemovingLauncher(fake) as launcher,
        LaunchExecutor(launcher, journal=Journal(tmp_path / "journal")) as executor,
    ):
        assert executor.submit(job()).result(60)
    assert [len(fake.connected), len(fake.closed)] == [1, 1]


def test_a_launcher_that_nobody_refers_to_does_not_keep_the_connection_open(fake: CountingBackend) -> None:
    with FakeLauncher(fake) as launcher, LaunchExecutor(launcher, 1) as executor:
        futures = [executor.submit(job(), launcher=launcher.replace(grace=1)) for _ in range(3)]
        futures += [executor.submit(Run(command=["job"], env={"A": "1"}), launcher=FakeLauncher(fake))]
    assert len(fake.closed) == 1
    assert [future.result() for future in futures] == [True] * 4


def test_a_launch_that_failed_does_not_keep_the_connection_open() -> None:
    fake = CountingBackend(Script(refusals=[LaunchError("refused")]))
    with FakeLauncher(fake) as launcher, LaunchExecutor(launcher, 1) as executor:
        future = executor.submit(job(), launcher=launcher.replace(grace=1))
    assert isinstance(future.exception(), LaunchError)
    assert len(fake.closed) == 1


@pytest.mark.parametrize("copied", [copy.copy, attrs.evolve, lambda launcher: FakeLauncher(launcher.fake)])
def test_closing_a_copy_leaves_the_connection_of_the_original_open(
    fake: CountingBackend, launcher: FakeLauncher, copied: object
) -> None:
    assert callable(copied)
    assert launcher.submit(job())
    with copied(launcher) as other:
        assert other == launcher
        assert other.submit(job())
    assert [len(fake.connected), len(fake.closed)] == [1, 0]


def test_a_replaced_launcher_on_another_engine_has_a_connection_of_its_own(launcher: FakeLauncher) -> None:
    other = CountingBackend()
    assert launcher.submit(job())
    with launcher.replace(fake=other) as elsewhere:
        assert elsewhere.submit(job())
    assert [len(other.connected), len(other.closed)] == [1, 1]


@attrs.frozen(kw_only=True)
class Elsewhere(FakeLauncher):
    """A launcher of a third party, which says nothing about the engine that its `connect` reaches."""

    engine: str = "a"
    made: list[str] = attrs.field(factory=list, eq=False)

    def connect(self) -> Backend:
        self.made.append(self.engine)
        return self.fake.connect()


def test_a_class_with_another_connect_shares_only_between_launchers_that_differ_in_common_settings() -> None:
    with Elsewhere() as one, one.replace(grace=1) as same, one.replace(engine="b") as other, Elsewhere() as apart:
        for launcher in (one, same, other, apart):
            assert launcher.submit(job())
        assert one.made == ["a", "b"]
        assert apart.made == ["a"]


def test_a_pickled_launcher_shares_the_connection_of_its_engine(tmp_path: Path) -> None:
    launcher = KubernetesLauncher(kubeconfig=written(tmp_path), namespace="one")
    copied = pickle.loads(pickle.dumps(launcher))
    assert launcher.replace(namespace="two")._connection_key() != launcher._connection_key()
    assert copied._connection_key() == launcher.replace(image="x", pod_watch_timeout=5)._connection_key()


def test_a_forked_child_has_a_connection_of_its_own_that_the_same_launchers_share() -> None:
    first, second = Session(), Session()
    second.share(first)
    inherited = first.backend(FakeBackend)
    if (pid := os.fork()) == 0:
        status = 1
        try:
            own = second.backend(FakeBackend)
            status = 0 if own is first.backend(FakeBackend) and own is not inherited else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert second.backend(FakeBackend) is inherited


def test_a_run_is_launched_on_the_launcher_that_submit_gets(fake: CountingBackend, launcher: FakeLauncher) -> None:
    local = SubprocessLauncher(env={"X": "1"}, stream_output=False)
    with LaunchExecutor(launcher, 2) as executor:
        future = executor.submit(Run(command=["sh", "-c", "exit $((X + 1))"]), launcher=local)
        assert isinstance(executor.submit(job(), launcher=UniversalLauncher()).exception(60), LaunchError)
        for bad in ("docker", DockerLauncher, object()):
            with pytest.raises(TypeError, match="launcher must be a Launcher, not"):
                executor.submit(job(), launcher=bad)  # type: ignore[call-overload]
    assert [future.outcome.exit_code, future.handle.type, fake.runs] == [2, "subprocess", []]
