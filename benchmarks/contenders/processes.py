"""Local processes, by launchpad, by the standard library and by command-line tools."""

from __future__ import annotations

import asyncio
import os
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from launchpad import SubprocessLauncher

from . import Command, Launch, check, feed, in_threads, launchpads


def launchpad(workers: int) -> AbstractContextManager[Launch]:
    return launchpads.launchpad(SubprocessLauncher(stream_output=False), workers)


def launchpad_streamed(workers: int) -> AbstractContextManager[Launch]:
    return launchpads.launchpad(SubprocessLauncher(), workers, streamed=True)


def bare_popen(workers: int, stream: int = subprocess.DEVNULL) -> AbstractContextManager[Launch]:
    def run(command: Command) -> int:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        out, _errors = process.communicate()
        assert stream == subprocess.DEVNULL or out
        return process.returncode

    return in_threads(workers, run)


def bare_popen_with_environment(workers: int) -> AbstractContextManager[Launch]:
    """Each process gets an environment of its own with one variable more, as a run of launchpad does."""

    def run(command: Command) -> int:
        null, environment = subprocess.DEVNULL, {**os.environ, "RUN_ID": str(uuid.uuid4())}
        return subprocess.call(command, stdin=null, stdout=null, stderr=null, env=environment)

    return in_threads(workers, run)


def bare_popen_captured(workers: int) -> AbstractContextManager[Launch]:
    return bare_popen(workers, subprocess.PIPE)


@contextmanager
def asyncio_subprocess(workers: int) -> Iterator[Launch]:
    async def launch(commands: Sequence[Command]) -> None:
        room = asyncio.Semaphore(workers)

        async def one(command: Command) -> int:
            async with room:
                null = asyncio.subprocess.DEVNULL
                process = await asyncio.create_subprocess_exec(*command, stdin=null, stdout=null, stderr=null)
                return await process.wait()

        check(await asyncio.gather(*map(one, commands)))

    yield lambda commands: asyncio.run(launch(commands))


@contextmanager
def xargs(workers: int) -> Iterator[Launch]:
    yield lambda commands: _feed_arguments(["xargs", "-P", str(workers), "-L", "1"], commands)


@contextmanager
def gnu_parallel(workers: int, *options: str) -> Iterator[Launch]:
    yield lambda commands: _feed_arguments(["parallel", "-j", str(workers), *options], commands)


def _feed_arguments(tool: list[str], commands: Sequence[Command]) -> None:
    """Runs a tool with the program of all commands, and feeds it the arguments of each as a line."""
    feed([*tool, commands[0][0]], (command[1:] for command in commands))


BASIC = {"bare Popen": bare_popen, "launchpad": launchpad, "asyncio": asyncio_subprocess}
"""The contenders that need nothing but Python."""
