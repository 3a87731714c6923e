"""The file of a journal: finds faults that SQLite would repair by forgetting, before it opens the file.

SQLite keeps what is new in a second file, the write-ahead log, and the index of that in a third. If the log is cut,
SQLite takes what is left for all there was. The index is not cut with it, and has the number of pages.
"""

from __future__ import annotations

import os
import stat
import struct
import time

from ..core.process_table import RESOURCE_ERRORS
from ..errors import LaunchError
from ..text import quoted

MAGIC = b"SQLite format 3\x00"
REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "lustre", "gpfs"})
"""Types of file systems that several machines may write, on which SQLite's write-ahead log does not work."""

_LOG_HEADER, _FRAME_HEADER = 32, 24  # bytes


def open_for_lock(path: str) -> int:
    """Opens the file, which is made with mode 0600 if there is none, and returns the descriptor. LaunchError."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        if error.errno in RESOURCE_ERRORS:
            raise
        raise unusable(path, error.strerror) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise unusable(path, "it is not a regular file")
        if (kind := _file_system(os.fstat(descriptor).st_dev)) in REMOTE:
            raise unusable(path, f"it is on a network file system ({kind}): choose a path on a disk of this machine")
        _check_folder(path)
        return descriptor
    except BaseException:
        os.close(descriptor)
        raise


def check(path: str) -> None:
    """LaunchError if the file is not one of SQLite, or is cut. An empty file is a new journal."""
    with open(path, "rb") as file:
        header = file.read(100)
    frames = _frames_in_index(path)  # before the log, to which another process may add
    log = _size_of(f"{path}-wal")
    if not header and not log and not frames:
        return
    if not MAGIC.startswith(header[: len(MAGIC)]):
        raise unusable(path, "it is not a journal of launchpad")
    if len(header) < 100:
        raise damaged(path)
    page_size = int.from_bytes(header[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    pages = int.from_bytes(header[28:32], "big")
    size = os.stat(path).st_size
    if page_size < 512 or (not log and (size % page_size or size < pages * page_size)):
        raise damaged(path)
    if frames and log < _LOG_HEADER + frames * (page_size + _FRAME_HEADER):
        raise damaged(path)


def unusable(path: str, why: str | None) -> LaunchError:
    return LaunchError(f"The journal {quoted(path)} cannot be used: {why}.")


def damaged(path: str) -> LaunchError:
    return unusable(
        path,
        "it is damaged, and was left as it is. Restore it from a copy with the files beside it (-wal, -shm), or take "
        "another path, which begins the batch anew",
    )


def deleted(path: str) -> LaunchError:
    return unusable(path, "it was deleted while it was in use. Begin the batch anew, when none of its runs is running")


def _check_folder(path: str) -> None:
    """LaunchError if no file can be made beside the journal."""
    folder = os.path.dirname(path) or "."
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unusable(path, "its folder cannot be written")


def _size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _frames_in_index(path: str) -> int:
    """How many pages the log must have, from the index that the last process had in memory. 0 if that is not known.

    After a loss of power, the files may differ: then the index is older than this boot of the system, and is ignored.
    """
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else None
    try:
        with open(f"{path}-shm", "rb") as file:
            if booted is None or os.fstat(file.fileno()).st_mtime < booted:
                return 0
            header = file.read(48)
    except FileNotFoundError:
        return 0
    if len(header) < 48 or header[12] != 1:  # it was never used
        return 0
    frames: int = struct.unpack_from("=I", header, 16)[0]
    return frames


def _file_system(device: int) -> str:
    """The type of the file system with a device number; empty if it is not known."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                before, _, after = line.partition(" - ")
                if before.split()[2] == number:
                    return after.split()[0]
    except (OSError, IndexError):
        pass
    return ""
