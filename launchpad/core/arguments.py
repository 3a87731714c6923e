"""Checks what the methods of launchers are given."""

from __future__ import annotations

from ..errors import RunNotAvailable
from ..models import Handle, Run


def check_run(run: object) -> None:
    """TypeError for what is no Run."""
    if not isinstance(run, Run):
        raise TypeError(f"a Run is needed, not {type(run).__name__}: for instance Run(command=['echo', 'hello'])")


def check_callbacks(**callbacks: object) -> None:
    """TypeError that names the argument for a callback that is neither None nor callable."""
    for name, callback in callbacks.items():
        if callback is not None and not callable(callback):
            raise TypeError(f"{name} must be callable, not {type(callback).__name__}")


def check_handle(handle: object, type_: str) -> None:
    """TypeError for what is no Handle, RunNotAvailable for one of a launcher whose type is not `type_`."""
    if not isinstance(handle, Handle):
        raise TypeError(f"a Handle is needed, not {type(handle).__name__}: Handle(**data) reads a saved one")
    if handle.type != type_:
        raise RunNotAvailable(
            f"The handle of {handle.name!r} belongs to a {handle.type!r} launcher, and this one is {type_!r}."
        )
