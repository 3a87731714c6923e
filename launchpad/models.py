"""The facts: what to launch (`Run`), where it is (`Handle`), how it ended (`Outcome`, `Reason`).

All are frozen and compare by value. None does I/O, and none shows an environment value or a parameter's value in its
repr.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs

from .ids import new_id

MAX_PARAMETERS = 64 * 1024
"""The most bytes that the parameters of a run take as JSON; more belongs in a file."""

LONGEST = 100 * 365.25 * 24 * 3600
"""The most seconds that a setting takes: more is a mistake, and past what the system's own timers hold."""


_MAPPING = (dict, Mapping)  # to ask the abstract class takes ten times as long


class Reason(str, enum.Enum):
    """Why a run ended as it did, in one vocabulary for all engines."""

    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    TIMED_OUT = "timed_out"
    OOM_KILLED = "oom_killed"
    EVICTED = "evicted"
    DEADLINE = "deadline"
    IMAGE_PULL = "image_pull"
    UNSCHEDULABLE = "unschedulable"
    CONFIG = "config"
    NEVER_STARTED = "never_started"
    NODE_LOST = "node_lost"
    VANISHED = "vanished"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


class ImagePullPolicy(str, enum.Enum):
    """When an image is pulled. The values are those of Kubernetes."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class RestartPolicy(str, enum.Enum):
    """What a Job does with a container that failed. The values are those of Kubernetes."""

    NEVER = "Never"
    ON_FAILURE = "OnFailure"


def masked(values: Mapping[str, object] | None) -> str:
    """The keys of `values`, for a repr; their values stay secret."""
    return "{" + ", ".join(f"{key!r}: ***" for key in values or {}) + "}"


def seconds(value: object, what: str, *, zero: bool = False) -> float:
    """`value` as a finite number of seconds, above zero (or from zero on)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} must be a number of seconds, not {type(value).__name__}")
    if not abs(value) <= LONGEST:  # NaN included
        raise ValueError(f"{what} must be a number of seconds up to {LONGEST:.0f} (a century)")
    if value < 0 or (value == 0 and not zero):
        raise ValueError(f"{what} must be {'at least' if zero else 'more than'} 0 seconds, not {value}")
    return float(value)


def flag(value: object, what: str) -> bool:
    """`value` as a bool: True, False, 1 or 0."""
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise ValueError(f"{what} must be True or False, not {type(value).__name__}")


def text_values(values: object, what: str, *, removable: bool = False) -> dict[str, Any]:
    """A copy of a mapping of names to text, numbers turned into text; with `removable`, None stays None."""
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
    if equals:  # what comes after it may be a secret
        raise ValueError(f"{what}: a name must not contain '=', as the one that begins with {before!r} does")
    return _sendable(key, f"{what}: the name {key!r}")


def _text_value(key: object, value: object, what: str, removable: bool) -> str | None:
    if value is None and removable:
        return None
    what = f"{what}[{key!r}]"
    if isinstance(value, str):
        return _sendable(value, what)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} must be text or a number, not {type(value).__name__}: write it as text")
    return repr(float(value) if isinstance(value, float) else int(value))  # an enum's number, not its name


def _sendable(text: str, what: str) -> str:
    """Plain `text`, if a process can be given it; an error does not show it."""
    if "\0" in text:
        raise ValueError(f"{what} contains a NUL character")
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError(f"{what} contains half of a surrogate pair, which is no character") from None
    return str.__str__(text)  # an enum's text, not its name


def env_values(values: object) -> dict[str, str | None]:
    """A copy of an environment: numbers become text, and None asks that the variable be removed."""
    return text_values(values, "env", removable=True)


def label_values(values: object) -> dict[str, str]:
    """A copy of labels, numbers turned into text."""
    return text_values(values, "labels")


def optional_path(value: object, what: str) -> str | None:
    """A path as text, kept as it was written: `~` and relative paths are resolved when a run is launched."""
    if value is None:
        return None
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    if not isinstance(path, str):
        raise ValueError(f"{what} must be text or a Path, not {type(value).__name__}")
    if not path:
        raise ValueError(f"{what} must not be empty: leave it out")
    return _sendable(path, what)


def _command(value: object) -> list[str] | None:
    if value is None:
        return None
    if isinstance(value, str | bytes):
        raise ValueError("command must be a list of text, not one string: split it with shlex.split(command)")
    if not isinstance(value, list | tuple):
        raise ValueError(f"command must be a list of text, not {type(value).__name__}")
    if not value:
        raise ValueError("a run cannot be run with empty command")
    for position, word in enumerate(value):
        if not isinstance(word, str):
            raise ValueError(
                f"command[{position}] must be text, not {type(word).__name__}: use str() (in YAML, quotes)"
            )
    if not value[0]:
        raise ValueError("a run cannot be run with empty command: command[0], the program, is ''")
    return [_sendable(word, f"command[{position}]") for position, word in enumerate(value)]


