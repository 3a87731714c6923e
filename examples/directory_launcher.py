"""A launcher for background processes of this machine, each with a directory that any
process can find again.

The directory of a run contains its `stdout` and `stderr`, its process `group`, its
`status` as soon as it has ended, and a `lock` that all processes of the run hold: a
process that merely reuses an id is never taken for one of them.
"""

from __future__ import annotations

import fcntl
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs

from launchpad import (
    Backend,
    Chunk,
    EngineUnavailable,
    Exit,
    Handle,
    Launcher,
    LaunchError,
    Reason,
    Run,
    RunNotAvailable,
    RunNotFound,
    StopToken,
    Unit,
    register_launcher,
)
from launchpad.entrypoints import local_command, parameters_environment

STREAMS: tuple[Literal["stdout", "stderr"], ...] = ("stdout", "stderr")

LOOK_INTERVAL = 0.02
"""Seconds between two looks at the files of a run."""

SCRIPT = """
echo $$ >"$0/group"
(
    trap : TERM
    "$@" >>"$0/stdout" 2>>"$0/stderr"
    echo $? >"$0/status.new"
    mv "$0/status.new" "$0/status"
) &
"""
"""Leads a process group, and leaves the command in the background. $0 is the folder."""


@register_launcher
@attrs.frozen(kw_only=True)
class DirectoryLauncher(Launcher):
    """Launches runs as background processes; `spool` is where their directories are."""

    type: ClassVar[str] = "directory"

    spool: str = "~/.cache/launchpad-runs"

    def spec(self, run: Run, name: str) -> dict[str, Any]:
        return {
            "command": run.command or local_command(run.entrypoint, sys.executable),
            "env": {
                **parameters_environment(run.entrypoint, run.parameters),
                **self.env,
                **run.env,
            },
            "working_dir": run.working_dir,
        }

    def names(self, run: Run) -> Iterator[str]:
        yield run.name

    def render(self, spec: dict[str, Any], *, reveal: bool) -> str:
        env = spec["env"] if reveal else dict.fromkeys(spec["env"], "***")
        return json.dumps({**spec, "env": env}, indent=2)

    def connect(self) -> Backend:
        return DirectoryBackend(Path(self.spool).expanduser())


class DirectoryBackend(Backend):
    """The directories of runs in one directory of this machine."""

    def __init__(self, spool: Path) -> None:
        self.engine = f"{os.uname().nodename}:{spool}"
        self._spool = spool
        self._closed = threading.Event()

    def start(
        self,
        spec: dict[str, Any],
        name: str,
        run: Run,
        *,
        output: bool,
        stop_token: StopToken,
    ) -> Unit:
        stop_token.check()
        handle = Handle(
            DirectoryLauncher.type, uuid.uuid4().hex, name, self.engine, run.id
        )
        directory = RunDirectory(self._spool / handle.id)
        try:
            directory.start(spec)
        except BaseException as error:
            shutil.rmtree(directory.path, ignore_errors=True)
            if isinstance(error, OSError):
                raise LaunchError(
                    f"Run {name!r} cannot be started: {error}."
                ) from error
            raise
        return DirectoryUnit(directory, handle, self._closed, output)

    def find(self, handle: Handle, *, output: bool) -> Unit:
        directory = self._directory(handle)
        if not directory.path.is_dir():
            raise RunNotFound(
                f"Run {handle.name!r} was removed: {directory.path} does not exist."
            )
        return DirectoryUnit(directory, handle, self._closed, output)

    def remove(self, handle: Handle) -> None:
        directory = self._directory(handle)
        if directory.path.is_dir() and not directory.has_ended():
            raise LaunchError(
                f"Run {handle.name!r} is still running: stop it before removing it."
            )
        shutil.rmtree(directory.path, ignore_errors=True)

    def close(self) -> None:
        self._closed.set()

    def _directory(self, handle: Handle) -> RunDirectory:
        if handle.engine != self.engine:
            raise RunNotAvailable(
                f"Run {handle.name!r} is one of {handle.engine}, not of {self.engine}."
            )
        return RunDirectory(self._spool / handle.id)


