"""HTTP proxies before an API server: their addresses, and the servers that are reached without one. Pure functions."""

from __future__ import annotations

import base64
import ipaddress
import re
from urllib.parse import unquote, urlsplit

from ..errors import EngineUnavailable
from ..secret import Secret


def bypasses(no_proxy: str | None, host: str, port: int) -> bool:
    """Whether `no_proxy` lists the host, a domain above it, or a range of addresses, with or without its port."""
    host = host.lower().rstrip(".")
    return any(_matches(entry, host, port) for entry in re.split(r"[\s,]+", (no_proxy or "").lower()) if entry)


def _matches(entry: str, host: str, port: int) -> bool:
    if entry == "*" or _holds(entry, host):
        return True
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and (":" not in name or name.startswith("[")):
        if int(number) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    if _holds(entry, host):
        return True
    domain = entry.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _holds(network: str, host: str) -> bool:
    """Whether `host` is an address in `network`, an address or a range such as 10.0.0.0/8."""
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def address(proxy: str) -> tuple[str, int, dict[str, str]]:
    """The host and the port of a proxy, and the headers with its user and password. EngineUnavailable."""
    try:
        url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = url.hostname, url.port or 80
    except ValueError:
        host, port = None, 0
    if not host or url.scheme != "http":  # the address may hold a password
        raise EngineUnavailable("The address of the proxy (HTTPS_PROXY or proxy-url) must be like http://host:3128.")
    if not url.username:
        return host, port, {}
    login = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
    return host, port, {"Proxy-Authorization": Secret(f"Basic {base64.b64encode(login).decode()}")}
