"""Proxies before an API server, and the servers that NO_PROXY lists."""

from __future__ import annotations

import pytest

from launchpad import EngineUnavailable
from launchpad.kubernetes.proxies import address, bypasses


@pytest.mark.parametrize(
    ("no_proxy", "host"),
    [
        ("*", "anything"),
        ("example.com", "example.com"),
        ("example.com", "api.example.com"),
        (".example.com", "api.example.com"),
        ("*.example.com", "api.example.com"),
        ("EXAMPLE.com", "Api.Example.COM."),
        ("other, example.com", "example.com"),
        ("other example.com", "example.com"),
        ("example.com:6443", "example.com"),
        ("10.0.0.0/8", "10.1.2.3"),
        ("10.1.2.0/8", "10.200.0.1"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3:6443", "10.1.2.3"),
        ("fd00::/8", "fd00::1"),
        ("[::1]:6443", "::1"),
        ("[::1]", "::1"),
        ("::1", "0:0::1"),
    ],
)
def test_a_server_that_is_listed_is_reached_without_the_proxy(no_proxy: str, host: str) -> None:
    assert bypasses(no_proxy, host, 6443)


@pytest.mark.parametrize(
    ("no_proxy", "host"),
    [
        (None, "example.com"),
        (" , ", "example.com"),
        (".", "example.com"),
        ("example.com", "notexample.com"),
        ("api.example.com", "example.com"),
        ("example.com:443", "example.com"),
        ("10.0.0.0/8", "11.0.0.1"),
        ("10.0.0.0/8", "10.example.com"),
        ("10.0.0.0/99", "10.0.0.1"),
        ("10.1.2.3:80", "10.1.2.3"),
        ("[::1]:80", "::1"),
        ("fd00::/8", "10.0.0.1"),
    ],
)
def test_a_server_that_is_not_listed_is_reached_through_the_proxy(no_proxy: str | None, host: str) -> None:
    assert not bypasses(no_proxy, host, 6443)


def test_the_address_of_a_proxy_may_have_a_user_and_lack_its_scheme() -> None:
    assert address("http://proxy:3128") == ("proxy", 3128, {})
    assert address("proxy:3128") == ("proxy", 3128, {})
    assert address("http://me:p%40ss@proxy") == ("proxy", 80, {"Proxy-Authorization": "Basic bWU6cEBzcw=="})


@pytest.mark.parametrize("proxy", ["http://me:hush@", "socks5://me:hush@proxy:1080", "http://me:hush@proxy:x"])
def test_the_address_of_a_proxy_is_not_in_an_error(proxy: str) -> None:
    with pytest.raises(EngineUnavailable, match=r"must be like http://host:3128") as raised:
        address(proxy)
    assert "hush" not in str(raised.value)
