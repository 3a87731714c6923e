"""The backend of local processes: this machine is the engine. No other module starts the process of a run."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path

from ..core import shortages
from ..core.backend import Backend, Chunk, Spec, StreamName, Unit
from ..core.cancellation import StopToken
from ..core.following import output_of
from ..errors import InvalidHandle, LaunchError, RunNotAvailable, RunNotFound
from ..models import Handle, Listed, Run
from ..secret import without_frames
from ..stdin import opened
from ..text import quoted
from ..variables import inherited
from .detached import DetachedRun, detached_runs, known_at_start, listed
from .process import STATUS_TAKEN, LocalProcess, belongs_to_run, parse_handle
from .proctable import Process, StartTimes, look_up
from .results import ResultFile, detached_result, result_file
from .shim import NotStarted, log_limit
from .shim import start as start_shim
from .spawn import Program, encoded, spawn
from .spec import SET_VIRTUALENV, conda_prefix, python_of
from .starts import starting
from .state import RunFolder, StateFolder
from .sweep import Sweeper
from .unit_detached import DetachedUnit, kept_output

Pipes = Mapping[StreamName, int]
"""The descriptor of one end of each pipe."""

UnitFactory = Callable[[LocalProcess, Handle, Pipes], Unit]
"""Makes the unit of a process. ProcessLookupError if the process is gone, OSError if no descriptors are left."""

_STREAMS: tuple[StreamName, ...] = ("stdout", "stderr")

_EXPLANATIONS = {
    errno.E2BIG: "the command and its environment are too long for the system: pass large values in a file",
    errno.EACCES: "it is not executable: check its permissions (chmod +x)",
    errno.ENOEXEC: "the system cannot execute it: a script needs a first line such as #!/bin/sh",
    errno.EAGAIN: "the system has no room for another process: raise the limit (ulimit -u) or use fewer workers",
    **shortages.ADVICE,
}


def host_name() -> str:
    return os.uname().nodename


def default_unit_factory() -> UnitFactory:
    """Units that need no thread of their own, if the system has pidfd; else `ThreadedUnit`."""
    if has_pidfd():
        from .unit_waitid import cheapest_unit

        return cheapest_unit
    from .unit_threaded import ThreadedUnit

    return ThreadedUnit


def has_pidfd() -> bool:
    """Whether the system has pidfd. Old kernels and some sandboxes do not."""
    if sys.platform != "linux" or not hasattr(os, "eventfd"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)  # only a descriptor is missing, for now
    return True


class SubprocessBackend(Backend):
    """Starts processes, each as the leader of its own session and process group. Thread-safe."""

    def __init__(self, unit_factory: UnitFactory | None = None) -> None:
        self.engine = host_name()
        self._unit_factory = unit_factory or default_unit_factory()
        self._start_times = StartTimes()
        self._sweeper = Sweeper()
        self._detaches = unit_factory is None and has_pidfd()
        self._lock = threading.Lock()  # guards the list
        self._unpolled: list[LocalProcess] = []  # started, and not polled yet: the next start reaps those that ended

    def start(self, spec: Spec, name: str, run: Run, *, output: bool, stop_token: StopToken) -> Unit:
        stop_token.check()
        _check(spec)
        self._reap_unpolled()
        reading, writing = _open_pipes() if output else ({}, {})
        try:
            with opened(spec.get("stdin")) as stdin:
                return self._start(spec, name, run, (stdin, reading, writing))
        except BaseException:
            _close(reading.values())
            raise
        finally:
            _close(writing.values())

    def start_detached(
        self, spec: Spec, name: str, run: Run, *, output: bool, grace: float, stop_token: StopToken
    ) -> Unit:
        """Starts a run that a shim leads. On a system without pidfd, it is a child of this process, as in `start`."""
        if not self._detaches:
            return self.start(spec, name, run, output=output, stop_token=stop_token)
        stop_token.check()
        _check(spec)
        state = StateFolder()
        request = {
            "command": [encoded(word) for word in spec["command"]],
            "env": _environment(spec["env"]),
            "working_dir": None if spec["working_dir"] is None else encoded(spec["working_dir"]),
            "folder": state.path_for(run.id),
            "known": known_at_start(run, name, self.engine, output),
            "result": detached_result(run.entrypoint),
            "run_id": run.id,
            "timeout": run.timeout,
            "grace": grace,
            "output": output,
            "limit": log_limit(),
        }
        with opened(spec.get("stdin")) as stdin:
            try:
                folder = start_shim(request, stdin)
            except NotStarted as error:
                raise LaunchError(_not_started(spec, OSError(error.errno, error.strerror))) from without_frames(error)
            except OSError as error:
                raise state.unusable(error) from error
        return DetachedUnit(DetachedRun(RunFolder(Path(folder))), self._sweeper, output=output)

    def find(self, handle: Handle, *, output: bool) -> Unit:
        """A unit for a run that another process started, or this one no longer follows.

        It gives output if the run is detached and its output is kept.
        """
        pid, started = self._identity(handle)
        try:
            if (run := self._detached(handle)) is not None:
                return DetachedUnit(run, self._sweeper, output=output)
            if self._found(handle, pid, started) is not None:
                process = LocalProcess(pid, started, handle.run_id, self._sweeper, is_child=False)
                return self._unit_factory(process, handle, {})
        except ProcessLookupError:  # it ended just now
            pass
        except OSError as error:
            raise LaunchError(_not_followed(handle.name, error)) from error
        raise RunNotFound(
            f"Run {quoted(handle.name)} is not known here: its process {pid} is gone, and it was removed (by remove or "
            "reap), or its exit status went to the process that started it."
        )

    def starting(self) -> set[str]:
        return starting()

    def remove(self, handle: Handle) -> None:
        """Removes the folder of a detached run; another run leaves nothing. LaunchError while the run goes on."""
        pid, started = self._identity(handle)
        if (run := self._detached(handle)) is not None:
            is_running = run.exit() is None
        else:
            entry = self._found(handle, pid, started)
            is_running = entry is not None and entry.running
        if is_running:
            raise LaunchError(
                f"Run {quoted(handle.name)} (process {pid}) is still running: stop it before removing it."
            )
        if run is not None:
            run.folder.remove()

    def list_runs(self) -> list[Listed]:
        """The detached runs of this user on this host."""
        return list(listed(run for run in detached_runs(StateFolder()) if run.handle.engine == self.engine))

    def logs(self, handle: Handle, *, follow: bool) -> Generator[Chunk, None, None]:
        """The output of a detached run. Without `follow`, that of stdout comes first, and then that of stderr."""
        self._identity(handle)
        run = self._detached(handle)
        if run is None or not run.known["output"]:
            self.find(handle, output=False).close()  # RunNotFound
            raise LaunchError(
                f"No output of run {quoted(handle.name)} is kept: it is kept for runs of `start` with `stream_output`."
            )
        return output_of(self.find(handle, output=True), follow=True) if follow else kept_output(run)

    def close(self) -> None:
        """Does nothing: all that is open belongs to the units."""

    def _identity(self, handle: Handle) -> tuple[int, str]:
        if handle.engine != self.engine:
            raise RunNotAvailable(
                f"Run {quoted(handle.name)} is a process of host {quoted(handle.engine)}; this host is "
                f"{self.engine!r}: ask there."
            )
        return parse_handle(handle)

    def _detached(self, handle: Handle) -> DetachedRun | None:
        """The detached run of a handle; None if there is none."""
        runs = detached_runs(StateFolder().of(handle.run_id))
        return next((run for run in runs if (run.handle.id, run.handle.engine) == (handle.id, handle.engine)), None)

    def _found(self, handle: Handle, pid: int, started: str) -> Process | None:
        """The entry of the process of the handle's run; None if it is gone. InvalidHandle if the process is another."""
        entry = look_up(pid)
        if entry is None or entry.started != started:
            return None
        if not belongs_to_run(entry, handle.run_id):
            if not entry.running:  # it is not reaped yet, and what it began with cannot be read any more
                return None
            raise InvalidHandle(
                f"Process {pid} is not that of run {quoted(handle.run_id)}: the handle of {quoted(handle.name)} is "
                "not valid, or was changed."
            )
        return entry

    def _start(self, spec: Spec, name: str, run: Run, stdio: tuple[int | None, Pipes, Pipes]) -> Unit:
        with result_file(run.entrypoint) as result:
            before = self._start_times.now()
            stdin, reading, writing = stdio
            pid = _spawn(spec, stdin, writing, result)
            try:
                process = LocalProcess(pid, self._start_times.of(pid, before), run.id, self._sweeper, is_child=True)
                process.result = result
                handle = Handle("subprocess", process.handle_id, name, self.engine, run.id)
                unit = self._unit_factory(process, handle, reading)
                with self._lock:
                    self._unpolled.append(process)
                return unit
            except BaseException as error:
                _kill(pid)
                if isinstance(error, ProcessLookupError):
                    raise LaunchError(
                        f"Run {name!r} ended, and was gone before it could be followed. {STATUS_TAKEN}"
                    ) from error
                if isinstance(error, OSError):
                    raise LaunchError(_not_followed(name, error)) from error
                raise

    def _reap_unpolled(self) -> None:
        with self._lock:
            if self._unpolled:
                self._unpolled = [each for each in self._unpolled if not (each.polled or each.reap())]


