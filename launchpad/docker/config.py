"""The engine's address, by the rules of the docker CLI: DOCKER_HOST, DOCKER_CONTEXT, the current context."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from ..errors import EngineUnavailable

DEFAULT = "npipe:////./pipe/docker_engine" if sys.platform == "win32" else "unix:///var/run/docker.sock"
SCHEMES = ("unix", "tcp", "http", "https", "ssh")
DEFAULT_TIMEOUT = 60.0
"""Seconds that an ordinary request may take if DOCKER_CLIENT_TIMEOUT is not set."""

_PORTS = {False: 2375, True: 2376}


@attrs.frozen
class Tls:
    """The certificate files of a connection. Without `verify`, the engine's certificate is not checked."""

    ca: str | None
    certificate: str | None
    key: str | None
    verify: bool = True


@attrs.frozen
class Address:
    """The address of an engine, as it was given."""

    url: str
    tls: Tls | None = None

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0]

    @property
    def path(self) -> str:
        """The file of a Unix socket."""
        return self.url.partition("://")[2]

    @property
    def host_and_port(self) -> tuple[str, int]:
        """Those of a network address; the port defaults to docker's."""
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or _PORTS[self.tls is not None]


def engine_address(environ: Mapping[str, str]) -> Address:
    """The address of the engine that the `docker` command would use. EngineUnavailable if the settings are invalid."""
    if host := environ.get("DOCKER_HOST"):
        return _checked(host, _tls_of_environment(environ))
    folder = _config_folder(environ)
    name = environ.get("DOCKER_CONTEXT") or _current_context(folder)
    if name in ("", "default"):
        return _checked(DEFAULT, None)
    return _of_context(name, folder)


def timeout(environ: Mapping[str, str]) -> float:
    """Seconds that an ordinary request may take. EngineUnavailable if DOCKER_CLIENT_TIMEOUT is invalid."""
    text = environ.get("DOCKER_CLIENT_TIMEOUT") or str(DEFAULT_TIMEOUT)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise EngineUnavailable(f"DOCKER_CLIENT_TIMEOUT is {text!r}: it must be a number of seconds, above 0.")
    return seconds


def _checked(host: str, tls: Tls | None) -> Address:
    host = host.strip()
    url = host if "://" in host else f"tcp://{host}"
    scheme = url.partition("://")[0]
    if scheme == "npipe":
        raise EngineUnavailable(
            f"Named pipes ({url}) cannot be used: let Docker Desktop listen on tcp://localhost:2375, or use WSL."
        )
    if scheme not in SCHEMES:
        raise EngineUnavailable(
            f"The engine's address {url!r} is not valid: it must begin with unix://, tcp:// or ssh://."
        )
    if scheme == "unix":
        return Address(f"unix://{url[len('unix://') :] or '/var/run/docker.sock'}")
    try:
        valid = bool(urlsplit(url).netloc) and urlsplit(url).port != 0
    except ValueError:
        valid = False
    if not valid:
        raise EngineUnavailable(
            f"The engine's address {url!r} is not valid: it needs a host, and a port if it names one."
        )
    if scheme == "https" and tls is None:
        tls = Tls(None, None, None)
    return Address(url, tls if scheme != "ssh" else None)


def _tls_of_environment(environ: Mapping[str, str]) -> Tls | None:
    if not (environ.get("DOCKER_TLS_VERIFY") or environ.get("DOCKER_TLS")):
        return None
    folder = Path(environ.get("DOCKER_CERT_PATH") or _config_folder(environ))
    return _tls_in(folder, verify=bool(environ.get("DOCKER_TLS_VERIFY")))


def _tls_in(folder: Path, *, verify: bool) -> Tls:
    ca, certificate, key = (
        str(folder / name) if (folder / name).is_file() else None for name in ("ca.pem", "cert.pem", "key.pem")
    )
    return Tls(ca, certificate, key, verify)


def _config_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or Path(os.path.expanduser("~"), ".docker"))


def _current_context(folder: Path) -> str:
    path = folder / "config.json"
    name = _json(path).get("currentContext") if path.is_file() else None
    return name if isinstance(name, str) else ""


def _of_context(name: str, folder: Path) -> Address:
    digest = hashlib.sha256(name.encode()).hexdigest()
    path = folder / "contexts" / "meta" / digest / "meta.json"
    if not path.is_file():
        known = ", ".join(["default", *_contexts(folder)])
        raise EngineUnavailable(f"There is no docker context {name!r}; known are: {known}.")
    endpoint = _json(path).get("Endpoints", {}).get("docker", {})
    files = folder / "contexts" / "tls" / digest / "docker"
    tls = _tls_in(files, verify=not endpoint.get("SkipTLSVerify")) if files.is_dir() else None
    if tls is None and endpoint.get("SkipTLSVerify"):
        tls = Tls(None, None, None, verify=False)
    host = endpoint.get("Host") or DEFAULT
    return _checked(host, None if host.startswith("unix:") else tls)


def _contexts(folder: Path) -> list[str]:
    files = sorted((folder / "contexts" / "meta").glob("*/meta.json"))
    return sorted(str(_json(file).get("Name", "")) for file in files)


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineUnavailable(f"{path} cannot be read: {error}.") from error
    return data if isinstance(data, dict) else {}
