"""launchpad's own settings, read from the environment variables that users set."""

from __future__ import annotations

import os

API_URL = "LAUNCHPAD_API_URL"
"""Address of a service of the user's that runs report to."""

IMAGE = "LAUNCHPAD_IMAGE"
"""The image that containers and Jobs use where a launcher names none."""

SETTINGS = (API_URL, IMAGE)


def base_run_environment() -> dict[str, str]:
    """launchpad's settings that are set in this process's environment, to be passed on to a run."""
    return {name: os.environ[name] for name in SETTINGS if name in os.environ}