def _check(spec: Spec) -> None:
    """LaunchError if a directory or an environment that the settings name does not exist."""
    directory = spec["working_dir"]
    if directory is not None and not os.path.isdir(encoded(directory)):
        raise LaunchError(f"The working directory {directory!r} does not exist or is not a directory: create it first.")
    virtualenv = spec["virtualenv"]
    if virtualenv is not None and not os.path.exists(encoded(python_of(virtualenv, None))):
        raise LaunchError(f"There is no virtualenv in {virtualenv!r}: create it (python -m venv {virtualenv}).")
    prefix = conda_prefix(spec)
    if prefix is not None and not os.path.isdir(encoded(prefix)):
        raise LaunchError(f"There is no conda environment in {prefix!r}: create it (conda create --prefix {prefix}).")


def _open_pipes() -> tuple[Pipes, Pipes]:
    """Opens a pipe for each stream: the reading ends, and the writing ends."""
    pipes: list[tuple[int, int]] = []
    try:
        for _ in _STREAMS:
            pipes.append(os.pipe())
    except OSError as error:
        _close(itertools.chain(*pipes))
        raise LaunchError(f"No pipe can be opened for the output: {_explained(error)}.") from error
    reading, writing = zip(*pipes, strict=True)
    return dict(zip(_STREAMS, reading, strict=True)), dict(zip(_STREAMS, writing, strict=True))


