"""Converts launchers to plain data and back, by the attrs fields of their classes.

The converters of the fields decide what is accepted. cattrs reads a mapping and reports every fault with its path.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Collection, Mapping, Set
from contextlib import suppress
from functools import cache, partial, wraps
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

import attrs

from .converters import flag, masked
from .limits import check_size, shown
from .suggestions import did_you_mean

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")
Fault = tuple[str, list[str | int]]
"""What is wrong, and the steps to it."""

Hook = Callable[[Any, Any], Any]

_SCALARS: dict[type, tuple[Any, str]] = {
    bool: (bool, "True or False"),
    float: (int | float, "a number"),
    int: (int, "a whole number"),
    str: (str, "text"),
}
MAX_FAULTS = 20
"""Faults that an error describes."""

_STEP = re.compile(r"\.(\w+)|\[(\d+)\]|\[(['\"])(.*?)\3\]")


def _type(value: str) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError("type must be the name of a launcher's type, such as 'subprocess'")


def _config(value: Mapping[str, object]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"config must be a mapping of a launcher's settings, not {type(value).__name__}")
    if "type" in value:
        raise ValueError("config must not contain 'type': it stands beside config")
    check_size(value, "config")
    return {key: _plain(one, f"config[{key!r}]") for key, one in _converter().unstructure(dict(value)).items()}


@attrs.frozen
class LauncherSettings:
    """A launcher as plain data for JSON and YAML: the name of its type, and a value for each setting.

    `attrs.asdict(settings)` is its JSON form. The repr masks all values, because some are secret.
    """

    type: str = attrs.field(converter=_type)
    config: dict[str, Any] = attrs.field(factory=dict, converter=_config, repr=masked)


def unstructure(instance: attrs.AttrsInstance) -> dict[str, Any]:
    """The fields of an attrs instance as JSON can hold them. ValueError for a value that JSON cannot hold."""
    owner = type(instance).__name__
    return {key: _plain(one, f"{owner}.{key}") for key, one in _converter().unstructure(instance).items()}


def structure_launcher(
    settings: LauncherSettings | Mapping[str, Any], cls: type[T], type_: str, lookup: Callable[[str], type]
) -> T:
    """The launcher that `settings` describe: of class `cls`, whose type is `type_`, or of a subclass from `lookup`."""
    if not isinstance(settings, LauncherSettings):
        settings = structure(settings, LauncherSettings)
    found = cls if type_ == settings.type else lookup(settings.type)
    if not issubclass(found, cls):
        raise ValueError(
            f"these are settings of type {settings.type!r}, and {cls.__name__} is of type {type_!r}: "
            "Launcher.from_settings takes those of every type"
        )
    return structure(settings.config, found, "config")


class Faults(ValueError):
    """The faults in a mapping of settings, each with the steps to it. The text has one line for each."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(_line(what, steps) for what, steps in self.faults)


def structure(data: object, cls: type[T], *at: str) -> T:
    """An instance of the attrs class `cls` from a mapping, which stands at the steps `at`. Faults."""
    import cattrs

    if not isinstance(data, Mapping):
        raise Faults([(f"a mapping is needed, not {type(data).__name__}", [*at])])
    check_size(data, f"the data of {cls.__name__}")
    for key in data:
        if not isinstance(key, str):
            raise Faults([(f"a key must be text, not {type(key).__name__}: {shown(key)}", [*at])])
    try:
        return _converter().structure(data, cls)
    except cattrs.BaseValidationError as error:
        lines = cattrs.transform_error(error, "$", _fault)
        faults = [(what, [*at, *steps]) for what, steps in map(_what_and_where, lines[:MAX_FAULTS])]
        if len(lines) > MAX_FAULTS:
            faults.append((f"and {len(lines) - MAX_FAULTS} more faults", [*at]))
        raise Faults(faults) from None  # it shows values


def faults_in(error: Exception) -> list[Fault]:
    """The faults in an error of `structure` or of a converter, each with the steps to it from the root."""
    return error.faults if isinstance(error, Faults) else [(line, []) for line in str(error).splitlines()]


def _line(what: str, steps: list[str | int]) -> str:
    """A fault with the path to it. It may begin with the name of the field itself, which stands there once then."""
    for position, step in enumerate(steps):
        if what.startswith((f"{step} ", f"{step}[", f"{step}:", f"{step}.")):
            return ".".join(filter(None, [_path(steps[:position]), what]))
    return ": ".join(filter(None, [_path(steps), what]))


def _path(steps: list[str | int]) -> str:
    return "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in steps).removeprefix(".")


def _what_and_where(line: str) -> Fault:
    """A line of cattrs's, which ends with the path."""
    what, _, path = line.rpartition(" @ $")
    return what, [int(number) if number else name or key for name, number, _, key in _STEP.findall(path)]


def keys_of(cls: type) -> list[str]:
    """The keys that `structure` accepts for an attrs class."""
    return [field.name for field in attrs.fields(cls) if field.init]


