"""The engine's address, by the rules of the docker CLI: DOCKER_HOST, DOCKER_CONTEXT, the current context."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sys
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import attrs

from ..errors import EngineUnavailable
from ..files import read_file
from ..limits import shown
from ..secret import Secret, hidden, masked_login, without_frames, without_login
from ..text import quoted

DEFAULT = "npipe:////./pipe/docker_engine" if sys.platform == "win32" else "unix:///var/run/docker.sock"
SCHEMES = ("unix", "tcp", "http", "https", "ssh")
DEFAULT_TIMEOUT = 60.0
"""Seconds that an ordinary request may take if DOCKER_CLIENT_TIMEOUT is not set."""

LONGEST_TIMEOUT = 20 * 24 * 3600.0
"""The most seconds that DOCKER_CLIENT_TIMEOUT may say. The time-outs of sockets overflow above it."""

_PORTS = {False: 2375, True: 2376}
_CHECKED_KEYS = (("currentContext", str, "text"), ("proxies", dict, "an object"), ("HttpHeaders", dict, "an object"))
_SSH_HOST = re.compile(r"[A-Za-z0-9_.:\[\]%][A-Za-z0-9_.:\[\]%-]*\Z")
_SSH_USER = re.compile(r"[A-Za-z0-9_.@\\][A-Za-z0-9_.@\\+-]*\Z")
_SECRET_KEYS = ("auths", "proxies", "HttpHeaders")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_HEADER = re.compile(r"([\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?)?\Z")
_TLS_FILES = ("ca.pem", "cert.pem", "key.pem")


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

    url: str = attrs.field(repr=masked_login)
    tls: Tls | None = None

    @property
    def shown(self) -> str:
        """The address without anything that may be a login, for messages and handles. The user of ssh is none."""
        return self.url if self.scheme in ("unix", "ssh") else masked_login(self.url)

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
    config = read_config(environ)
    if host := Secret(environ.get("DOCKER_HOST", "")):
        return _checked(host, None if _needs_no_tls(host) else _tls_of_environment(environ))
    name = environ.get("DOCKER_CONTEXT") or config.get("currentContext") or "default"
    if name == "default":
        return _checked(DEFAULT, None)
    source = "DOCKER_CONTEXT" if environ.get("DOCKER_CONTEXT") else f"currentContext in {config_path(environ)}"
    return _of_context(name, _config_folder(environ), source)


def connection_key(environ: Mapping[str, str]) -> Hashable:
    """Identifies the connection that `environ` and docker's config name. EngineUnavailable."""
    sent = {key: value for key, value in read_config(environ).items() if key in ("HttpHeaders", "proxies")}
    digest = hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()
    return engine_address(environ), timeout(environ), str(config_path(environ)), digest


def config_path(environ: Mapping[str, str]) -> Path:
    """The path of docker's config file, which need not exist."""
    return _config_folder(environ) / "config.json"


def read_config(environ: Mapping[str, str]) -> dict[str, Any]:
    """What docker's config file says. EngineUnavailable that names the file if it is broken.

    Logins are not checked: most images need none.
    """
    path = config_path(environ)
    config = _json(path, missing={})
    config |= {key: hidden(config[key]) for key in _SECRET_KEYS if key in config}
    for key, kind, name in _CHECKED_KEYS:
        if not isinstance(config.get(key, kind()), kind | None):
            raise EngineUnavailable(f"{path} is not valid: {key!r} must be {name}.")
    for name, value in (config.get("HttpHeaders") or {}).items():
        if not isinstance(value, str) or not _HEADER_NAME.match(name) or not _HEADER.match(value):
            raise EngineUnavailable(
                f"{path} is not valid: HttpHeaders has a header that cannot be sent: {quoted(name)}."
            )
    for host, proxies in (config.get("proxies") or {}).items():
        if not isinstance(proxies, dict):
            raise EngineUnavailable(f"{path} is not valid: the proxies of {host!r} must be an object.")
    return config


def timeout(environ: Mapping[str, str]) -> float:
    """Seconds that an ordinary request may take. EngineUnavailable if DOCKER_CLIENT_TIMEOUT is invalid."""
    text = environ.get("DOCKER_CLIENT_TIMEOUT") or str(DEFAULT_TIMEOUT)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_TIMEOUT:
        raise EngineUnavailable(
            f"DOCKER_CLIENT_TIMEOUT is {shown(text)}: it must be a number of seconds above 0, "
            f"and at most {LONGEST_TIMEOUT:.0f}."
        )
    return seconds


def _checked(host: str, tls: Tls | None) -> Address:
    host = Secret(host.strip())  # it may have a password in it
    url = Secret(host if "://" in host else f"tcp://{host}")
    scheme = url.partition("://")[0]
    if scheme == "npipe":
        raise EngineUnavailable(
            f"Named pipes ({masked_login(url)}) cannot be used: let Docker Desktop listen on tcp://localhost:2375, or "
            "use WSL."
        )
    if scheme not in SCHEMES:
        raise EngineUnavailable(
            f"The engine's address {masked_login(url)!r} is not valid: it must begin with unix://, tcp:// or ssh://."
        )
    if scheme == "unix":
        return Address(f"unix://{url[len('unix://') :] or '/var/run/docker.sock'}")
    try:
        valid = bool(urlsplit(url).netloc) and urlsplit(url).port != 0
    except ValueError:
        valid = False
    if not valid:
        raise EngineUnavailable(
            f"The engine's address {masked_login(url)!r} is not valid: it needs a host, and a port if it names one."
        )
    if scheme == "https" and tls is None:
        tls = Tls(None, None, None)
    return _checked_ssh(url) if scheme == "ssh" else Address(without_login(url), tls)


