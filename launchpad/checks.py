"""Checks of the arguments of an executor."""

from __future__ import annotations

from .launcher import Launcher
from .retry import Retry


def check_launcher(launcher: object) -> None:
    if not isinstance(launcher, Launcher):
        raise TypeError(f"launcher must be a Launcher, not {type(launcher).__name__}")


def check_retry(retry: object) -> None:
    if retry is not None and not isinstance(retry, Retry):
        raise TypeError(f"retry must be a Retry, not {type(retry).__name__}: for instance Retry(3)")


def check_prefix(prefix: object) -> None:
    if prefix not in (True, False, None):
        raise TypeError(f"prefix must be True, False or None, not {type(prefix).__name__}")


def check_journal(journal: object) -> None:
    from .journal import Journal  # only batches that can be begun again need it

    if not isinstance(journal, Journal):
        raise TypeError(
            f"journal must be a Journal, not {type(journal).__name__}: for instance Journal('batch.journal')"
        )
