"""Runs a module of this folder without importing the package. It uses the standard library alone.

    python script_runner.py MODULE ARGUMENT

Python caches the bytecode of a module that is imported, but not that of a program: so the module starts sooner.
"""

import sys


def main() -> None:
    sys.path.insert(0, __file__.rpartition("/")[0])
    __import__(sys.argv[1]).main()


if __name__ == "__main__":
    main()
