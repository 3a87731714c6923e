"""Starts the process of a run, as the leader of its own session, with no signal blocked or ignored.

Popen passes the thread's blocked signals and the process's ignored ones on to the child. Undoing that takes code in the
child, which is unsafe with threads (`preexec_fn`), or posix_spawn(3), which is slower than Popen from many threads. So
posix_spawn is used only while a signal is blocked or ignored, and where a package such as gevent has replaced Popen.
"""

from __future__ import annotations

import errno
import fcntl
import os
import posix
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

try:  # the same function without enums, which take 3 µs for each signal
    from _signal import getsignal as _get_handler  # type: ignore[import-not-found]
except ImportError:
    from signal import getsignal as _get_handler

from ..core.backend import StreamName
from ..errors import LaunchError

_MAY_BE_IGNORED = (  # by nohup, by `&` in a script, by a daemon's supervisor; Popen itself resets SIGPIPE
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGCHLD,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
)
_ALL_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_IGNORED = int(signal.SIG_IGN)

_IN_FOLDER = (b"/bin/sh", b"-c", b'cd -- "$0" && exec "$@"')
"""Words to put before a folder and a command: posix_spawn has no working directory."""

if TYPE_CHECKING:
    _Popen = subprocess.Popen[bytes]
else:
    _Popen = subprocess.Popen if isinstance(subprocess.Popen, type) else object


class Child(_Popen):
    """A child process. Unlike a plain Popen it may be dropped while the process runs: a run may outlive its starter."""

    def __del__(self) -> None:
        pass


class Program(NamedTuple):
    """What to start: str is in the file system's encoding. `stdin` is a descriptor; None is the null device."""

    command: Sequence[str] | Sequence[bytes]
    working_dir: str | bytes | None
    env: Mapping[bytes, bytes]
    stdin: int | None = None

    def encoded(self) -> Program:
        """The same in bytes, with characters that the file system's encoding lacks in UTF-8."""
        folder = None if self.working_dir is None else encoded(self.working_dir)
        return self._replace(command=[encoded(word) for word in self.command], working_dir=folder)


def encoded(text: str | bytes) -> bytes:
    """`text` as the system takes it; in UTF-8 if the file system's encoding lacks a character."""
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        assert isinstance(text, str)
        return text.encode("utf-8", "surrogateescape")


def spawn(program: Program, pipes: Mapping[StreamName, int]) -> int:
    """Starts a process and returns its pid. A stream without a pipe is the null device. OSError as Popen raises it.

    LaunchError if a package such as gevent takes the exit statuses of all children.
    """
    if _is_patched():
        _refuse_if_statuses_are_taken()
        return _posix_spawn(program.encoded(), pipes)
    if _signals_need_reset():
        return _posix_spawn(program.encoded(), pipes)
    try:
        return _popen(program, pipes)
    except UnicodeEncodeError:
        return _popen(program.encoded(), pipes)


def _popen(program: Program, pipes: Mapping[StreamName, int]) -> int:
    return Child(
        program.command,
        cwd=program.working_dir,
        env=program.env,
        stdin=subprocess.DEVNULL if program.stdin is None else program.stdin,
        stdout=pipes.get("stdout", subprocess.DEVNULL),
        stderr=pipes.get("stderr", subprocess.DEVNULL),
        start_new_session=True,
    ).pid


def _posix_spawn(program: Program, pipes: Mapping[StreamName, int]) -> int:
    words: list[bytes] = [encoded(word) for word in program.command]
    folder = None if program.working_dir is None else encoded(program.working_dir)
    path = _find(words[0], folder, program.env)
    if folder is not None:
        folder = folder if folder.startswith(b"/") else b"./" + folder
        path, words = _IN_FOLDER[0], [*_IN_FOLDER, folder, *words]
    actions: list[Any] = []
    with ExitStack() as copies:
        for fd, given in enumerate((program.stdin, pipes.get("stdout"), pipes.get("stderr"))):
            if given is None:
                actions.append((os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY if fd else os.O_RDONLY, 0))
            else:  # it may itself have a number below 3
                copy = fcntl.fcntl(given, fcntl.F_DUPFD_CLOEXEC, 3)
                copies.callback(os.close, copy)
                actions.append((os.POSIX_SPAWN_DUP2, copy, fd))
        actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable()]
        return posix.posix_spawn(
            path, words, program.env, file_actions=actions, setsid=True, setsigmask=(), setsigdef=_ALL_SIGNALS
        )


def _find(program: bytes, folder: bytes | None, env: Any) -> bytes:
    """The path of an executable, relative to `folder`. OSError, as an exec in `folder` would raise it."""
    if folder is not None and not os.access(folder, os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    error = errno.ENOENT
    for place in [b""] if b"/" in program else os.get_exec_path(env):
        path = os.path.join(os.fsencode(place), program)
        seen_from_here = os.path.join(folder or b"", path)
        if os.access(seen_from_here, os.X_OK) and not os.path.isdir(seen_from_here):
            return path
        if os.path.exists(seen_from_here):
            error = errno.EACCES
    raise OSError(error, os.strerror(error))


def _inheritable() -> list[int]:
    """The descriptors above 2 that an exec would leave open."""
    found = []
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):  # closed meanwhile
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
    return found


def _signals_need_reset() -> bool:
    """Whether this thread blocks a signal, or this process ignores one."""
    return _IGNORED in map(_get_handler, _MAY_BE_IGNORED) or bool(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def _is_patched() -> bool:
    """Whether a package such as gevent has replaced Popen by a class that takes exit statuses, or waitpid."""
    popen = subprocess.Popen
    usable = _CHILD_IS_USABLE and (popen is _POPEN_AT_IMPORT or _is_usable(popen))
    return not usable or os.waitpid.__module__ != "posix"


def _is_usable(cls: object) -> bool:
    """Whether a class derives from the standard library's Popen, or is a function that wraps it."""
    return not isinstance(cls, type) or any(base.__module__ == "subprocess" for base in cls.__mro__)


_POPEN_AT_IMPORT = subprocess.Popen
_CHILD_IS_USABLE = _is_usable(Child)


def _refuse_if_statuses_are_taken() -> None:
    """LaunchError if a handler of SIGCHLD that is not Python's waits for all children, as gevent's does."""
    if sys.platform != "linux" or _get_handler(signal.SIGCHLD) not in (signal.SIG_DFL, None):
        return
    with open("/proc/self/status") as status:
        caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
    if caught >> (signal.SIGCHLD - 1) & 1:
        raise LaunchError(
            f"Local runs cannot be launched: {os.waitpid.__module__} is in use and takes the exit statuses of all "
            "child processes. Leave these modules unpatched: gevent.monkey.patch_all(subprocess=False, os=False)."
        )
