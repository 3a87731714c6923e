"""The network of a container, and the URLs by which it reaches services of this machine. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

GATEWAY = "host.docker.internal"
"""The name by which a container reaches the machine that its engine runs on."""

_WITHOUT_GATEWAY = ("host", "none")


def inferred_mode(urls: Mapping[str, str], *, linux: bool) -> str | None:
    """`host` if a URL to pass on has a loopback host: on Linux a container can then use it unchanged."""
    return "host" if linux and any(is_loopback(_host(url)) for url in urls.values()) else None


def has_gateway(mode: str | None) -> bool:
    """Whether a container of this network mode can have an address for `GATEWAY`."""
    return mode not in _WITHOUT_GATEWAY and not (mode or "").startswith("container:")


def through_gateway(url: str) -> str:
    """`url` with the gateway in place of a loopback host; login, port and path stay."""
    host = _host(url)
    if not is_loopback(host):
        return url
    before, after = _around_host(url, host)
    return f"{before}{GATEWAY}{after}"


def is_loopback(host: str | None) -> bool:
    if host is None:
        return False
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address == ipaddress.ip_address("::1") or (address.version == 4 and address.is_loopback)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # not a URL: it is passed on unchanged
        return None


def _around_host(url: str, host: str | None) -> tuple[str, str]:
    scheme, slashes, rest = url.partition("//")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    login, at, place = authority.rpartition("@")
    shown = f"[{host}]" if place.startswith("[") else place[: len(host or "")]
    return scheme + slashes + login + at, rest[len(login + at + shown) :]