def _entrypoint(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(
            f"entrypoint must be text like 'package.module:function', not {type(value).__name__}: "
            "Run.of(function) makes a run from a function"
        )
    place, colon, function = value.rpartition(":")
    if not colon or not place or not function.isidentifier() or "\0" in value:
        raise ValueError(
            f"entrypoint {value!r} must be 'package.module:function' or 'path/to/file.py:function', with one function"
        )
    if not place.endswith(".py") and not all(part.isidentifier() for part in place.split(".")):
        raise ValueError(f"entrypoint {value!r}: {place!r} is neither a module's name nor the path of a .py file")
    return value


def _parameters(value: object) -> dict[str, Any]:
    """The parameters as the function will get them, out of JSON: tuples are lists, and nothing is the caller's own."""
    if not isinstance(value, _MAPPING):
        raise ValueError(f"parameters must be a mapping of names to values, not {type(value).__name__}")
    if not value:
        return {}
    import json  # here and below: a run with parameters needs it, and importing launchpad is to be quick

    text = json.dumps({_parameter_name(key): _jsonable(key, one) for key, one in value.items()})
    if len(text) > MAX_PARAMETERS:
        raise ValueError(
            f"parameters take {len(text)} bytes as JSON, more than {MAX_PARAMETERS}: "
            "write them to a file and pass its path"
        )
    parameters: dict[str, Any] = json.loads(text)
    return parameters


def _parameter_name(key: object) -> str:
    if not isinstance(key, str):
        raise ValueError(f"parameters: names must be text, not {type(key).__name__}")
    return str.__str__(key)


def _jsonable(key: str, value: object) -> object:
    import json

    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ValueError(
            f"parameters[{key!r}] cannot be written as JSON ({type(value).__name__}): "
            "pass text, finite numbers, booleans, None, lists or mappings of these"
        ) from None
    return value


def _name(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"name must be text, not {type(value).__name__}")


def _timeout(value: object) -> float | None:
    return None if value is None else seconds(value, "timeout")


def _working_dir(value: object) -> str | None:
    return optional_path(value, "working_dir")


def _id(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError("id must not be empty" if value == "" else f"id must be text, not {type(value).__name__}")


@attrs.frozen(kw_only=True)
class Run:
    """What to launch: a command, or an entrypoint with its parameters. Frozen; it never has a status.

    `command` is a non-empty list of str. `entrypoint` is `package.module:function` or `path/to/file.py:function`,
    called with `parameters` (JSON-able, at most 64 KiB). Exactly one of the two is given. `env` values may be
    numbers; None removes the variable. `timeout` is in seconds, counted from the start of the run. `working_dir`,
    `env` and `labels` win over the launcher's. `name` is any text; absent, it is the command's program or the
    entrypoint's function, and where it is empty, the id.

    Bad values raise ValueError here, not at the launch. Runs compare by value and hash by `id`.
    """

    command: list[str] | None = attrs.field(default=None, converter=_command)
    entrypoint: str | None = attrs.field(default=None, converter=_entrypoint)
    parameters: dict[str, Any] = attrs.field(factory=dict, converter=_parameters, repr=masked)
    name: str = attrs.field(default=None, converter=_name)  # filled in below
    env: dict[str, str | None] = attrs.field(factory=dict, converter=env_values, repr=masked)
    labels: dict[str, str] = attrs.field(factory=dict, converter=label_values)
    working_dir: str | None = attrs.field(default=None, converter=_working_dir)
    timeout: float | None = attrs.field(default=None, converter=_timeout)
    id: str = attrs.field(factory=new_id, converter=_id)

    def __attrs_post_init__(self) -> None:
        if (self.command is None) == (self.entrypoint is None):
            raise ValueError("a run needs exactly one of command and entrypoint")
        if self.parameters and self.entrypoint is None:
            raise ValueError("parameters go with an entrypoint: a command takes its arguments in the command itself")
        if not self.name:
            object.__setattr__(self, "name", self.id if self.name == "" else self._default_name())

    def __hash__(self) -> int:
        return hash(self.id)

    def _default_name(self) -> str:
        if self.entrypoint is not None:
            return self.entrypoint.rpartition(":")[2]
        assert self.command is not None
        return os.path.basename(self.command[0]) or self.command[0]

    @classmethod
    def of(
        cls,
        function: Callable[..., object],
        /,
        *,
        name: str | None = None,
        env: Mapping[str, Any] = {},
        timeout: float | None = None,
        parameters: Mapping[str, Any] = {},
    ) -> Run:
        """A run of `function`, which must be importable: defined at the top level of a module or of a script.

        ValueError for lambdas, closures, methods and functions of a notebook or a prompt; the message says what to do.
        """
        from .entrypoints import entrypoint_of

        return cls(
            entrypoint=entrypoint_of(function), name=name, env=dict(env), timeout=timeout, parameters=dict(parameters)
        )


@attrs.frozen
class Handle:
    """Enough to find a started run again, from another process too. `attrs.asdict(handle)` is its JSON form.

    `type` is the launcher's type, `id` the engine's identifier, `engine` says which engine (host, address, cluster).
    """

    type: str
    id: str
    name: str
    engine: str
    run_id: str

    def __attrs_post_init__(self) -> None:
        for field in ("type", "id", "name", "engine", "run_id"):
            if not isinstance(value := getattr(self, field), str):
                raise ValueError(f"a handle's {field} must be text, not {type(value).__name__}")


@attrs.frozen(kw_only=True)
class Outcome:
    """How a run ended. `ok` is True only for exit status 0 of a run that was not stopped.

    `exit_code` is the engine's own, negative for a local process killed by a signal, None where it is not known.
    `message` says what happened in the engine's words, `hint` what to try, where there is something to try. `handle` is
    None for a run that was cancelled before it had started.
    `started_at` and `ended_at` are aware UTC datetimes, or None where not known.
    """

    ok: bool
    exit_code: int | None = None
    reason: Reason
    message: str = ""
    hint: str = ""
    handle: Handle | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    def _repr_html_(self) -> str:
        from .jupyter import html_table, shown_fields

        return html_table("Succeeded" if self.ok else f"Not successful: {self.reason}", shown_fields(self))
