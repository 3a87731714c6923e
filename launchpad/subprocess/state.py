"""The state folder: what is known of the detached runs of this user, one folder for each run.

It has no value of the environment, no parameter and no word of a command but the program's name, which is the default
name of a run. Only this user can read it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..core.process_table import RESOURCE_ERRORS
from ..errors import LaunchError

_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


class RunFolder:
    """The folder of one detached run, which its shim writes.

    `run.json` and `end.json` are complete when they exist. `stop` has the grace, in seconds, of a stop that was
    requested. `stdout` and `stderr` are the beginnings of the logs. `result` is what the run's function gave back.
    `stopped` or `timed_out` is there if a waiter has stopped the run because its shim was gone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def request_stop(self, grace: float) -> None:
        """Writes the file that the shim reads on SIGTERM. OSError."""
        new = self.path / f"stop.{os.getpid()}"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(repr(grace))
        os.replace(new, self.path / "stop")

    def note_stop(self, reason: str) -> None:
        """Records why a run without a shim is stopped: "stopped" or "timed_out". OSError."""
        os.close(os.open(self.path / reason, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def was(self, reason: str) -> bool:
        """Whether `note_stop` was called for this reason."""
        return (self.path / reason).exists()

    def remove(self) -> None:
        """Removes the folder. Idempotent."""
        import shutil  # with the compression modules, it takes 5 ms to import, and few processes remove a run

        with suppress(FileNotFoundError):
            shutil.rmtree(self.path)

    def read(self, name: str) -> dict[str, Any] | None:
        """The content of a file; None if there is none yet, or it is no such file. OSError if no descriptor is left."""
        try:
            content = json.loads((self.path / name).read_bytes())
        except OSError as error:
            if error.errno in RESOURCE_ERRORS:
                raise
            return None
        except (ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None


class StateFolder:
    """All folders of detached runs: in `$XDG_STATE_HOME/launchpad`, or in `~/.local/state/launchpad`."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or _default_path()

    def path_for(self, run_id: str) -> str:
        """The path of the folder for a run that is about to start. LaunchError if the state folder cannot be made."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.mkdir(mode=0o700, exist_ok=True)
            if self._path.stat().st_mode & 0o077:
                self._path.chmod(0o700)
        except OSError as error:
            raise self.unusable(error) from error
        return os.fspath(self._path / _name_of(run_id))

    def unusable(self, error: OSError) -> LaunchError:
        """The error for a folder that cannot be written."""
        return LaunchError(
            f"The state of a detached run cannot be kept in {os.fspath(self._path)!r}: {error.strerror}. "
            "Set XDG_STATE_HOME to a folder that can be written."
        )

    def of(self, run_id: str) -> Iterator[RunFolder]:
        """The folders of the starts of one run: mostly one."""
        name = _name_of(run_id)
        return (folder for folder in self if folder.path.name.partition(",")[0] == name)

    def __iter__(self) -> Iterator[RunFolder]:
        """The folders of all runs. LaunchError if they cannot be listed."""
        try:
            paths = sorted(self._path.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno in RESOURCE_ERRORS:
                raise
            raise LaunchError(
                f"The detached runs in {os.fspath(self._path)!r} cannot be listed: {error.strerror}. "
                "Set XDG_STATE_HOME to a folder that can be read and written."
            ) from None
        yield from map(RunFolder, paths)


def _name_of(run_id: str) -> str:
    if _FOLDER_NAME.match(run_id):
        return run_id
    import hashlib  # it loads OpenSSL, and only odd ids of the caller's need it

    return hashlib.sha256(run_id.encode("utf-8", "replace")).hexdigest()


def _default_path() -> Path:
    base = os.environ.get("XDG_STATE_HOME", "")
    return Path(base if os.path.isabs(base) else os.path.expanduser("~/.local/state")) / "launchpad"
