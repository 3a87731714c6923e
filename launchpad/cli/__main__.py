"""Makes `python -m launchpad.cli` run `launchpad`."""

from . import main

main()
