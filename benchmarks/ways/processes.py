"""Local processes: ours, what one writes by hand, and shells' tools."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

from launchpad import SubprocessLauncher

from . import Command, Launch, check, ours


def launchpad(workers: int) -> AbstractContextManager[Launch]:
    return ours.launchpad(SubprocessLauncher(stream_output=False), workers)


def launchpad_streamed(workers: int) -> AbstractContextManager[Launch]:
    return ours.launchpad(SubprocessLauncher(), workers, streamed=True)


@contextmanager
def bare_popen(workers: int, stream: int = subprocess.DEVNULL) -> Iterator[Launch]:
    def one(command: Command) -> int:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        out, _errors = process.communicate()
        assert stream == subprocess.DEVNULL or out
        return process.returncode

    with ThreadPoolExecutor(workers) as executor:
        yield lambda commands: check(executor.map(one, commands))


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
    yield lambda commands: _fed(["xargs", "-P", str(workers), "-L", "1", commands[0][0]], commands)


@contextmanager
def gnu_parallel(workers: int) -> Iterator[Launch]:
    yield lambda commands: _fed(["parallel", "-j", str(workers), commands[0][0]], commands)


def _fed(tool: list[str], commands: Sequence[Command]) -> None:
    """Runs a tool that is given the program of all commands, and reads a line of arguments for each."""
    lines = "".join(f"{shlex.join(command[1:])}\n" for command in commands)
    subprocess.run(tool, input=lines, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
