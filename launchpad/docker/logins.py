"""The login for a registry, from docker's config file or a credential helper, as `docker pull` finds it.

A login that cannot be read is no error: many images need none. The message of a failed pull includes why.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import attrs

from ..core.cancellation import StopToken
from ..files import wait_for_program
from ..secret import Secret, hidden
from .config import config_path, read_config

HELPER_TIMEOUT = 60.0
"""Seconds that a credential helper may take."""

MAX_PRINTED = 1024 * 1024
"""Bytes that a credential helper may print."""

_HUB = "https://index.docker.io/v1/"
"""The key of Docker Hub in config files and in credential helpers."""

_HUB_HOSTS = ("docker.io", "index.docker.io", "registry-1.docker.io")
_TOKEN_USER = "<token>"  # stands for the user if the secret is an identity token
_LONGEST_WORDS = 200
_HELPER = re.compile(r"[A-Za-z0-9_.-]+\Z")


@attrs.frozen
class Login:
    """The login to send with a pull, if there is one. `trouble`: why another could not be read."""

    fields: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    trouble: str = ""

    @property
    def header(self) -> dict[str, str]:
        """The header of the request for a pull."""
        if not self.fields:
            return {}
        return {"X-Registry-Auth": Secret(base64.urlsafe_b64encode(json.dumps(dict(self.fields)).encode()).decode())}


def find_login(registry: str | None, environ: Mapping[str, str], stop_token: StopToken) -> Login:
    """The login for a registry's host; None: Docker Hub. EngineUnavailable if the config file is broken.

    Runs a credential helper, which is killed when `stop_token` is stopped.
    """
    config, path = read_config(environ), config_path(environ)
    keys = _keys(registry)
    helper = _helper(config, keys)
    asked = _ask(helper, keys[0], path, stop_token) if helper else Login()
    if asked.fields:
        return asked
    stored = _stored(config.get("auths"), keys, path)
    return stored if stored.fields or not asked.trouble else asked


def _keys(registry: str | None) -> list[str]:
    return [_HUB, *_HUB_HOSTS] if registry is None or registry in _HUB_HOSTS else [registry]


def _helper(config: Mapping[str, Any], keys: list[str]) -> object:
    """The suffix of the helper's name. An empty one stands for the file itself."""
    helpers = config.get("credHelpers")
    if isinstance(helpers, Mapping):
        for key in keys:
            if key in helpers:
                return helpers[key]
    return config.get("credsStore")


def _ask(helper: object, server: str, path: Path, stop_token: StopToken) -> Login:
    if not _HELPER.match(str(helper)):
        return Login(trouble=f"the credential helper in {path} is not a name")
    program = f"docker-credential-{helper}"
    found = shutil.which(program)
    if found is None:
        return Login(trouble=f"{program}, which {path} names, is not installed or not on PATH")
    try:
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            status = _run([found, "get"], server.encode(), output, errors, stop_token)
            printed, words = (_content(file) for file in (output, errors))
    except subprocess.TimeoutExpired:
        return Login(trouble=f"{program} did not respond within {HELPER_TIMEOUT:.0f} s")
    except OSError as error:
        return Login(trouble=f"{program} cannot be run: {error.strerror or error}")
    if status != 0:
        return _refusal(program, status, printed, words)
    return _answer(program, server, printed)


def _run(command: list[str], sent: bytes, output: IO[bytes], errors: IO[bytes], stop_token: StopToken) -> int:
    """The exit status of a helper that prints to files. It has ended when this returns or raises."""
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=errors) as process,
        stop_token.listening(process.kill),
    ):
        try:
            assert process.stdin is not None
            with suppress(BrokenPipeError), process.stdin:
                process.stdin.write(sent)
            return wait_for_program(process, HELPER_TIMEOUT, MAX_PRINTED, output, errors)
        except BaseException:
            process.kill()
            raise


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(MAX_PRINTED)


def _refusal(program: str, status: int, output: bytes, errors: bytes) -> Login:
    """The protocol has the message of a failure on stdout; what looks like a login is never shown."""
    words = next((text for data in (output, errors) if (text := data.decode("utf-8", "replace").strip())), "")
    if "credentials not found" in words:
        return Login()
    shown = "" if '"' in words else words.splitlines()[0][:_LONGEST_WORDS] if words else ""
    return Login(trouble=f"{program} failed with exit status {status}" + (f": {shown}" if shown else ""))


def _answer(program: str, server: str, output: bytes) -> Login:
    try:
        data = json.loads(output, object_hook=hidden)
        user, secret = data["Username"], data["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError):
        user = secret = None
    if not isinstance(user, str) or not isinstance(secret, str):
        return Login(trouble=f"{program} printed something else than a login")
    if not user and not secret:
        return Login()
    if user == _TOKEN_USER:
        return Login({"identitytoken": secret, "serveraddress": server})
    return Login({"username": user, "password": secret, "serveraddress": server})


def _stored(auths: object, keys: list[str], path: Path) -> Login:
    """The login in the config file itself."""
    if not isinstance(auths, Mapping):
        return Login() if auths is None else Login(trouble=f"'auths' in {path} is not an object")
    found = next((key for key in keys if key in auths), None)
    if found is None:  # keys may be addresses: old versions of docker wrote them
        found = next((key for key in auths if _host(key) in keys), None)
    if found is None or not auths[found]:
        return Login()
    try:
        fields = _decoded(auths[found])
    except (ValueError, TypeError):
        return Login(trouble=f"the entry of {found!r} under 'auths' in {path} is not valid")
    return Login({**fields, "serveraddress": found} if fields else {})


def _decoded(entry: Mapping[str, Any]) -> dict[str, str]:
    """The login of an entry. ValueError and TypeError if it is not valid."""
    if not isinstance(entry, Mapping):
        raise TypeError(type(entry))
    fields = {key: entry[key] for key in ("username", "password", "identitytoken", "registrytoken") if entry.get(key)}
    if entry.get("auth"):
        user, colon, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        if not colon or not user:
            raise ValueError("no user")
        fields |= {"username": user, "password": password.rstrip("\0")}
    if not all(isinstance(value, str) for value in fields.values()):
        raise TypeError("not text")
    return fields


def _host(address: str) -> str:
    return address.removeprefix("https://").removeprefix("http://").partition("/")[0]
