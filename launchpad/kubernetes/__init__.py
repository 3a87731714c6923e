"""Runs as Jobs of a Kubernetes cluster."""

from .launcher import KubernetesLauncher

__all__ = ["KubernetesLauncher"]
