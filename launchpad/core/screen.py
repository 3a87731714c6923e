"""Prints lines to sys.stdout and sys.stderr, whole, and without loss if the screen is slow or non-blocking.

The interpreter's own text files lose data in two cases: if the descriptor is non-blocking and full, and if they are
unbuffered (`python -u`) and a write is shortened. So lines are written to the raw file below them, until it has all.
"""

from __future__ import annotations

import abc
import io
import os
import select
import stat
import sys
import threading
from contextlib import suppress
from functools import cache
from typing import TextIO

from .backend import StreamName
from .delivery import current

PIECE = 1024
"""Characters that a non-blocking pipe takes whole when poll(2) reports it writable: at most 4096 bytes of UTF-8."""

_WITHOUT_CURSOR = ("", "dumb", "unknown")  # values of TERM

BLOCKED_INTERVAL = 0.1
"""Seconds between two looks of a thread that cannot write at whether it is to give up."""

_screen_locks: dict[int, threading.RLock] = {}  # by process id: a forked child cannot wait for threads of its parent


def screen_lock() -> threading.RLock:
    """The lock for writing to the screen. Reentrant, since a signal handler may print while its thread is printing."""
    pid = os.getpid()
    return _screen_locks.get(pid) or _screen_locks.setdefault(pid, threading.RLock())  # atomic


class StreamProxy(abc.ABC):
    """Replaces sys.stdout or sys.stderr while something else, such as a progress bar, uses the screen too."""

    @abc.abstractmethod
    def write_lines(self, lines: list[str]) -> None:
        """Prints whole lines, like the function `write_lines`. Called with `screen_lock` held."""

    @abc.abstractmethod
    def note(self, screen: object, key: object, text: str) -> bool:
        """Shows `text` in place of the last note of `key`; "" removes it. False if `screen` is not what is replaced."""


def is_terminal(screen: TextIO | None) -> bool:
    """Whether `screen` is a terminal on which the cursor can be moved."""
    try:
        return screen is not None and screen.isatty() and os.environ.get("TERM", "dumb") not in _WITHOUT_CURSOR
    except Exception:  # it is closed, or not a real file
        return False


def is_writable(stream: StreamName) -> bool:
    """Whether sys.stdout or sys.stderr takes a line at once. True if that is not known."""
    screen = sys.stdout if stream == "stdout" else sys.stderr
    try:
        poll = select.poll()
        poll.register(screen.fileno(), select.POLLOUT)
        return bool(poll.poll(0))
    except (OSError, ValueError, AttributeError):
        return True


def has_colors(stream: StreamName) -> bool:
    """Whether the current sys.stdout or sys.stderr shows colours: a terminal, unless NO_COLOR is set."""
    return is_terminal(sys.stdout if stream == "stdout" else sys.stderr) and not os.environ.get("NO_COLOR")


def to_screen(stream: StreamName, lines: list[str]) -> None:
    """Prints lines to the current sys.stdout or sys.stderr, as one text. OSError, ValueError if that fails.

    DeliveryAbandoned if the lines are those of a run whose output is given up while the screen takes nothing.
    """
    _hold_lock_at_forks()
    lock = screen_lock()
    try:
        while not lock.acquire(timeout=BLOCKED_INTERVAL):  # the thread that has it may be blocked for long
            current.delivery.check()
        screen: TextIO | None = (
            sys.stdout if stream == "stdout" else sys.stderr
        )  # with the lock, since a bar replaces them
        if screen is None:
            raise OSError(f"{stream} is closed")
        if isinstance(screen, StreamProxy):
            screen.write_lines(lines)
        else:
            write_lines(screen, lines)
    finally:  # an interrupt is raised after a call, so the first call here is the release
        try:  # noqa: SIM105 (suppress() would be a call before it)
            lock.release()
        except RuntimeError:  # not acquired
            pass


def to_stderr(lines: list[str]) -> None:
    """Does what `to_screen` does, and leaves stdout to other threads as long as stderr takes nothing."""
    with suppress(OSError, ValueError, AttributeError):
        _wait_until_writable(sys.stderr.fileno())
    to_screen("stderr", lines)


