"""Reads files that users name: regular files of a bounded size. What a program prints is bounded too."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from typing import IO, BinaryIO

MAX_FILE = 4 * 1024 * 1024
"""Bytes of a file that is read whole: of deployments, a manifest, a kubeconfig."""

CHECK_INTERVAL = 0.2
"""Seconds between two looks at how much a program has printed."""

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_INHERITED = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""Paths of descriptors that this process was started with. One may be a pipe, as with `<(command)` of shells."""


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Opens a regular file, or an inherited pipe, to read bytes. OSError with a clear strerror for anything else.

    To open a named pipe would block, and a device may have no end.
    """
    name = os.fspath(path)
    _check_kind(name, os.stat(name))
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _check_kind(name, os.fstat(descriptor))  # again: it may have been replaced
        os.set_blocking(descriptor, True)
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_file(path: str | os.PathLike[str], most: int = MAX_FILE) -> bytes:
    """The content of such a file. OSError also if it has more than `most` bytes."""
    with open_file(path) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most} bytes", os.fspath(path))
    return content


def wait_for_program(process: subprocess.Popen[bytes], timeout: float, most: int, *outputs: IO[bytes]) -> int:
    """The exit status of a program that prints to files. subprocess.TimeoutExpired after `timeout` seconds.

    OSError as soon as a file has more than `most` bytes. The caller ends the program.
    """
    left = timeout
    while True:
        try:
            return process.wait(min(CHECK_INTERVAL, left))
        except subprocess.TimeoutExpired:
            left -= CHECK_INTERVAL
            if left <= 0:
                raise
        finally:
            if any(os.fstat(output.fileno()).st_size > most for output in outputs):
                raise OSError(errno.EFBIG, f"it printed more than {most} bytes")


def _check_kind(path: str, status: os.stat_result) -> None:
    mode = status.st_mode
    if stat.S_ISREG(mode) or (stat.S_ISFIFO(mode) and os.path.abspath(path).startswith(_INHERITED)):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, f"it is {_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file", path)
