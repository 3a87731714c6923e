"""One run that writes much: how fast its lines are read, by the length of a line."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable

from launchpad import Run, SubprocessLauncher

from .scenario import Measured, Scenario

WRITER = (
    "import sys\nblock = (b'x' * {width} + b'\\n') * 1000\nfor _ in range({blocks}): sys.stdout.buffer.write(block)"
)
"""Writes blocks of 1,000 lines."""

CountLines = Callable[[list[str]], int]
"""Runs a command and counts the lines that it writes."""


def bare_text(command: list[str]) -> int:
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "encoding": "utf-8", "errors": "replace"}
    with subprocess.Popen(command, **options) as process:
        return sum(1 for _ in process.stdout)


def bare_bytes(command: list[str]) -> int:
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        return sum(1 for _ in process.stdout)


def asyncio_lines(command: list[str]) -> int:
    async def read() -> int:
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        count = 0
        async for line in process.stdout:
            count += bool(line.decode(errors="replace"))
        await process.wait()
        return count

    return asyncio.run(read())


def launchpad(command: list[str]) -> int:
    count = 0

    def on_output(run: Run, line: str) -> None:
        nonlocal count
        count += 1

    assert SubprocessLauncher().submit(Run(command=command), on_output=on_output)
    return count


def stream(count_lines: CountLines, length: int, quick: bool) -> Measured:
    """`length` is the length of a line with its newline, in bytes."""
    lines = 20_000 if quick else min(3_000_000, 400_000_000 // length)
    script = WRITER.format(width=length - 1, blocks=lines // 1000)
    began = time.perf_counter()
    assert count_lines([sys.executable, "-c", script]) == lines // 1000 * 1000
    seconds = time.perf_counter() - began
    return {"MB/s": lines * length / seconds / 1e6, "1,000 lines/s": lines / seconds / 1e3}


SCENARIOS = (
    Scenario(
        name="stream",
        title="One run that writes much: lines read by a callback",
        size="bytes a line",
        sizes=(10, 80, 1000),
        quick_sizes=(80,),
        rounds=5,
        metrics=("MB/s", "1,000 lines/s"),
        contenders={
            "bare loop, text": bare_text,
            "bare loop, bytes": bare_bytes,
            "asyncio": asyncio_lines,
            "launchpad": launchpad,
        },
        measure=stream,
    ),
)
