"""The program of a shim: leads one detached run, even when its starter has ended. It uses the standard library alone.

    python script_runner.py shim_script RUN_ID

Its stdin is that of the run, its stdout and stderr are a socket. It reads the request of `shim.start` from that, goes
on in a child of its own, and answers with the identity of the run, or why it could not be started. It keeps the state
of the run in a folder: the file `run.json` from the start, `end.json` from the end, and the output. It ends the run at
its time-out and, with the grace in the file `stop`, on SIGTERM.
"""

from __future__ import annotations

import errno
import marshal
import os
import select
import time

TYPE_CHECKING = False  # typing takes long to import
if TYPE_CHECKING or __package__:
    from .lean import signal, suppress
    from .log_writer import Log, create
    from .sweep_script import Entry, find, kill_all, look_up, send
else:  # without the package
    from lean import signal, suppress
    from log_writer import Log, create
    from sweep_script import Entry, find, kill_all, look_up, send

if TYPE_CHECKING:
    from typing import Any

    Request = dict[str, Any]

CHECK_INTERVAL = 0.05
"""Seconds between two looks for what is left of a run that is being stopped."""

READ_SIZE = 65536

MOST_DRAINED = 1 << 20
"""Bytes of each stream that are read after the run's end, when a grandchild may go on writing: what a pipe may hold."""

RESERVED_SIZE = 4096
"""Bytes of the disk that are taken for `end.json` at the start, in case that the disk is full when the run ends."""


class Shim:
    """Follows the run's first process: passes its output to the logs, and ends it where that is due."""

    def __init__(self, folder: str, request: Request) -> None:
        """Starts the run. OSError."""
        self.reason = ""
        """Why the run was stopped: "stopped" or "timed_out"."""
        self._folder = folder
        self._run_id: str = request["run_id"]
        self._grace: float = request["grace"]
        self._poll = select.poll()
        self._wakeup = _wakeup()
        self._poll.register(self._wakeup, select.POLLIN)
        self._logs: dict[int, Log] = {}
        writing = [self._add_log(name, request["limit"]) for name in ("stdout", "stderr") if request["output"]]
        self._all_logs = list(self._logs.values())
        self._stop_requested = False
        self._timeout_at = None if request["timeout"] is None else time.monotonic() + request["timeout"]
        self._kill_at: float | None = None  # once it is being stopped
        if request["result"] is not None:
            variable, limit, name = request["result"]
            place = f"{limit}\n{os.path.join(os.fsdecode(folder), name)}"
            request["env"][variable.encode()] = os.fsencode(place)
        self.pid = _spawn(request, writing)
        for fd in writing:
            os.close(fd)

    def _add_log(self, name: str, limit: int) -> int:
        """Opens a pipe for a stream, and returns the end that the run gets."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self._logs[reading] = Log(os.path.join(self._folder, name), limit)
        self._poll.register(reading, select.POLLIN)
        return writing

    def follow(self) -> int:
        """Returns the exit status, negative for a signal, when the run has ended and its output is written."""
        while not self._has_ended():
            self._stop_if_due()
            self._read_available(self._next_check())
        self._timeout_at = None
        self._stop_if_due()  # the stop of a run around it signals the shim first, and then the run
        while self.reason and self._processes():  # the leader is not reaped yet: its group's number is its own
            self._stop_if_due()
            self._read_available(CHECK_INTERVAL)
        self._drain()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def request_stop(self, *_: object) -> None:
        """Handles SIGTERM."""
        self._stop_requested = True

    def output_is_complete(self) -> bool:
        return not any(log.lost for log in self._all_logs)

    def _has_ended(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def _ask(self, reason: str, grace: float) -> None:
        first, self.reason = not self.reason, self.reason or reason
        until = time.monotonic() + grace
        self._kill_at = until if self._kill_at is None else min(until, self._kill_at)
        if first and grace > 0:
            self._signal_all(signal.SIGTERM)

    def _stop_if_due(self) -> None:
        if self._timeout_at is not None and time.monotonic() >= self._timeout_at and not self.reason:
            self._ask("timed_out", self._grace)
        if self._stop_requested:
            self._stop_requested = False
            self._ask("stopped", self._requested_grace())
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._signal_all(signal.SIGKILL)

    def _requested_grace(self) -> float:
        try:
            with open(os.path.join(self._folder, "stop")) as file:
                return float(file.read())
        except (OSError, ValueError):  # the signal came from another program
            return self._grace

    def _next_check(self) -> float | None:
        if self._kill_at is not None:
            return CHECK_INTERVAL
        return None if self._timeout_at is None else max(0.0, self._timeout_at - time.monotonic())

    def _signal_all(self, number: int) -> None:
        """Signals the run's process group, and the processes that have left it."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
        if number == signal.SIGKILL:
            kill_all([self._run_id])
            return
        for entry in self._processes():
            if entry[2] != self.pid:
                send(entry, number)

    def _processes(self) -> list[Entry]:
        return find([self._run_id], groups={self.pid: self._run_id}).get(self._run_id, [])

    def _read_available(self, timeout: float | None) -> None:
        """Waits for output or a signal at most `timeout` seconds, and writes the output."""
        ready = self._poll.poll(None if timeout is None else int(min(timeout, 86400) * 1000) + 1)
        with suppress(BlockingIOError):
            os.read(self._wakeup, READ_SIZE)
        for fd, _ in ready:
            if fd in self._logs:
                self._read(fd)

    def _read(self, fd: int) -> int:
        """Reads from a pipe once, and returns how many bytes there were."""
        try:
            data = os.read(fd, READ_SIZE)
        except BlockingIOError:
            return 0
        if data:
            self._logs[fd].write(data)
        else:
            self._poll.unregister(fd)
            del self._logs[fd]
        return len(data)

    def _drain(self) -> None:
        """Writes what the pipes hold."""
        for fd in list(self._logs):
            drained = 0
            while drained < MOST_DRAINED and (length := self._read(fd)):
                drained += length


