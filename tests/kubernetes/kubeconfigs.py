"""Kubeconfig files for tests."""

from __future__ import annotations

from typing import Any


def kubeconfig(server: str, token: str, namespace: str) -> dict[str, Any]:
    """The content of a kubeconfig for one server, by http or by https without a check of the certificate."""
    cluster = {"server": server, **({"insecure-skip-tls-verify": True} if server.startswith("https") else {})}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "ctx", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
        "current-context": "ctx",
    }