def _close(descriptors: Iterable[int]) -> None:
    for fd in descriptors:
        os.close(fd)


def _spawn(spec: Spec, stdin: int | None, writing: Pipes, result: ResultFile | None) -> int:
    env = spec["env"] if result is None else {**spec["env"], **result.environment}
    try:
        return spawn(Program(spec["command"], spec["working_dir"], _environment(env), stdin), writing)
    except (OSError, subprocess.SubprocessError) as error:
        raise LaunchError(_not_started(spec, error)) from without_frames(error)


def _environment(changes: Mapping[str, str | None]) -> dict[bytes, bytes]:
    """The child's environment: this process's, with `changes`. In bytes, which Popen does not encode again."""
    merged = dict(inherited())
    for name, value in changes.items():
        if value is None:
            merged.pop(encoded(name), None)
        else:
            merged[encoded(name)] = encoded(value)
    return merged


def _not_started(spec: Spec, error: Exception) -> str:
    program = spec["command"][0]
    if spec["conda"] and isinstance(error, FileNotFoundError):
        return f"conda was not found ({program!r}): install it, or set CONDA_EXE to its path."
    if isinstance(error, FileNotFoundError):
        where = "does not exist" if os.sep in program else "was not found on PATH"
        if _program_exists(program, spec):
            where = "names an interpreter in its first line that does not exist"
        elif program == sys.executable:  # removed, or replaced by an upgrade, while this process runs
            where += f" any more. {SET_VIRTUALENV.rstrip('.')}"
        return f"The program {program!r} cannot be started: it {where}."
    directory = spec["working_dir"]
    if isinstance(error, PermissionError) and directory is not None and not os.access(encoded(directory), os.X_OK):
        return f"The working directory {directory!r} cannot be entered: check its permissions."
    if os.path.isdir(encoded(os.path.join(directory or "", program))):
        return f"The program {program!r} cannot be started: it is a directory."
    return f"The program {program!r} cannot be started: {_explained(error)}."


def _program_exists(program: str, spec: Spec) -> bool:
    if os.sep in program:
        return os.path.isfile(encoded(os.path.join(spec["working_dir"] or "", program)))
    from shutil import which  # takes 3 ms to import, and only this error needs it

    path = spec["env"].get("PATH", os.environ.get("PATH")) or os.defpath
    return which(os.fsdecode(encoded(program)), path=os.fsdecode(encoded(path))) is not None


def _not_followed(name: str, error: OSError) -> str:
    return f"Run {name!r} cannot be followed: {_explained(error)}."


def _explained(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    return _EXPLANATIONS.get(number or 0) or (os.strerror(number) if number else str(error))


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
