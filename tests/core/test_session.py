"""What a launcher shares among its threads, and keeps from other processes."""

from __future__ import annotations

import copy
import os
import pickle
import threading
from collections.abc import Callable, Iterator

import pytest

from launchpad import Run
from launchpad.core.cancellation import StopToken
from launchpad.core.session import Session
from launchpad.core.stopper import Stopper
from launchpad.core.supervisor import Supervisor
from launchpad.testing import FakeBackend, Script


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    run, fake = Run(command=["job"]), FakeBackend(Script(exit_code=None))
    yield Supervisor(fake.start({}, "job", run, output=False, stop_token=StopToken()), run, 1, None, Stopper())
    fake.close()


def test_all_threads_get_the_one_backend() -> None:
    connection, ready, made = Session(), threading.Barrier(8), []

    def connect() -> FakeBackend:
        made.append(FakeBackend())
        return made[-1]

    def use() -> None:
        ready.wait()
        got.append(connection.backend(connect))

    got: list[object] = []
    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == made * 8


def test_a_connection_that_cannot_be_made_is_tried_again() -> None:
    connection, fake = Session(), FakeBackend()
    with pytest.raises(ZeroDivisionError):
        connection.backend(lambda: 1 / 0)
    assert connection.backend(lambda: fake) is fake


def test_after_close_the_next_backend_is_another() -> None:
    connection, first, second = Session(), FakeBackend(), FakeBackend()
    connection.backend(lambda: first)
    connection.close()
    connection.close()
    assert connection.backend(lambda: second) is second


def test_a_run_that_was_found_is_kept_once(supervisor: Supervisor) -> None:
    connection = Session()
    assert connection.add_if_new(supervisor) is supervisor
    assert connection.add_if_new(copy.copy(supervisor)) is supervisor
    assert connection.get(supervisor.handle) is supervisor


def test_a_run_that_was_started_here_wins_over_one_that_was_found(supervisor: Supervisor) -> None:
    connection = Session()
    connection.add_if_new(copy.copy(supervisor))
    connection.add(supervisor)
    assert connection.get(supervisor.handle) is supervisor


def test_forget_closes_the_supervisor_and_is_idempotent(supervisor: Supervisor) -> None:
    connection = Session()
    connection.add(supervisor)
    connection.forget(supervisor.handle)
    connection.forget(supervisor.handle)
    assert connection.get(supervisor.handle) is None


def test_close_closes_all_supervisors_even_if_the_backend_fails_to_close(supervisor: Supervisor) -> None:
    class Broken(FakeBackend):
        def close(self) -> None:
            raise OSError("broken")

    connection = Session()
    connection.backend(Broken)
    connection.add(supervisor)
    with pytest.raises(OSError, match="broken"):
        connection.close()
    assert connection.get(supervisor.handle) is None


@pytest.mark.parametrize("copied", [lambda value: pickle.loads(pickle.dumps(value)), copy.deepcopy])
def test_a_copy_starts_empty(copied: Callable[[Session], Session], supervisor: Supervisor) -> None:
    connection, fake = Session(), FakeBackend()
    connection.backend(FakeBackend)
    connection.add(supervisor)
    other = copied(connection)
    assert other.get(supervisor.handle) is None
    assert other.backend(lambda: fake) is fake


def in_child(check: Callable[[], bool]) -> bool:
    """What `check` says in a forked process."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if check() else 1
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def test_a_forked_process_opens_its_own_backend_and_does_not_affect_its_parents_runs(supervisor: Supervisor) -> None:
    connection, parents, childs = Session(), FakeBackend(), FakeBackend()
    connection.backend(lambda: parents)
    connection.add(supervisor)
    assert in_child(lambda: connection.get(supervisor.handle) is None and connection.backend(lambda: childs) is childs)
    assert connection.get(supervisor.handle) is supervisor
    assert connection.backend(lambda: childs) is parents


def test_a_fork_while_the_lock_is_held_does_not_lock_the_child_out() -> None:
    connection, connecting, go_on = Session(), threading.Event(), threading.Event()

    def connect() -> FakeBackend:
        connecting.set()
        go_on.wait()
        return FakeBackend()

    thread = threading.Thread(target=connection.backend, args=(connect,))
    thread.start()
    connecting.wait()
    assert in_child(lambda: connection.backend(FakeBackend) is not None)
    go_on.set()
    thread.join()