def _checked_ssh(url: str) -> Address:
    """The address without a password, which ssh does not take. Its host and user become words of commands."""
    parts = urlsplit(url)  # without a password from here on
    parts = parts._replace(netloc=re.sub(r":[^@]*@", "@", parts.netloc))
    host, user = parts.hostname or "", unquote(parts.username or "")
    if not _SSH_HOST.match(host) or (user and not _SSH_USER.match(user)) or not url.isprintable():
        raise EngineUnavailable(
            f"The engine's address {masked_login(url)!r} is not valid: its host or its user has characters that ssh, "
            "or a shell, may take for something else."
        )
    netloc = parts.netloc.rpartition("@")[2]
    return Address(urlunsplit(parts._replace(netloc=f"{parts.username}@{netloc}" if user else netloc)))


def _needs_no_tls(host: str) -> bool:
    return host.strip().startswith(("unix:", "ssh:", "npipe:"))


def _tls_of_environment(environ: Mapping[str, str]) -> Tls | None:
    if not (environ.get("DOCKER_TLS_VERIFY") or environ.get("DOCKER_TLS")):
        return None
    folder = Path(environ.get("DOCKER_CERT_PATH") or _config_folder(environ))
    tls = _tls_in(folder, verify=bool(environ.get("DOCKER_TLS_VERIFY")))
    if tls.verify and tls.ca is None:
        raise EngineUnavailable(
            f"{folder / 'ca.pem'} is missing, which DOCKER_TLS_VERIFY needs: put it there, or set DOCKER_CERT_PATH."
        )
    return tls


def _tls_in(folder: Path, *, verify: bool) -> Tls:
    ca, certificate, key = (str(folder / name) if os.path.isfile(folder / name) else None for name in _TLS_FILES)
    if (certificate is None) != (key is None):
        missing = folder / ("cert.pem" if certificate is None else "key.pem")
        raise EngineUnavailable(f"{missing} is missing: a client certificate is the two files cert.pem and key.pem.")
    return Tls(ca, certificate, key, verify)


def _config_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or Path(os.path.expanduser("~"), ".docker"))


def _of_context(name: str, folder: Path, source: str) -> Address:
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    path = folder / "contexts" / "meta" / digest / "meta.json"
    if not os.path.lexists(path):
        known = ", ".join(["default", *_contexts(folder)])
        raise EngineUnavailable(f"There is no docker context {name!r}; known are: {known}. It is set by {source}.")
    endpoint = _endpoint(path)
    host = endpoint.get("Host") or DEFAULT
    try:
        return _checked(host, None if _needs_no_tls(host) else _tls_of_context(endpoint, path, digest))
    except EngineUnavailable as error:
        raise EngineUnavailable(f"The docker context {name!r} of {path} cannot be used. {error}") from None


def _endpoint(path: Path) -> dict[str, Any]:
    endpoints = _json(path).get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    if not isinstance(endpoint, dict):
        raise EngineUnavailable(f"{path} is not valid: the docker context has no Endpoints.docker, which is an object.")
    if not isinstance(endpoint.get("Host", ""), str):
        raise EngineUnavailable(f"{path} is not valid: Endpoints.docker.Host must be text.")
    return endpoint


def _tls_of_context(endpoint: Mapping[str, Any], path: Path, digest: str) -> Tls | None:
    verify = not endpoint.get("SkipTLSVerify")
    files = path.parents[2] / "tls" / digest / "docker"
    if not os.path.isdir(files):
        return None if verify else Tls(None, None, None, verify=False)
    tls = _tls_in(files, verify=verify)
    if tls.ca is None and tls.certificate is None:
        raise EngineUnavailable(f"{files} has none of {', '.join(_TLS_FILES)}: create the context again.")
    return tls


def _contexts(folder: Path) -> list[str]:
    names = []
    for file in (folder / "contexts" / "meta").glob("*/meta.json"):
        with contextlib.suppress(EngineUnavailable):  # the error is about another context
            names.append(str(_json(file).get("Name", "")))
    return sorted(names)


def _json(path: Path, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    """The object in a file; `missing` if there is no such file."""
    try:
        data = json.loads(read_file(path).decode("utf-8").strip() or "{}")
    except FileNotFoundError as error:
        if missing is not None:
            return missing
        raise EngineUnavailable(f"{path} cannot be read: {error.strerror}.") from None
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else without_frames(error)
        raise EngineUnavailable(f"{path} cannot be read: {why}. Mend or remove it.") from None
    if not isinstance(data, dict | None):
        raise EngineUnavailable(f"{path} cannot be read: it must hold a JSON object, not {type(data).__name__}.")
    return data or {}
