"""References to images, parsed as Docker does, and when an image is pulled. Pure."""

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


@attrs.frozen
class Reference:
    """An image by its name (registry host and path), its tag and its digest, where it has them."""

    name: str
    tag: str | None = None
    digest: str | None = None

    @property
    def pulled(self) -> str:
        """What the engine is asked to pull of `name`: the digest, which is exact, before the tag."""
        return self.digest or self.tag or "latest"


def parse(image: str) -> Reference:
    """The parts of `image`; ValueError where Docker would refuse it."""
    rest, at, digest = image.partition("@")
    if at and not _DIGEST.match(digest):
        raise ValueError(_refused(image, f"{digest!r} is no digest, such as sha256:… with 64 hexadecimal digits"))
    name, tag = _split_tag(rest)
    if tag is not None and not _TAG.match(tag):
        raise ValueError(_refused(image, f"{tag!r} is no tag: letters, digits, '_', '.' and '-', at most 128 of them"))
    host, path = _split_host(name)
    if host is not None and not _HOST.match(host):
        raise ValueError(_refused(image, f"{host!r} is no registry: a host name, and a port where it has one"))
    if not _PATH.match(path):
        why = (
            "it must be lowercase" if _PATH.match(path.lower()) else "letters, digits, and '.', '_', '-' or '/' between"
        )
        raise ValueError(_refused(image, f"{path!r} is no name of an image: {why}"))
    return Reference(name, tag, digest or None)


def default_policy(reference: Reference) -> ImagePullPolicy:
    """What applies where no policy is set: what moves (no tag, or `latest`) is pulled always, the rest if absent."""
    moves = reference.digest is None and reference.tag in (None, "latest")
    return ImagePullPolicy.ALWAYS if moves else ImagePullPolicy.IF_NOT_PRESENT


def _split_tag(text: str) -> tuple[str, str | None]:
    name, colon, tag = text.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (text, None)


def _split_host(name: str) -> tuple[str | None, str]:
    """The first part is a registry's host if it cannot be a part of a path: `team/app` has none."""
    first, slash, rest = name.partition("/")
    is_host = slash and (any(sign in first for sign in ".:") or first == "localhost" or first != first.lower())
    return (first, rest) if is_host else (None, name)


def _refused(image: str, why: str) -> str:
    return f"image {image!r} is not valid: {why}"
