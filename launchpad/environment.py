"""launchpad's own settings from environment variables, and the images of containers and Jobs."""

from __future__ import annotations

import os
import sys

from .core.names import slug
from .errors import LaunchError
from .limits import shown
from .models import Run

API_URL = "LAUNCHPAD_API_URL"
"""The address of a service of the user that runs report to."""

IMAGE = "LAUNCHPAD_IMAGE"
"""The image of containers and Jobs whose launcher names none."""

SETTINGS = (API_URL, IMAGE)

_LONGEST_TAG = 128


def base_run_environment() -> dict[str, str]:
    """The settings that are set in this process's environment, to be passed on to a run."""
    return {name: os.environ[name] for name in SETTINGS if name in os.environ}


def image_for(run: Run, image: str | None = None) -> str:
    """The image that `run` is launched in: `image`, LAUNCHPAD_IMAGE, or for an entrypoint a plain image of this Python.

    LaunchError if there is none: it is not known which image has the program of a command.
    """
    if given := image or os.environ.get(IMAGE):
        return given
    if run.entrypoint is None:
        raise LaunchError(
            f"There is no image to run the command in: set the launcher's image, or {IMAGE} "
            "(on the command line: --image)."
        )
    return f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"


def get_image_name(version: str | None = None, python_version: str | None = None, flavor: str | None = None) -> str:
    """The name `launchpad/launchpad:{version}-python{major.minor}[-flavor]`, for users who publish such images.

    By default for this launchpad and this Python. A local version, such as "1.0+5.gabc", has no image: it uses "dev".
    No launcher uses it by default: the owner of the name in a public registry is unknown.
    """
    for name, value in (("version", version), ("python_version", python_version), ("flavor", flavor)):
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} must be text, not {shown(value)}")
    if version is None:
        from .version import __version__

        version = __version__
    if "+" in version:
        version = "dev"
    python = ((python_version or "").split() or sys.version.split())[0].split(".")[:2]
    parts = [version, "python" + ".".join(python), *([flavor] if flavor else [])]
    return "launchpad/launchpad:" + slug("-".join(parts), allowed="A-Za-z0-9_.-", longest=_LONGEST_TAG, trailing="-")
