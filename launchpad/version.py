"""The version of launchpad. Imported on first use, because importlib.metadata takes long to import."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("launchpad-runs")
except PackageNotFoundError:  # not installed
    __version__ = "0+unknown"
