"""Login plugins: programs that a kubeconfig names (`users[].user.exec`), and that print a token or a certificate.

The package `kubernetes` logs the failure of a plugin and goes on without credentials; here it is an EngineUnavailable.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import IO, Any, NoReturn

import attrs

from ..errors import EngineUnavailable
from ..files import wait_for_program
from ..secret import SecretBytes, hidden, without_frames
from ..text import quoted
from .kubeconfig import Entry

LOGIN_TIMEOUT = 60.0
"""Seconds within which a plugin must print credentials; one that can ask the user has `INTERACTIVE_TIMEOUT`."""

INTERACTIVE_TIMEOUT = 600.0
"""Seconds for a plugin that has the terminal."""

_EARLY = datetime.timedelta(seconds=60)
"""How long before they expire credentials are renewed."""

_MAX_OUTPUT = 1024 * 1024
_MAX_WORDS = 400
_EXTENSION = "client.authentication.k8s.io/exec"


@attrs.frozen
class Credentials:
    """What a plugin has printed. `expires` is None if it did not say."""

    token: str | None = attrs.field(repr=False)
    certificate: str | None = attrs.field(repr=False)
    key: str | None = attrs.field(repr=False)
    expires: datetime.datetime | None

    @property
    def expired(self) -> bool:
        return self.expires is not None and datetime.datetime.now(datetime.timezone.utc) >= self.expires - _EARLY


class Login:
    """The login plugin of one user. Thread-safe. All methods raise EngineUnavailable, with the plugin's own words."""

    def __init__(self, user: Entry, cluster: Entry, timeout: float = LOGIN_TIMEOUT) -> None:
        self._user = user
        self._cluster = cluster
        self._timeout = timeout
        plugin = user.value["exec"]
        if not isinstance(plugin, Mapping):
            user.refuse("exec must be a mapping")
        self._plugin = plugin
        self._lock = threading.Lock()  # guards the last one; one thread runs the plugin
        self._credentials: Credentials | None = None
        command = plugin.get("command")
        if not isinstance(command, str) or not command or not isinstance(plugin.get("apiVersion"), str):
            user.refuse("exec must have a command and an apiVersion, both text")
        self._command = str(command)

    def credentials(self) -> Credentials:
        """Runs the plugin, unless the credentials that it has printed before are still valid."""
        with self._lock:
            if self._credentials is None or self._credentials.expired:
                self._credentials = self._parsed(SecretBytes(self._run()))
            return self._credentials

    def refresh(self, configuration: Any) -> None:
        """The hook of a `Configuration` that renews its token."""
        token = f"Bearer {self.credentials().token}"
        configuration.api_key.update(dict.fromkeys(configuration.api_key, token))  # its key depends on the version

    def _run(self) -> bytes:
        try:
            with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as words:
                return self._output(output, words, self._is_interactive())
        except (OSError, ValueError) as error:  # it cannot be started, or there is no room for its output
            self._fail(f"could not be run: {getattr(error, 'strerror', None) or without_frames(error)}")

    def _output(self, output: IO[bytes], words: IO[bytes], interactive: bool) -> bytes:
        """Runs the plugin with files for what it prints, and returns its output."""
        timeout = INTERACTIVE_TIMEOUT if interactive else self._timeout
        process = subprocess.Popen(
            [self._program(), *self._arguments()],
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=output,
            stderr=None if interactive else words,
            cwd=os.path.dirname(os.path.abspath(self._user.file)),
            env=self._environment(interactive),
            start_new_session=not interactive,
        )
        try:
            status: int | None = wait_for_program(process, timeout, _MAX_OUTPUT, output, words)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _kill(process, group=not interactive)
        words.seek(0)
        if status is None:
            self._fail(f"did not end within {timeout:g} s", words.read())
        if status != 0:
            cause = f"failed with exit status {status}" if status > 0 else f"was killed by signal {-status}"
            self._fail(cause, words.read())
        output.seek(0)
        return output.read(_MAX_OUTPUT)

    def _program(self) -> str:
        if os.path.dirname(self._command):
            return os.path.join(os.path.dirname(os.path.abspath(self._user.file)), self._command)
        return self._command

    def _arguments(self) -> list[str]:
        arguments = self._plugin.get("args") or []
        if not isinstance(arguments, list) or not all(isinstance(one, str | int | float) for one in arguments):
            self._user.refuse("exec.args must be a list of text")
        return [str(one) for one in arguments]

    def _environment(self, interactive: bool) -> dict[str, str]:
        spec: dict[str, Any] = {"interactive": interactive}
        if self._plugin.get("provideClusterInfo"):
            spec["cluster"] = self._cluster_info()
        info = {"apiVersion": self._plugin["apiVersion"], "kind": "ExecCredential", "spec": spec}
        variables = self._plugin.get("env") or []
        if not isinstance(variables, list) or not all(isinstance(one, Mapping) and "name" in one for one in variables):
            self._user.refuse("exec.env must be a list of mappings with name and value")
        own = {str(one["name"]): str(one.get("value", "")) for one in variables}
        return {**os.environ, **hidden(own), "KUBERNETES_EXEC_INFO": json.dumps(info, default=str)}

    def _cluster_info(self) -> dict[str, Any]:
        info = {key: value for key, value in self._cluster.value.items() if key != "extensions"}
        for extension in self._cluster.value.get("extensions") or []:
            if isinstance(extension, Mapping) and extension.get("name") == _EXTENSION:
                info["config"] = extension.get("extension")
        return info

    def _is_interactive(self) -> bool:
        mode = self._plugin.get("interactiveMode") or "IfAvailable"
        try:
            terminal = sys.stdin is not None and sys.stdin.isatty()
        except ValueError:  # it is closed
            terminal = False
        if mode == "Always" and not terminal:
            self._fail("asks questions, and there is no terminal: log in first, or use another user")
        return terminal and mode != "Never"

    def _parsed(self, output: bytes) -> Credentials:
        content = _decoded(output)
        try:
            status, version = content["status"], content["apiVersion"]
            token, certificate, key = (status.get(name) for name in ("token", "clientCertificateData", "clientKeyData"))
            expires = _time(status.get("expirationTimestamp"))
        except (ValueError, LookupError, TypeError, AttributeError):  # the output may hold a token
            self._fail("did not print an ExecCredential with a status, as JSON")
        if version != self._plugin["apiVersion"]:
            wanted = str(self._plugin["apiVersion"])
            self._fail(f"printed apiVersion {quoted(str(version))}, and the kubeconfig says {wanted!r}")
        if any(one is not None and not isinstance(one, str) for one in (token, certificate, key)):
            self._fail("printed a token or a certificate that is not text")
        if not token and not (certificate and key):
            self._fail("printed neither a token nor a certificate with its key")
        if token and not re.fullmatch(r"[\x21-\x7e]+", token):
            self._fail("printed a token with spaces or characters that a header cannot have")
        return Credentials(token or None, certificate or None, key or None, expires)

    def _fail(self, problem: str, words: bytes = b"") -> NoReturn:
        said = " ".join(words.decode("utf-8", "replace").split())
        said = said if len(said) <= _MAX_WORDS else f"… {said[-_MAX_WORDS:]}"
        hint = " ".join(str(self._plugin.get("installHint") or "").split())
        raise EngineUnavailable(
            f"The login plugin {self._command!r} of user {self._user.name!r} in {self._user.file} {problem}"
            + (f": {said}" if said else "")
            + (f" ({hint})." if hint else ".")
        )


def _decoded(output: bytes) -> Any:
    """The content of JSON; None if it is none: the error would hold the output."""
    try:
        return json.loads(output, object_hook=hidden)
    except (ValueError, RecursionError):
        return None


def _kill(process: subprocess.Popen[bytes], group: bool) -> None:
    """Kills a plugin that has not ended."""
    if process.poll() is None:
        if group:
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
        else:
            process.kill()
        process.wait()


def _time(text: str | None) -> datetime.datetime | None:
    if text is None:
        return None
    plain = re.sub(r"\.\d+", "", text.upper()).replace("Z", "+00:00")
    time = datetime.datetime.fromisoformat(plain)
    return time if time.tzinfo else time.replace(tzinfo=datetime.timezone.utc)
