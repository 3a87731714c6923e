"""Tests of Docker that Podman cannot pass, by name. They are skipped if DOCKER_HOST names Podman's service."""

from __future__ import annotations

import functools
import os

LEFT_OUT = {
    "refuses_is_a_launch_error_with_advice[unknown runtime]": "its Docker API ignores the runtime",
    "refuses_is_a_launch_error_with_advice[too many CPUs]": "it accepts more CPUs than there are",
    "refuses_is_a_launch_error_with_advice[no GPU]": "its Docker API ignores requests for GPUs",
    "refuses_is_a_launch_error_with_advice[unknown volume driver]": "its Docker API ignores the driver of volumes",
    "refuses_is_a_launch_error_with_advice[platform not there]": "it reports a missing image",
    "test_a_call_takes_one_request_more": "it may send an empty archive, which is requested again",
    "test_a_registry_that_wants_a_login": "it uses TLS with registries that its configuration does not list",
    "test_an_engine_that_does_not_know_host_gateway_is_a_warning": "its version is not compared with Docker's",
}
"""A part of the test's name, and the reason."""


def left_out(name: str) -> str:
    """Why the test with this name is skipped; empty if it is not."""
    reason = next((reason for part, reason in LEFT_OUT.items() if part in name), "")
    return f"Podman: {reason}" if reason and _is_podman() else ""


@functools.cache
def _is_podman() -> bool:
    import docker

    client = docker.APIClient(base_url=os.environ.get("DOCKER_HOST"), version="auto")
    try:
        return any("podman" in part["Name"].lower() for part in client.version().get("Components") or ())
    finally:
        client.close()
