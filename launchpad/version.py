"""launchpad's version. Imported on first use: importlib.metadata takes longer to import than launchpad."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("launchpad")
except PackageNotFoundError:  # run from a checkout
    __version__ = "0+unknown"
