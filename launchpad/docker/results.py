"""How the result of a container's run comes back: from the ended container's files, by one request."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

from ..core.retries import Transient
from ..errors import LaunchError
from ..net.limits import ResponseTooLarge
from ..results import MAX_REPORT
from .api import DockerApi
from .errors import ApiError

MAX_ARCHIVE = MAX_REPORT + 64 * 1024
"""Bytes of the archive of one file: its content and what tar adds."""

ABSENT = (
    "The run has left no result in its container: it was killed, or ended itself (os._exit), before its function had "
    "returned; or the container could not keep it: a read-only root, a tmpfs in place of /tmp, or a full disk. "
    "Give the function a volume to write to."
)

_NO_FILE = "The run has put something else in place of the file for its result."


def read_result(api: DockerApi, container: str, paths: Sequence[str]) -> bytes | str:
    """The report in the first of the files of an ended container that exists, or why there is none."""
    for path in paths:
        try:
            return api.through_outage(lambda path=path: file_in(api.archive(container, path, MAX_ARCHIVE)))  # type: ignore[misc]
        except ApiError as error:
            if error.status != 404:
                return f"The result of the run cannot be read: {error}"
        except ResponseTooLarge:
            return f"The result of the run has more than {MAX_REPORT} bytes."
        except LaunchError as error:
            return f"The result of the run cannot be read: {error}"
    return ABSENT


def file_in(archive: bytes) -> bytes | str:
    """The content of the file that is the first of an archive, or why there is none. Transient if it is cut off."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            first = tar.next()
    except tarfile.TarError as error:
        raise Transient(f"the archive with the result cannot be read: {error}") from error
    if first is None or not first.isreg():
        return _NO_FILE
    content = archive[first.offset_data : first.offset_data + first.size]
    if len(content) < first.size:
        raise Transient("the archive with the result is cut off")
    return content
