"""Contenders that hold many sleeping runs in flight and launch quick runs beside them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Protocol

from launchpad import Launcher, LaunchExecutor, LaunchFuture, Run

from . import Command, check, containers, jobs

BESIDE = 8
"""Workers for the quick runs, in addition to those that wait for sleeping runs."""


class Flight(Protocol):
    def start(self, commands: Sequence[Command]) -> None:
        """Starts these runs; returns when all have started."""

    def quick(self, commands: Sequence[Command]) -> None:
        """Launches these runs; returns when all have succeeded, and raises if one fails."""

    def end(self) -> None:
        """Stops the runs that `start` started; returns when all are gone. Idempotent."""

    def close(self) -> None: ...


class Launchpad:
    """launchpad, with any launcher."""

    def __init__(self, launcher: Launcher, size: int) -> None:
        self._launcher = launcher
        self._executor = LaunchExecutor(launcher, size + BESIDE)
        self._flying: list[LaunchFuture] = []

    def start(self, commands: Sequence[Command]) -> None:
        self._flying = self._executor.launch_all(Run(command=list(command)) for command in commands)
        for future in self._flying:
            future.wait_started()

    def quick(self, commands: Sequence[Command]) -> None:
        futures = self._executor.launch_all(Run(command=list(command)) for command in commands)
        check(not future.result() for future in futures)

    def end(self) -> None:
        for future in self._flying:
            future.cancel()
        wait(self._flying)

    def close(self) -> None:
        self._executor.shutdown()
        self._launcher.close()


class LaunchpadJobs(Launchpad):
    """A Job counts as started when its pod runs, as for the other contenders."""

    def start(self, commands: Sequence[Command]) -> None:
        super().start(commands)
        client = jobs.Client(1)
        client.wait_running(len(commands))
        client.close()


class Threads:
    """A thread for each run, as one writes it by hand."""

    def __init__(self, size: int) -> None:
        self._executor = ThreadPoolExecutor(size + BESIDE)
        self._flying: list[Future[object]] = []

    def start(self, commands: Sequence[Command]) -> None:
        started = threading.Semaphore(0)
        self._flying = [self._executor.submit(self.run, command, started.release) for command in commands]
        for _ in commands:
            started.acquire()

    def quick(self, commands: Sequence[Command]) -> None:
        check(self._executor.map(lambda command: self.run(command, lambda: None), commands))

    def end(self) -> None:
        self.stop()
        wait(self._flying)

    def close(self) -> None:
        self._executor.shutdown()

    def run(self, command: Command, started: Callable[[], None]) -> int:
        """Launches one run, calls `started`, and returns the exit status when the run has ended."""
        raise NotImplementedError

    def stop(self) -> None:
        """Asks all runs to end."""
        raise NotImplementedError


class Popens(Threads):
    """`subprocess.Popen`."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._processes: set[subprocess.Popen[bytes]] = set()

    def run(self, command: Command, started: Callable[[], None]) -> int:
        null = subprocess.DEVNULL
        process = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True)
        self._processes.add(process)
        started()
        status = process.wait()
        self._processes.remove(process)
        return status

    def stop(self) -> None:
        for process in list(self._processes):
            os.killpg(process.pid, signal.SIGTERM)


class Asyncio:
    """asyncio's subprocesses. The loop runs only inside the methods."""

    def __init__(self, size: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._processes: list[asyncio.subprocess.Process] = []

    def start(self, commands: Sequence[Command]) -> None:
        self._processes = self._run(_gathered(map(_process, commands)))

    def quick(self, commands: Sequence[Command]) -> None:
        room = asyncio.Semaphore(BESIDE)

        async def one(command: Command) -> int:
            async with room:
                return await (await _process(command)).wait()

        check(self._run(_gathered(map(one, commands))))

    def end(self) -> None:
        for process in self._processes:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGTERM)
        self._run(_gathered(process.wait() for process in self._processes))

    def close(self) -> None:
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run_until_complete(work)


async def _process(command: Command) -> asyncio.subprocess.Process:
    null = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(*command, stdin=null, stdout=null, stderr=null, start_new_session=True)


async def _gathered(work: Any) -> list[Any]:
    return await asyncio.gather(*work)


class Containers(Threads):
    """docker-py's low-level client."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._client = containers.connect(size + BESIDE)
        self._running: set[str] = set()

    def run(self, command: Command, started: Callable[[], None]) -> int:
        container = containers.create(self._client, command)
        self._client.start(container)
        self._running.add(container)
        started()
        status: int = self._client.wait(container, timeout=3600)["StatusCode"]
        self._running.remove(container)
        self._client.remove_container(container, v=True)
        return status

    def stop(self) -> None:
        with ThreadPoolExecutor(BESIDE) as threads:
            list(threads.map(self._client.kill, list(self._running)))

    def close(self) -> None:
        super().close()
        self._client.close()


class Jobs(Threads):
    """The plain client for Kubernetes, with a watch for each pod and each Job."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._client = jobs.Client(size + BESIDE)
        self._names: set[str] = set()

    def run(self, command: Command, started: Callable[[], None]) -> int:
        name = jobs.new_name("flight")
        self._client.create(name, "flight", command)
        self._client.wait_started(name)
        self._names.add(name)
        started()
        status = self._client.wait_ended(name)
        self._names.remove(name)
        return status

    def stop(self) -> None:
        with ThreadPoolExecutor(BESIDE) as threads:
            list(threads.map(self._client.delete, list(self._names)))
        self._client.wait_no_jobs()

    def close(self) -> None:
        super().close()
        self._client.close()
