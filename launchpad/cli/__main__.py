"""`python -m launchpad.cli` is `launchpad`."""

from . import main

main()
