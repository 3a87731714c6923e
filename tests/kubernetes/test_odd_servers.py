"""A server that does not speak the cluster's API: every request ends in one error that names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from launchpad import EngineUnavailable, KubernetesLauncher, LaunchError, Run
from launchpad.core.retries import Transient
from launchpad.kubernetes.api import Jobs, KubernetesApi
from launchpad.kubernetes.events import MAX_PAGES, ListAndWatch

from ..odd_server import ODD, Slow, answer, odd_server
from .kubeconfigs import kubeconfig

CALLS: dict[str, Callable[[Jobs], object]] = {
    "version": lambda jobs: jobs.api.version(),
    "create": lambda jobs: jobs.create({"kind": "Job"}, "tests"),
    "read": lambda jobs: jobs.read("a"),
    "pods": lambda jobs: jobs.pods("a"),
    "events": lambda jobs: jobs.events("uid"),
    "list": lambda jobs: ListAndWatch(jobs.api, jobs.path, "job").open(),
}


def api_of(address: str, scheme: str = "http", **options: Any) -> KubernetesApi:
    settings = {"host": f"{scheme}://{address}", "proxy": None, "no_proxy": None, "auth_settings": dict}
    tls = {"ssl_ca_cert": None, "verify_ssl": False, "assert_hostname": None, "cert_file": None}
    return KubernetesApi(lambda: SimpleNamespace(**settings, **tls), **options)


@pytest.mark.parametrize("odd", ODD, ids=str)
@pytest.mark.parametrize("call", CALLS)
def test_a_request_to_a_server_that_is_no_cluster_is_one_error(call: str, odd: str) -> None:
    if (call, odd) == ("version", "another object"):
        pytest.skip("a version that is not known counts as an old one")
    with odd_server(ODD[odd]) as (_, address):
        api = api_of(address)
        with pytest.raises((LaunchError, Transient)) as caught:
            CALLS[call](Jobs(api, "default"))
        api.close()
    assert len(str(caught.value)) < 1500
    assert str(caught.value).isprintable()
    assert getattr(caught.value.__cause__, "__cause__", None) is None


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_sends_a_byte_now_and_then_is_given_up(call: str) -> None:
    slow = Slow(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n ")
    with odd_server(slow) as (_, address):
        api = api_of(address, read_timeout=0.5)
        with pytest.raises(Transient, match="not complete within"):
            CALLS[call](Jobs(api, "default"))
        api.close()


def test_a_listing_without_an_end_is_given_up() -> None:
    page = answer({"metadata": {"resourceVersion": "1", "continue": "x"}, "items": []}, "200 OK\r\nConnection: close")
    with odd_server(page) as (server, address):
        api = api_of(address)
        with pytest.raises(EngineUnavailable, match=f"{address} .*its listing has no end"):
            CALLS["list"](Jobs(api, "default"))
        api.close()
    assert len(server.requests) == MAX_PAGES


@pytest.mark.parametrize("odd", ["HTTP 0.9", "a refusal as HTML", "an SSH banner", "null"])
def test_a_port_without_tls_is_one_error_that_says_so(odd: str) -> None:
    with odd_server(ODD[odd]) as (_, address):
        api = api_of(address, "https")
        with pytest.raises(EngineUnavailable, match=f"{address} does not speak TLS"):
            api.version()
        api.close()


@pytest.mark.parametrize("odd", ["a page of HTML", "a list", "text", "null", "deep lists", "another object", "no JSON"])
def test_a_watch_of_such_a_server_is_an_error_that_names_it(odd: str) -> None:
    listing = answer({"metadata": {"resourceVersion": "1"}, "items": []})
    with odd_server(ODD[odd], {"jobs.labelSelector=[^&]*&limit": listing}) as (_, address):
        api = api_of(address)
        watch = ListAndWatch(api, Jobs(api, "default").path, "job").open()
        with pytest.raises((EngineUnavailable, Transient)) as caught:
            list(watch)
        api.close()
    assert address in str(caught.value) or isinstance(caught.value, Transient)


@pytest.mark.parametrize("odd", ["a page of HTML", "a list", "text", "a refusal as HTML", "a body without an end"])
def test_a_launch_on_such_a_server_is_one_error_that_names_it(tmp_path: Path, odd: str) -> None:
    with odd_server(ODD[odd]) as (_, address):
        file = tmp_path / "config"
        file.write_text(yaml.safe_dump(kubeconfig(f"http://{address}", "token", "default")))
        launcher: Any = KubernetesLauncher(image="x", kubeconfig=file)
        with launcher, pytest.raises(EngineUnavailable, match=address) as caught:
            launcher.submit(Run(command=["true"]))
    assert getattr(caught.value.__cause__, "__cause__", None) is None