class DirectoryUnit(Unit):
    """Follows one run by looking at its files."""

    def __init__(
        self,
        directory: RunDirectory,
        handle: Handle,
        backend_closed: threading.Event,
        output: bool,
    ) -> None:
        self.handle = handle
        self._directory = directory
        streams = STREAMS if output else ()
        paths = {stream: directory.path / stream for stream in streams}
        self._files = [(name, open(path, "rb")) for name, path in paths.items()]
        self._backend_closed = backend_closed
        self._closed = False
        self._stopping = False
        self._exit: Exit | None = None
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()

    def poll(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        until = None if timeout is None else time.monotonic() + timeout
        while self._exit is None:
            if self._closed or self._backend_closed.is_set():
                raise EngineUnavailable(
                    f"Run {self.handle.name!r} is not followed: the launcher is closed."
                )
            ended = self._directory.has_ended() and not (
                self._stopping and self._directory.has_processes()
            )
            # Read after the look at the end: no output may come later than the Exit.
            news: list[Chunk | Exit] = [
                Chunk(stream, data)
                for stream, file in self._files
                if (data := file.read())
            ]
            if ended:
                self._exit = _exit(self._directory.status())
                return [*news, self._exit]
            left = (
                LOOK_INTERVAL
                if until is None
                else min(LOOK_INTERVAL, until - time.monotonic())
            )
            if news or left <= 0:
                return news
            with suppress(queue.Empty):
                self._wakes.get(timeout=left)
                return []
        return [self._exit]

    def has_ended(self) -> bool:
        return self._directory.has_ended()

    def wake(self) -> bool:
        self._wakes.put(None)
        return True

    def terminate(self, grace: float) -> bool:
        self._stopping = True
        return self._directory.signal(signal.SIGTERM)

    def kill(self) -> None:
        self._stopping = True
        self._directory.signal(signal.SIGKILL)

    def close(self) -> None:
        self._closed = True
        for _, file in self._files:
            file.close()


class RunDirectory:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def start(self, spec: dict[str, Any]) -> None:
        env = {
            name: value
            for name, value in {**os.environ, **spec["env"]}.items()
            if value is not None
        }
        program = spec["command"][0]
        if shutil.which(program, path=env.get("PATH")) is None:
            raise LaunchError(f"The program {program!r} was not found on PATH.")
        self.path.mkdir(parents=True)
        for stream in STREAMS:
            (self.path / stream).touch()
        with open(self.path / "lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            subprocess.run(
                ["/bin/sh", "-c", SCRIPT, str(self.path), *spec["command"]],
                env=env,
                cwd=spec["working_dir"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[lock.fileno()],
                start_new_session=True,
                check=True,
            )

    def status(self) -> int | None:
        """The exit status; None while the run goes on, and if it was killed."""
        try:
            return int((self.path / "status").read_text())
        except FileNotFoundError:
            return None

    def has_ended(self) -> bool:
        return self.status() is not None or not self.has_processes()

    def has_processes(self) -> bool:
        """Whether a process of the run is left that kept its process group."""
        lock = os.open(self.path / "lock", os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return self._send(0)
        finally:
            os.close(lock)

    def signal(self, number: int) -> bool:
        """Sends a signal to all processes of the run; False if none is left."""
        return self.has_processes() and self._send(number)

    def _send(self, number: int) -> bool:
        try:
            os.killpg(int((self.path / "group").read_text()), number)
        except ProcessLookupError:
            return False
        return True


def _exit(status: int | None) -> Exit:
    if status is None:
        return Exit(exit_code=-signal.SIGKILL, reason=Reason.FAILED, message="Killed.")
    if status == 0:
        return Exit(exit_code=0, reason=Reason.COMPLETED)
    return Exit(
        exit_code=status, reason=Reason.FAILED, message=f"Exited with status {status}."
    )
