"""What the fields of runs and launchers accept: converters that check a value and raise ValueError. They do no I/O.

Type checkers take a converter's parameter type for the type of the constructor's argument. What the type excludes is
checked all the same: values come from YAML and from code without types.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator, Mapping, Set
from typing import TYPE_CHECKING, Any, Literal, Protocol, SupportsIndex, TypeVar

from .limits import VALUE_SIZE, check_size, shown
from .variables import ATTEMPT, RESERVED, Attempt

MAX_PARAMETERS = 64 * 1024
"""The most bytes that the parameters of a run may take as JSON."""

_REFERENCES = (
    'a reference to a secret or a config map, {"secret": NAME, "key": KEY}, belongs in the env of a KubernetesLauncher'
)
_TO_A_FILE = ": write them to a file and pass its path"

LONGEST_SECONDS = 100 * 365.25 * 24 * 3600
"""The most seconds that a setting may have; the timers of operating systems overflow above it."""

Flag = bool | Literal[0, 1]
Choice = TypeVar("Choice", bound=enum.Enum)
StrPath = str | os.PathLike[str]
Texts = list[str] | tuple[str, ...] | Set[str]

if TYPE_CHECKING:

    class Words(Protocol):
        """A list or tuple of str and Path. A str is none: it does not contain arbitrary objects."""

        def __contains__(self, word: object, /) -> bool: ...
        def __getitem__(self, position: SupportsIndex, /) -> StrPath: ...
        def __iter__(self) -> Iterator[StrPath]: ...
        def __len__(self) -> int: ...


_MAPPING = (dict, Mapping)  # isinstance of the abstract class alone takes ten times as long


def masked(values: Mapping[str, object] | None) -> str:
    """The repr of a mapping with its values hidden."""
    return "{" + ", ".join(f"{key!r}: ***" for key in values or {}) + "}"


def whole_number(value: SupportsIndex, what: str, *, least: int = 0, most: int = 2**63 - 1) -> int:
    """A whole number from `least` to `most`, of any type for whole numbers but bool. `what` names the field."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ValueError(f"{what} must be a whole number, not {type(value).__name__}")
    number = value.__index__()
    if number < least:
        raise ValueError(f"{what} must be " + (f"at least {least}" if least != 1 else "greater than 0"))
    if number > most:
        raise ValueError(f"{what} must be at most {most}")
    return number


def _is_number(value: object) -> bool:
    """Whether a value is a real number: an int, a float or a number of another package, such as numpy."""
    if isinstance(value, int | float):
        return not isinstance(value, bool)
    from numbers import Real

    return isinstance(value, Real)


def seconds(value: float, what: str, *, zero: bool = False) -> float:
    """A finite number of seconds above zero; with `zero`, zero too. `what` names the field in errors."""
    if not _is_number(value):
        hint = ": use its total_seconds()" if hasattr(value, "total_seconds") else ""
        raise ValueError(f"{what} must be a number of seconds, not {type(value).__name__}{hint}")
    if not abs(value) <= LONGEST_SECONDS:  # NaN included
        raise ValueError(f"{what} must be a number of seconds up to {LONGEST_SECONDS:.0f} (a century)")
    if value < 0 or (value == 0 and not zero):
        raise ValueError(f"{what} must be {'at least' if zero else 'more than'} 0 seconds, not {value}")
    return float(value)


def flag(value: Flag, what: str) -> bool:
    """True, False, 1 or 0 as a bool."""
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise ValueError(f"{what} must be True or False, not {type(value).__name__}")


def choice(cls: type[Choice], value: object, what: str) -> Choice:
    """The member of an enum with this value."""
    try:
        return cls(value)
    except ValueError:
        known = ", ".join(repr(member.value) for member in cls)
        raise ValueError(f"{what} must be one of {known}, not {shown(value)}") from None


def _text_values(values: Mapping[str, str | float | None], what: str, *, removable: bool = False) -> dict[str, Any]:
    """A copy of a mapping with numbers turned into text. Only with `removable`, None is a value, and stays."""
    if not isinstance(values, _MAPPING):
        raise ValueError(f"{what} must be a mapping of names to text, not {type(values).__name__}")
    if not values:
        return {}
    return {_text_key(key, what): _text_value(key, value, what, removable) for key, value in values.items()}


def _text_key(key: object, what: str) -> str:
    if not isinstance(key, str):
        raise ValueError(f"{what}: names must be text, not {type(key).__name__}")
    if not key:
        raise ValueError(f"{what}: a name must not be empty")
    before, equals, _ = key.partition("=")
    if equals:  # the text after it may be a secret
        raise ValueError(f"{what}: a name must not contain '=', as the one that begins with {shown(before)} does")
    return _sendable(key, f"{what}: the name {shown(key)}")


def _text_value(key: object, value: object, what: str, removable: bool) -> str | None:
    if value is None and removable:
        return None
    what = f"{what}[{shown(key)}]"
    if isinstance(value, str):
        return _sendable(value, what)
    if removable and isinstance(value, _MAPPING):
        raise ValueError(f"{what} must be text or a number, not a mapping: {_REFERENCES}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} must be text or a number, not {type(value).__name__}: write it as text")
    try:
        return repr(float(value) if isinstance(value, float) else int(value))  # an enum's number, not its name
    except ValueError:
        raise ValueError(f"{what} is a number with too many digits: write it as text") from None


def _sendable(text: str, what: str) -> str:
    """`text` as a plain str. ValueError, without the text, if it cannot be passed to a process."""
    if "\0" in text:
        raise ValueError(f"{what} contains a NUL character")
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError(f"{what} contains half of a surrogate pair, which is no character") from None
    return str.__str__(text)  # an enum's text, not its name


