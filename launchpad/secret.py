"""Secrets in memory: text that no repr shows, addresses without a login, errors without the frames of others.

Tools that show a traceback with local variables call repr for each. Launchpad therefore holds values of the
environment, parameters and logins as `Secret` from where it reads them to where it sends them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, SupportsIndex, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_LOGIN = re.compile(r"\A([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@")
_ANYTHING_LIKE_A_LOGIN = re.compile(r"(?<=://).*@", re.DOTALL)

MASK = "***"


class Secret(str):
    """Text that equals its value, and whose repr, and that of each part of it, is `***`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        return Secret(super().__getitem__(key))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self


class SecretBytes(bytes):
    """Bytes that equal their value, and whose repr is `***`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK


class SecretMapping(dict[str, str]):
    """An environment, of which no repr shows anything."""

    def __repr__(self) -> str:
        return MASK


def hidden(value: Any) -> Any:
    """A copy of a value in which every text is a Secret; the keys of mappings stay as they are."""
    if isinstance(value, str):
        return Secret(value)
    if isinstance(value, dict | Mapping):
        return {key: hidden(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(one) for one in value]
    return value


def revealed(value: Any) -> Any:
    """A copy of plain data in which every Secret is a plain str, which every serializer knows."""
    if isinstance(value, Secret):
        return str.__str__(value)
    if isinstance(value, dict):
        return {key: revealed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [revealed(one) for one in value]
    return value


def without_login(url: str) -> str:
    """An address without the user and the password in it, for one that is not sent there."""
    return str.__str__(_LOGIN.sub(r"\1", url))


def masked_login(url: str) -> str:
    """An address to be shown, valid or not: all that may be a login in it is masked."""
    return str.__str__(_ANYTHING_LIKE_A_LOGIN.sub(f"{MASK}@", url))


def hides_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Makes a function raise its TypeErrors and ValueErrors without its frames: they hold arguments as plain text."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (TypeError, ValueError) as error:
            failure = without_frames(error)
        del args, kwargs
        raise failure

    return call


def constructor_hides_arguments(cls: type[T]) -> type[T]:
    """Class decorator: the same for the constructor of a class."""
    cls.__init__ = hides_arguments(cls.__init__)  # type: ignore[method-assign]
    return cls


def without_frames(error: BaseException) -> BaseException:
    """`error` without its traceback and those of the errors before it: frames of other packages hold plain values."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
