"""References to images, parsed by Docker's rules, and the default pull policy. Pure."""

from __future__ import annotations

import re

import attrs

from ..models import ImagePullPolicy

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?\Z")
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,}\Z")

_ID = re.compile(r"(?:sha256:[0-9a-f]{6,64}|[0-9a-f]{64})\Z")
_SHORT_ID = re.compile(r"[0-9a-f]{6,63}\Z")


@attrs.frozen
class Reference:
    """The name of an image (registry host and path), and its tag and digest if it has them."""

    name: str
    tag: str | None = None
    digest: str | None = None

    @property
    def registry(self) -> str | None:
        """The registry's host; None: Docker Hub."""
        return _split_host(self.name)[0]

    @property
    def pulled(self) -> str:
        """The version to pull: the digest, which is exact, before the tag."""
        return self.digest or self.tag or "latest"


def parse(image: str) -> Reference:
    """The parts of `image`. ValueError if Docker would refuse it."""
    rest, at, digest = image.partition("@")
    if at and not _DIGEST.match(digest):
        raise ValueError(_invalid(image, f"{digest!r} is not a digest, such as sha256:… with 64 hexadecimal digits"))
    name, tag = _split_tag(rest)
    if tag is not None and not _TAG.match(tag):
        raise ValueError(
            _invalid(image, f"{tag!r} is not a tag: letters, digits, '_', '.' and '-', at most 128 of them")
        )
    host, path = _split_host(name)
    if host is not None and not _HOST.match(host):
        raise ValueError(_invalid(image, f"{host!r} is not a registry: a host name, and maybe a port"))
    if not _PATH.match(path):
        why = (
            "it must be lowercase" if _PATH.match(path.lower()) else "letters, digits, and '.', '_', '-' or '/' between"
        )
        raise ValueError(_invalid(image, f"{path!r} is not the name of an image: {why}"))
    return Reference(name, tag, digest or None)


def is_id(image: str) -> bool:
    """Whether `image` is the id of an image. An engine's own ids mean nothing to registries."""
    return _ID.match(image) is not None


def may_be_id(image: str) -> bool:
    """Whether `image` is an id or the beginning of one, unless it is a name: only the engine knows."""
    return is_id(image) or _SHORT_ID.match(image) is not None


def default_policy(reference: Reference) -> ImagePullPolicy:
    """The policy if none is set: an image without a tag or with `latest`, which changes, is always pulled."""
    changes = reference.digest is None and reference.tag in (None, "latest")
    return ImagePullPolicy.ALWAYS if changes else ImagePullPolicy.IF_NOT_PRESENT


def _split_tag(text: str) -> tuple[str, str | None]:
    name, colon, tag = text.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (text, None)


def _split_host(name: str) -> tuple[str | None, str]:
    """The registry's host, if the first part cannot be one of a path, and the path: `team/app` has no host."""
    first, slash, rest = name.partition("/")
    is_host = slash and (any(sign in first for sign in ".:") or first == "localhost" or first != first.lower())
    return (first, rest) if is_host else (None, name)


def _invalid(image: str, why: str) -> str:
    return f"image {image!r} is not valid: {why}"
