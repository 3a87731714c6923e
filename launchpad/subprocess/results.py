"""How the result of a local run comes back: in a private file, which is read at the end of the run."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping

from ..engine import RESULT_VARIABLE
from ..entrypoints import result_environment
from ..results import MAX_REPORT, NOT_WRITTEN
from .watchdog import watchdog

FILE = "result"
"""The name of the file in the folder of a run."""


class ResultFile:
    """The file for the result of one run, in a folder of its own that only this user can enter.

    The folder is in `parent`, by default the folder for temporary files. The watchdog removes it if this process is
    killed.
    """

    def __init__(self, entrypoint: str, parent: str = "") -> None:
        import tempfile  # takes some milliseconds to import, and commands need no file

        self._folder, self._missing = "", ""
        self.environment: Mapping[str, str] = {}
        """The variable that names the file to the run."""
        self._watchdog = watchdog()
        self._place: int | None = None  # in the watchdog's table
        try:
            parent = os.path.abspath(parent or tempfile.gettempdir())
            self._make(os.path.join(parent, f"launchpad-result-{os.urandom(8).hex()}"))
            self.environment = result_environment(entrypoint, MAX_REPORT, self._path)
        except OSError as error:
            self._missing = (
                f"There is no folder for the result ({error.strerror}): set TMPDIR to one that can be written."
            )

    def take(self) -> bytes | str:
        """What `read_report` finds in the file, which is removed."""
        try:
            return self._missing or read_report(self._path)
        finally:
            self.remove()

    def remove(self) -> None:
        """Removes the folder, whatever the run has put there. Idempotent."""
        if not self._folder:
            return
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
            os.rmdir(self._folder)
        except OSError:
            import shutil  # as above

            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder, self._missing = "", NOT_WRITTEN
        self._forget()

    def _make(self, folder: str) -> None:
        if self._watchdog is not None:
            self._place = self._watchdog.expect_file(os.path.join(folder, FILE))
        try:
            os.mkdir(folder, 0o700)
        except BaseException:
            self._forget()
            raise
        self._folder = folder

    def _forget(self) -> None:
        if self._watchdog is not None and self._place is not None:
            self._watchdog.forget(self._place)

    @property
    def _path(self) -> str:
        return os.path.join(self._folder, FILE)


@contextlib.contextmanager
def result_file(entrypoint: str | None) -> Iterator[ResultFile | None]:
    """The file for the result of a run, removed if the block that starts the run fails; None for a command."""
    file = None if entrypoint is None else ResultFile(entrypoint)
    try:
        yield file
    except BaseException:
        if file is not None:
            file.remove()
        raise


def detached_result(entrypoint: str | None) -> tuple[str, int, str] | None:
    """The variable, the limit and the name of the file for the result of a detached run; None for a command."""
    return None if entrypoint is None else (RESULT_VARIABLE, MAX_REPORT, FILE)


def read_report(path: str | os.PathLike[str]) -> bytes | str:
    """The report in a file, or why there is none. Any process of the run may have put something else there."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return NOT_WRITTEN
    except OSError as error:
        return f"The result of the run cannot be read: {error.strerror}."
    try:
        state = os.fstat(file)
        if not stat.S_ISREG(state.st_mode):
            return "The run has put something else in place of the file for its result."
        report, size = b"", min(state.st_size, MAX_REPORT + 1)  # a buffer of the limit would cost more than the rest
        while len(report) < size and (part := os.read(file, size - len(report))):
            report += part
        return report or NOT_WRITTEN
    except OSError as error:
        return f"The result of the run cannot be read: {error.strerror}."
    finally:
        os.close(file)
