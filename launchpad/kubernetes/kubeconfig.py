"""Kubeconfig files: the cluster and the user of a context, checked before the package `kubernetes` gets them.

That package answers a broken file with errors of its internals, and a user that is not there with anonymous requests.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import ssl
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import attrs

from ..errors import EngineUnavailable
from ..files import read_file
from ..secret import Secret, hidden

Object = dict[str, Any]

_SECTIONS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_CERTIFICATES = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_TOKEN = re.compile(r"[\x21-\x7e]+")
_KEY = re.compile(r"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----")


@attrs.frozen
class Entry:
    """A named entry of a section, and the file that it comes from."""

    kind: str
    name: str
    value: Object = attrs.field(repr=False)
    file: str

    def text(self, key: str) -> str:
        """The text of a key, "" if it has none. Numbers count as text: YAML reads some tokens as numbers."""
        value = self.value.get(key)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.refuse(f"{key} must be text")
        return str(value)

    def refuse(self, problem: str) -> NoReturn:
        raise EngineUnavailable(f"The kubeconfig {self.file} cannot be used: {self.kind} {self.name!r}: {problem}.")

    def path(self, key: str) -> str:
        """The path of the file that a key names: relative ones are relative to the kubeconfig."""
        return os.path.join(os.path.dirname(os.path.abspath(self.file)), self.text(key))

    def content(self, key: str) -> bytes:
        """The content of the file that a key names."""
        try:
            return read_file(self.path(key))
        except OSError as error:
            self.refuse(f"{key}: the file {self.path(key)} cannot be read: {error.strerror}")

    def pem(self, key: str) -> str:
        """The text of `KEY-data`, else of the file that KEY names, or ""."""
        data = "".join(self.text(f"{key}-data").split())
        if data:
            try:
                return base64.b64decode(data, validate=True).decode("utf-8", "replace")
            except (binascii.Error, ValueError):
                self.refuse(f"{key}-data is not valid base64: it may have been cut off when it was copied")
        return self.content(key).decode("utf-8", "replace") if self.text(key) else ""


@attrs.frozen
class Access:
    """What a context names. The cluster and the user are as the package `kubernetes` wants them, paths absolute."""

    context: str
    namespace: str
    cluster: Entry
    user: Entry | None


def select(kubeconfig: str | None, context: str | None) -> Access:
    """The cluster and the user of `context`, else of the current context. EngineUnavailable that names the file."""
    files = _files(kubeconfig)
    contents = [_read(file) for file in files]
    entries: dict[str, dict[str, Entry]] = {section: {} for section in _SECTIONS}
    for file, content in zip(files, contents, strict=True):
        for section in _SECTIONS:
            for entry in _entries(file, content, section):
                entries[section].setdefault(entry.name, entry)  # the first file wins, as with kubectl
    place = ", ".join(files)
    current = context or next((str(one["current-context"]) for one in contents if one.get("current-context")), None)
    if current is None:
        _refuse(place, f"it has no current-context: set the launcher's context ({_known(entries['contexts'])})")
    chosen = entries["contexts"].get(current)
    if chosen is None:
        raise EngineUnavailable(f"There is no context {current!r} in {place}; {_known(entries['contexts'])}.")
    cluster = _named(chosen, "cluster", entries["clusters"])
    if cluster is None:
        chosen.refuse("it names no cluster")
    user = _named(chosen, "user", entries["users"])
    return Access(
        current, chosen.text("namespace") or "default", _checked_cluster(cluster), user and _checked_user(user)
    )


def _files(kubeconfig: str | None) -> list[str]:
    named = kubeconfig or os.environ.get("KUBECONFIG") or os.path.join("~", ".kube", "config")
    parts = [named] if os.path.exists(os.path.expanduser(named)) else named.split(os.pathsep)
    files = [os.path.expanduser(part) for part in parts if part]
    found = [file for file in files if os.path.exists(file)]
    if found:
        return found
    source = "the launcher's kubeconfig" if kubeconfig else "KUBECONFIG" if os.environ.get("KUBECONFIG") else "default"
    raise EngineUnavailable(
        f"No Kubernetes cluster is configured: there is no file {named} ({source}). "
        "Set KUBECONFIG, or the launcher's kubeconfig and context."
    )


def _read(file: str) -> Object:
    import yaml  # takes 15 ms to import

    from ..yamlnodes import TooLarge

    try:
        content = _plain(read_file(file))
    except OSError as error:
        _refuse(file, f"it cannot be read: {error.strerror}")
    except TooLarge as error:
        _refuse(file, str(error.problem))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # its text may quote a token
        mark = getattr(error, "problem_mark", None)
        _refuse(f"{file}:{mark.line + 1}" if mark else file, "it is not valid YAML")
    if content is None:
        content = {}
    if not isinstance(content, dict):
        _refuse(file, "it must hold a mapping")
    for section in ("users", "clusters"):  # an address may have a login in it
        content[section] = hidden(content.get(section))
    return content


def _plain(text: bytes) -> Any:
    """The data in a text of YAML. yaml.YAMLError, TooLarge among them."""
    import yaml

    from ..yamlnodes import expanded_size

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        expanded_size(root)
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _entries(file: str, content: Object, section: str) -> list[Entry]:
    values = content.get(section) or []
    if not isinstance(values, list):
        _refuse(file, f"{section} must be a list")
    kind, entries = _SECTIONS[section], []
    for position, value in enumerate(values):
        name = value.get("name") if isinstance(value, Mapping) else None
        if name is None or not isinstance(value.get(kind) or {}, dict):
            _refuse(file, f"{section}[{position}] must be a mapping with a name and a {kind}")
        entries.append(Entry(kind, str(name), value.get(kind) or {}, file))
    return entries


def _named(context: Entry, kind: str, entries: dict[str, Entry]) -> Entry | None:
    name = context.text(kind)
    if not name:
        return None
    if name not in entries:
        context.refuse(f"its {kind} {name!r} is not there ({_known(entries)})")
    return entries[name]


def _known(entries: dict[str, Entry]) -> str:
    return "there are: " + (", ".join(sorted(entries)) or "none")


def _refuse(place: str, problem: str) -> NoReturn:
    raise EngineUnavailable(f"The kubeconfig {place} cannot be used: {problem}.")


def _checked_cluster(entry: Entry) -> Entry:
    _check_url(entry, "server", ("http", "https"))
    if not entry.text("server"):
        entry.refuse("it has no server")
    if entry.text("proxy-url"):
        _check_url(entry, "proxy-url", ("http",))
    if not isinstance(entry.value.get("insecure-skip-tls-verify") or False, bool):
        entry.refuse("insecure-skip-tls-verify must be true or false")
    cluster = {key: value for key, value in entry.value.items() if value is not None}
    if entry.text("server").startswith("https"):
        _keep_pem(entry, cluster, "certificate-authority", _check_certificates(entry, "certificate-authority"))
    return attrs.evolve(entry, value=cluster)


def _check_url(entry: Entry, key: str, schemes: tuple[str, ...]) -> None:
    try:
        url = urlsplit(entry.text(key))
        valid = url.scheme in schemes and bool(url.hostname) and url.port != 0  # the port may raise a ValueError
    except ValueError:
        valid = False
    if entry.text(key) and not valid:  # it may hold a password
        entry.refuse(f"{key} must be an address such as {schemes[-1]}://host:6443")


def _checked_user(entry: Entry) -> Entry:
    user = {key: value for key, value in entry.value.items() if value is not None}
    for key in ("token", "username", "password"):
        if user.pop(key, None) is not None and entry.text(key):
            user[key] = Secret(entry.text(key))
    if "username" in user and "password" not in user:
        entry.refuse("it has a username and no password")
    if user.pop("tokenFile", None) and "token" not in user:
        user["token"] = Secret(entry.content("tokenFile").decode("utf-8", "replace").strip())
        if not user["token"]:
            entry.refuse(f"tokenFile: the file {entry.path('tokenFile')} is empty")
    if "token" in user and not _TOKEN.fullmatch(user["token"].strip()):  # an error of the request would show it
        entry.refuse("its token has spaces or characters that a header cannot have")
    if "token" in user:
        user["token"] = Secret(user["token"].strip())
    certificate = _check_certificates(entry, "client-certificate")
    _keep_pem(entry, user, "client-certificate", certificate)
    _keep_pem(entry, user, "client-key", _check_key(entry, certificate))
    return attrs.evolve(entry, value=user)


def _keep_pem(entry: Entry, target: Object, key: str, pem: str) -> None:
    """Leaves in `target` one of KEY-data and KEY, whose path is absolute, or neither."""
    data = target.pop(f"{key}-data", None)
    path = target.pop(key, None)
    if pem and data:
        target[f"{key}-data"] = "".join(str(data).split())
    elif pem and path:
        target[key] = entry.path(key)


def _check_certificates(entry: Entry, key: str) -> str:
    pem = entry.pem(key)
    blocks = _CERTIFICATES.findall(pem)
    try:
        if blocks:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata="\n".join(blocks))
    except (ssl.SSLError, ValueError):
        blocks = []
    if pem and not blocks:
        entry.refuse(f"{_source(entry, key)} holds no valid certificate in PEM form")
    return pem


def _check_key(entry: Entry, certificate: str) -> str:
    """The text of the client's key, which may be in the file of the certificate."""
    pem = entry.pem("client-key")
    if not pem and not certificate:
        return ""
    found = _KEY.search(pem or certificate)
    if found is None:
        source = (
            _source(entry, "client-key") if pem else f"{_source(entry, 'client-certificate')} has no client-key: it"
        )
        entry.refuse(f"{source} holds no private key in PEM form")
    if "ENCRYPTED" in found[1] or "Proc-Type: 4,ENCRYPTED" in (pem or certificate):
        entry.refuse(f"{_source(entry, 'client-key')} is protected by a password, which launchpad cannot ask for")
    return pem


def _source(entry: Entry, key: str) -> str:
    data = entry.text(f"{key}-data")
    return f"{key}-data" if data or not entry.text(key) else f"{key}: the file {entry.path(key)}"