def unknown_key(key: object, known: Collection[str], owner: str, elsewhere: Mapping[str, str] = {}) -> str:
    """The message that `owner` has no such key: what to use instead, by `elsewhere`, the nearest key, or all keys."""
    if (use := elsewhere.get(str(key))) is not None:
        return f"unknown key {key!r} of {owner}: {use}"
    return f"unknown key {shown(key)} of {owner}" + (did_you_mean(key, known) or f"; known: {list(known)}")


def unknown_setting(key: object, cls: type) -> str:
    """The message that an attrs class has no such field. Its attribute `elsewhere` says what to use instead."""
    return unknown_key(key, keys_of(cls), cls.__name__, getattr(cls, "elsewhere", {}))


def names_settings(cls: type[T]) -> type[T]:
    """Class decorator: an unknown argument of the constructor is a TypeError that says what to use instead."""
    init: Callable[..., None] = cls.__init__

    @wraps(init)
    def __init__(self: T, *args: Any, **settings: Any) -> None:
        try:
            init(self, *args, **settings)
        except TypeError:
            for key in settings:
                if key not in keys_of(cls):
                    raise TypeError(unknown_setting(key, cls)) from None
            raise

    cls.__init__ = __init__  # type: ignore[method-assign, assignment]
    return cls


def _plain(value: object, what: str) -> Any:
    """A deep copy of `value` by way of JSON."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise ValueError(f"{what} cannot be written as JSON ({type(value).__name__})") from None


def _fault(error: BaseException, expected: object) -> str:
    """An error as one line."""
    from cattrs import ForbiddenExtraKeysError
    from cattrs.v import format_exception

    if isinstance(error, ForbiddenExtraKeysError):
        unknown = sorted(error.extra_fields, key=str)
        more = [f"and {len(unknown) - MAX_FAULTS} more"] if len(unknown) > MAX_FAULTS else []
        return "; ".join([unknown_setting(key, error.cl) for key in unknown[:MAX_FAULTS]] + more)
    if isinstance(error, KeyError):
        return f"the key {error.args[0]!r} is missing"
    if isinstance(error, ValueError | TypeError):
        return " ".join(str(error).split())
    return format_exception(error, expected)  # type: ignore[arg-type]


@cache
def _converter() -> Converter:
    import cattrs  # takes 60 ms to import: on first use

    converter = cattrs.Converter(
        forbid_extra_keys=True,
        prefer_attrib_converters=True,
        detailed_validation=True,
        unstruct_collection_overrides={Set: list},
        structure_fallback_factory=lambda cls: lambda value, _: value,  # the class's constructor decides
    )
    converter.register_structure_hook_factory(attrs.has, partial(_class_hook, converter))
    converter.register_structure_hook_factory(_is_union, partial(_union_hook, converter))
    for cls in (enum.Enum, *_SCALARS):
        converter.register_structure_hook(cls, _scalar)
    return converter


def _class_hook(converter: Converter, cls: type) -> Hook:
    """The hook of cattrs, but with the faults that the converters of fields find, and their paths."""
    from cattrs.gen import make_dict_structure_fn, override

    hooks = {
        field.name: override(struct_hook=partial(_checked, field)) for field in attrs.fields(cls) if _checks(field)
    }
    return make_dict_structure_fn(cls, converter, **hooks)  # type: ignore[arg-type]


def _checks(field: attrs.Attribute[Any]) -> bool:
    """Whether the field has a converter that needs no instance."""
    return field.init and field.converter is not None and not getattr(field.converter, "takes_self", False)


def _checked(field: attrs.Attribute[Any], value: Any, _: object) -> Any:
    convert: Any = field.converter
    if hasattr(convert, "takes_field"):  # an attrs.Converter
        convert.converter(value, *([field] if convert.takes_field else []))
    else:
        convert(value)
    return value  # the constructor converts it: some converters cannot be applied twice


def _is_union(cls: object) -> bool:
    return get_origin(cls) in (Union, UnionType)


def _union_hook(converter: Converter, cls: Any) -> Hook:
    """Tries the types of a union in order."""
    members = [member for member in get_args(cls) if member is not NoneType]

    def hook(value: Any, _: object) -> Any:
        if value is None and NoneType in get_args(cls):
            return None
        if len(members) == 1:
            return converter.structure(value, members[0])
        for member in members:
            with suppress(Exception):  # this type does not accept it
                return converter.structure(value, member)
        raise ValueError(f"it must be one of {cls}, not {type(value).__name__}")

    return hook


def _scalar(value: Any, cls: type) -> Any:
    """A value that is a `cls` already. cattrs would convert anything to text, and text to numbers."""
    if issubclass(cls, enum.Enum):
        return _member(value, cls)
    if cls is bool:
        return flag(value, "it")
    accepted, name = _SCALARS.get(cls, (cls, cls.__name__))
    if isinstance(value, accepted) and not isinstance(value, bool):
        return value
    raise ValueError(f"it must be {name}, not {type(value).__name__}")


def _member(value: Any, cls: type[enum.Enum]) -> enum.Enum:
    try:
        return cls(value)
    except ValueError:
        raise ValueError(f"it must be one of {[member.value for member in cls]}") from None