def main() -> None:
    request: Request = marshal.loads(_read_all(1))
    if os.fork():
        os._exit(0)  # the starter reaps this process, and the system's first process the shim
    _reset_signals()
    try:
        folder = _make_folder(request["folder"])
    except OSError as error:
        _answer({"state_error": error.errno})
        return
    try:
        _reserve(folder, "run.json", len(request["known"]) + RESERVED_SIZE)
        _reserve(folder, "end.json", RESERVED_SIZE)
        shim = Shim(folder, request)
    except BaseException as error:
        _remove(folder)
        _answer({"errno": getattr(error, "errno", None) or errno.ENOMEM})
        return
    signal.signal(signal.SIGTERM, shim.request_stop)
    identity = _identity(shim.pid)
    _fill(folder, "run.json", f"{request['known'][:-1]}, {identity}}}")
    _answer({"folder": folder})
    os.chdir("/")
    code = shim.follow()
    complete = str(shim.output_is_complete()).lower()
    end = f'"exit_code": {code}, "reason": "{shim.reason}", "ended_at": {time.time()!r}, "complete": {complete}'
    _fill(folder, "end.json", f"{{{end}}}")


def _read_all(fd: int) -> bytes:
    data = b""
    while part := os.read(fd, READ_SIZE):
        data += part
    return data


def _reset_signals() -> None:
    """Survives the signals of a terminal and of a shutdown, without passing that on to the run.

    A handler, unlike an ignored signal, is not inherited by a program that is started.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, lambda *_: None)


def _make_folder(path: str) -> str:
    """Makes the folder of the run; another name where the run was started before."""
    for number in range(1000):
        folder = f"{path},{number}" if number else path
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
            return folder
    raise FileExistsError(errno.EEXIST, path)


def _remove(folder: str) -> None:
    with suppress(OSError):
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)


def _reserve(folder: str, name: str, size: int) -> None:
    """Takes the room on the disk for a file that `_fill` writes."""
    file = create(os.path.join(folder, f"{name}.new"))
    try:
        os.write(file, b" " * size)
    finally:
        os.close(file)


def _fill(folder: str, name: str, text: str) -> None:
    """Writes a file that was reserved; it is complete when it has its name."""
    path = os.path.join(folder, name)
    file = os.open(f"{path}.new", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
    os.replace(f"{path}.new", path)


def _wakeup() -> int:
    """A descriptor that is readable after each signal."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


def _spawn(request: Request, outputs: list[int]) -> int:
    """Starts the run's first process, as the leader of a session of its own. OSError."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for number, fd in enumerate(outputs or (null, null), start=1):
                os.dup2(fd, number)
            if request["working_dir"] is not None:
                os.chdir(request["working_dir"])
            os.execvpe(request["command"][0], request["command"], request["env"])
        except OSError as error:
            os.write(writing, str(error.errno).encode())
        finally:
            os._exit(127)
    os.close(writing)
    failure = os.read(reading, 16)
    os.close(reading)
    if failure:
        os.waitpid(pid, 0)
        raise OSError(int(failure), os.strerror(int(failure)))
    return pid


def _identity(pid: int) -> str:
    """The run's first process and the shim, as the end of a JSON object."""
    shim = os.getpid()
    return f'"pid": {pid}, "started": "{_started(pid)}", "shim": {shim}, "shim_started": "{_started(shim)}"'


def _started(pid: int) -> str:
    entry = look_up(pid)
    return "0" if entry is None else entry[1]


def _answer(what: dict[str, object]) -> None:
    """Answers the starter, which may be gone, and lets go of its socket."""
    with suppress(OSError):
        os.write(1, marshal.dumps(what))
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