def env(values: Mapping[str, str | float | None]) -> dict[str, str | None]:
    """A copy of an environment with numbers turned into text; None removes the variable."""
    checked = _text_values(values, "env", removable=True)
    if reserved := RESERVED.intersection(checked):
        if reserved != {ATTEMPT} or not isinstance(values[ATTEMPT], Attempt):
            raise ValueError(f"env: {', '.join(sorted(reserved))} cannot be set: launchpad sets it for every run")
        checked[ATTEMPT] = values[ATTEMPT]  # as it is: a launcher may evolve the run again
    return checked


def labels(values: Mapping[str, str | float]) -> dict[str, str]:
    """A copy of labels with numbers turned into text."""
    return _text_values(values, "labels")


def optional_path(value: StrPath | None, what: str) -> str | None:
    """A path as text, unchanged: `~` and relative paths are resolved when a run is launched."""
    if value is None:
        return None
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    if not isinstance(path, str):
        raise ValueError(f"{what} must be text or a Path, not {type(value).__name__}")
    if not path:
        raise ValueError(f"{what} must not be empty: leave it out")
    return _sendable(path, what)


def absolute(path: str | None, folder: str) -> str | None:
    """A path that is relative to `folder`; `~` is expanded when a run is launched."""
    return path if path is None or path.startswith("~") else os.path.normpath(os.path.join(folder, path))


def command(value: Words | None) -> list[str] | None:
    """A copy of a command with paths turned into text, unchanged: `~` stays as it is."""
    if value is None:
        return None
    if isinstance(value, str | bytes):
        raise ValueError("command must be a list of text, not one string: split it with shlex.split(command)")
    if not isinstance(value, list | tuple):
        raise ValueError(f"command must be a list of text, not {type(value).__name__}")
    if not value:
        raise ValueError("a run cannot be run with empty command")
    words = [_word(word, f"command[{position}]") for position, word in enumerate(value)]
    if not words[0]:
        raise ValueError("a run cannot be run with empty command: command[0], the program, is ''")
    return words


def _word(value: object, what: str) -> str:
    word = value if isinstance(value, str) else _path_text(value)
    if word is None:
        raise ValueError(f"{what} must be text or a Path, not {type(value).__name__}: use str() (in YAML, quotes)")
    return _sendable(word, what)


def _path_text(value: object) -> str | None:
    """The text of a path; None for anything else, and for a path in bytes."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else None
    return text if isinstance(text, str) else None


def entrypoint(value: str | None) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(
            f"entrypoint must be text like 'package.module:function', not {type(value).__name__}: "
            "Run.of(function) makes a run from a function"
        )
    place, colon, function = value.rpartition(":")
    if not colon or not place or not function.isidentifier():
        raise ValueError(
            f"entrypoint {shown(value)} must be 'package.module:function' or 'path/to/file.py:function', "
            "with one function"
        )
    if not place.endswith(".py") and not all(part.isidentifier() for part in place.split(".")):
        raise ValueError(
            f"entrypoint {shown(value)}: {shown(place)} is neither a module's name nor the path of a .py file"
        )
    return _sendable(value, "entrypoint")


def parameters(value: Mapping[str, object]) -> dict[str, Any]:
    """A deep copy by way of JSON, as the function will receive it: tuples become lists, and paths text."""
    if not isinstance(value, _MAPPING):
        raise ValueError(f"parameters must be a mapping of names to values, not {type(value).__name__}")
    if not value:
        return {}
    import json  # here and below, to keep `import launchpad` quick

    left = VALUE_SIZE * MAX_PARAMETERS  # checked first: JSON writes an alias out, and so may fill the memory
    for key, one in value.items():
        left -= check_size(one, f"parameters[{shown(key)}]", left, _TO_A_FILE)
    text = f"{{{', '.join(f'{_parameter_name(key)}: {_as_json(key, one)}' for key, one in value.items())}}}"
    if len(text) > MAX_PARAMETERS:
        raise ValueError(f"parameters take {len(text)} bytes as JSON, more than {MAX_PARAMETERS}{_TO_A_FILE}")
    copied: dict[str, Any] = json.loads(text)
    return copied


def _parameter_name(key: object) -> str:
    import json

    if not isinstance(key, str):
        raise ValueError(f"parameters: names must be text, not {type(key).__name__}")
    return json.dumps(str.__str__(key))


def _as_json(key: str, value: object) -> str:
    import json

    try:
        return json.dumps(value, allow_nan=False, default=_path_for_json)
    except (TypeError, ValueError, RecursionError):
        raise ValueError(
            f"parameters[{shown(key)}] cannot be written as JSON ({type(value).__name__}): "
            "pass text, paths, finite numbers, booleans, None, lists or mappings of these"
        ) from None


def _path_for_json(value: object) -> str:
    if (text := _path_text(value)) is None:
        raise TypeError
    return text


def name(value: str | None) -> str | None:
    if value is None:
        return value
    if isinstance(value, str):
        return _sendable(value, "name")
    raise ValueError(f"name must be text, not {type(value).__name__}")


def timeout(value: float | None) -> float | None:
    return None if value is None else seconds(value, "timeout")


def working_dir(value: StrPath | None) -> str | None:
    return optional_path(value, "working_dir")


def run_id(value: str) -> str:
    if isinstance(value, str) and value:
        return _sendable(value, "id")
    raise ValueError("id must not be empty" if value == "" else f"id must be text, not {type(value).__name__}")


def stream_output(value: Flag) -> bool:
    return flag(value, "stream_output")


def grace(value: float) -> float:
    return seconds(value, "grace", zero=True)
