"""Runs as local processes."""

from .launcher import SubprocessLauncher

__all__ = ["SubprocessLauncher"]