@cache
def _hold_lock_at_forks() -> None:
    """From now on forks wait for the end of a line: the child would write the buffered half of it again."""
    forking = threading.local()

    def before() -> None:
        forking.lock = screen_lock()
        forking.lock.acquire()

    def after() -> None:
        lock = forking.__dict__.pop("lock", None)
        if lock is not None:  # None if the fork began before this was registered
            lock.release()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_parent=after, after_in_child=after)


def write_lines(screen: TextIO, lines: list[str]) -> None:
    """Writes lines and flushes. Characters that the screen's encoding lacks are escaped; then the error is raised."""
    unwritten = write_text(screen, "\n".join(lines) + "\n")
    if unwritten is not None:
        raise unwritten


def write_text(screen: TextIO, text: str) -> UnicodeEncodeError | None:
    """Writes and flushes `text`, waiting while the screen takes nothing.

    If the screen's encoding lacks characters, they are escaped, and the error is returned.
    """
    try:
        _write(screen, text)
        return None
    except UnicodeEncodeError as error:
        _write(screen, text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        return error


def _write(screen: TextIO, text: str) -> None:
    file = _raw_file(screen)
    if file is not None:
        data = memoryview(text.encode(screen.encoding, screen.errors or "strict"))
        _flush(screen)  # what was printed before
        _write_all(file, data)
    elif (fd := _nonblocking(screen)) is not None:
        for at in range(0, len(text), PIECE):
            _wait_until_writable(fd)
            screen.write(text[at : at + PIECE])
            _flush(screen)
    else:
        screen.write(text)
        screen.flush()


def _raw_file(screen: TextIO) -> io.FileIO | None:
    """The raw file of a text file of the interpreter; None for other files, and for encodings with a state."""
    if getattr(type(screen), "write", None) is not io.TextIOWrapper.write:
        return None
    buffer: object = screen.buffer
    raw = buffer.raw if type(buffer) is io.BufferedWriter else buffer
    return raw if type(raw) is io.FileIO and "\n".encode(screen.encoding) == b"\n" else None


def _flush(screen: TextIO) -> None:
    """Flushes. First the buffer below the text: what it cannot take from the text is lost."""
    below = getattr(screen, "buffer", None)
    for file in (screen,) if below is None else (below, screen):
        while True:
            try:
                file.flush()
                break
            except BlockingIOError:
                _wait_until_writable(screen.fileno())


def _nonblocking(screen: TextIO) -> int | None:
    """The descriptor of a file if it is non-blocking."""
    with suppress(OSError, ValueError, AttributeError):
        fd = screen.fileno()
        return None if os.get_blocking(fd) else fd
    return None


def _write_all(file: io.FileIO, data: memoryview) -> None:
    """Writes `data`. It never blocks in the write itself, so that this thread can give up."""
    fd = file.fileno()
    if not _may_block(fd):
        while data:
            data = data[file.write(data) :]
        return
    pipe = _reopened(fd) if len(data) > select.PIPE_BUF else None
    try:
        while data:
            _wait_until_writable(fd)
            with suppress(BlockingIOError):
                # A pipe that is writable takes PIPE_BUF bytes at once.
                data = data[os.write(fd, data[: select.PIPE_BUF]) if pipe is None else os.write(pipe, data) :]
    finally:
        if pipe is not None:
            os.close(pipe)


def _may_block(fd: int) -> bool:
    """Whether a write may block for long: to a pipe, a socket or a terminal."""
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or (stat.S_ISCHR(mode) and os.isatty(fd))


def _reopened(fd: int) -> int | None:
    """A non-blocking descriptor of the same pipe, which leaves the mode of `fd` alone; None if there is none."""
    with suppress(OSError):
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK)
    return None


def _wait_until_writable(fd: int) -> None:
    """Returns also if the reader is gone: the next write fails then."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    if poll.poll(0):
        return
    delivery = current.delivery
    delivery.check()
    while not poll.poll(BLOCKED_INTERVAL * 1000):
        delivery.check()
    delivery.steps += 1
