"""The standard input of a run: what `Run.stdin` can be, and the descriptor from which an engine reads it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from .errors import LaunchError
from .secret import MASK, Secret, SecretBytes
from .text import quoted

MAX_STDIN = 1024 * 1024
"""The most bytes that the text or the bytes of a run's input may take."""

_TO_A_FILE = "write it to a file, and give a Path"


@attrs.frozen
class OwnStdin:
    """The standard input of this process, which a run gets as it is. `launchpad run -i` uses it."""

    descriptor: int = 0


Stdin = str | bytes | os.PathLike[str] | OwnStdin | None
"""What `Run` takes."""

StandardInput = str | bytes | Path | OwnStdin | None
"""What `Run.stdin` and specs keep."""


def stdin(value: Stdin) -> StandardInput:
    """The input of a run, checked. An empty text is an input too, with nothing in it."""
    if value is None or isinstance(value, OwnStdin):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return _checked(bytes(value), len(value))
    if isinstance(value, os.PathLike):
        return _path(value)
    hint = ": use bytes()" if isinstance(value, bytearray | memoryview) else ""
    if hasattr(value, "read"):
        hint = ": give its path, or what it reads"
    raise ValueError(f"stdin must be text, bytes or a Path, not {type(value).__name__}{hint}")


def masked_stdin(value: StandardInput) -> str:
    """The repr of an input. Text and bytes may be secret, and are hidden."""
    return repr(value) if value is None or isinstance(value, Path | OwnStdin) else MASK


def hidden_stdin(value: StandardInput) -> StandardInput:
    """The input for a spec, of which no repr shows text or bytes."""
    if isinstance(value, str):
        return Secret(value)
    return SecretBytes(value) if isinstance(value, bytes) else value


def shown_stdin(value: StandardInput, reveal: bool) -> str:
    """The input as text for a preview. Without `reveal`, it is masked, except for a path."""
    if isinstance(value, str | bytes):
        return encoded(value).decode(errors="backslashreplace") if reveal else MASK
    return str(value)


def encoded(value: str | bytes) -> bytes:
    """The bytes that a run reads: text in UTF-8."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def open_stdin(value: StandardInput) -> int | None:
    """A new descriptor that reads the input from its beginning, which the caller closes; None for the null device.

    A relative path is relative to the working directory of this process, and `~` is expanded. LaunchError if there is
    no such file; OSError if no descriptor is left.
    """
    if value is None:
        return None
    if isinstance(value, Path):
        return _open_file(value)
    if isinstance(value, OwnStdin):
        return _duplicate(value)
    descriptor = _unnamed_file()
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(encoded(value))
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def opened(value: StandardInput) -> Iterator[int | None]:
    """`open_stdin` for a block, at whose end the descriptor is closed."""
    descriptor = open_stdin(value)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _text(value: str) -> str:
    try:
        size = len(encoded(value))
    except UnicodeEncodeError:
        raise ValueError("stdin contains half of a surrogate pair, which is no character") from None
    return str.__str__(_checked(value, size))


def _checked(value: str | bytes, size: int) -> str | bytes:
    if size > MAX_STDIN:
        raise ValueError(f"stdin takes {size} bytes, more than {MAX_STDIN}: {_TO_A_FILE}")
    return value


def _path(value: os.PathLike[str]) -> Path:
    text = os.fspath(value)
    if not isinstance(text, str):
        raise ValueError("stdin must be text, bytes or a Path of text, not a path of bytes")
    if "\0" in text:
        raise ValueError("stdin: the path contains a NUL character")
    return Path(text)


def _open_file(path: Path) -> int:
    where = f"The standard input of the run, {quoted(os.fspath(path))},"
    try:  # without blocking, which a named pipe without a writer does
        descriptor = os.open(os.path.expanduser(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise LaunchError(f"{where} does not exist: give the path of a file.") from None
    except (PermissionError, NotADirectoryError, IsADirectoryError, UnicodeEncodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "its name cannot be encoded"
        raise LaunchError(f"{where} cannot be read: {why}.") from None
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode)):
        os.close(descriptor)
        what = "directory" if stat.S_ISDIR(mode) else "pipe, which can be read only once"
        raise LaunchError(f"{where} is a {what}: give the path of a file.")
    os.set_blocking(descriptor, True)
    return descriptor


def _duplicate(own: OwnStdin) -> int:
    """A terminal is checked as at a read: in the background, the system stops this process (SIGTTIN), or refuses."""
    try:
        if os.isatty(own.descriptor):
            os.read(own.descriptor, 0)
        return os.dup(own.descriptor)
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.EIO):
            raise
        why = "it is closed" if error.errno == errno.EBADF else "it is a terminal, and the process in the background"
        raise LaunchError(f"The standard input of this process cannot be passed on: {why}.") from error


def _unnamed_file() -> int:
    """A file without a name, in memory if the system has such files."""
    if hasattr(os, "memfd_create"):
        with suppress(OSError):  # some sandboxes refuse it
            return os.memfd_create("stdin", os.MFD_CLOEXEC)
    from tempfile import TemporaryFile  # takes long to import, and is rarely needed

    with TemporaryFile() as file:
        return os.dup(file.fileno())
