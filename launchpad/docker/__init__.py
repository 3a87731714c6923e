"""Runs as Docker containers."""

from .launcher import DockerLauncher

__all__ = ["DockerLauncher"]
