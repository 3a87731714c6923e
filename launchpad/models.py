"""What to launch (`Run`), a started run (`Handle`, `Listed`) and how it ended (`Outcome`, `Reason`).

All are frozen and compare by value. None does I/O. Their reprs mask the values of env and parameters, and input.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, NoReturn

import attrs

from . import converters
from .converters import masked
from .ids import new_id
from .limits import shown
from .results import RunError
from .schema import KEY, QUOTED, TEXT
from .secret import constructor_hides_arguments, hides_arguments
from .stdin import StandardInput, masked_stdin, stdin
from .suggestions import did_you_mean
from .text import printable


class Reason(str, enum.Enum):
    """Why a run ended, in the same terms for all engines."""

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
    NOT_LAUNCHED = "not_launched"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


class ImagePullPolicy(str, enum.Enum):
    """When an image is pulled. The values are those of Kubernetes."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class RestartPolicy(str, enum.Enum):
    """Whether a Job restarts a container that failed. The values are those of Kubernetes."""

    NEVER = "Never"
    ON_FAILURE = "OnFailure"


@constructor_hides_arguments
@attrs.frozen(kw_only=True)
class Run:
    """What to launch: a command, or an entrypoint with its parameters. Frozen, without a status.

    `command` is a non-empty list of str or Path. `entrypoint` is `package.module:function` or
    `path/to/file.py:function`, called with `parameters` (JSON-able, at most 64 KiB; a Path becomes text). Exactly one
    of the two is needed. `env` values may be numbers; None removes the variable. `timeout` is in seconds from the start
    of the run. `working_dir`, `env` and `labels` override the launcher's. `name` is any text. By default
    it is the command's program or the entrypoint's function; an empty name becomes the id. `stdin` is what the run
    reads: text, bytes (both up to 1 MiB) or the Path of a file of this machine; None is the null device.

    Bad values raise ValueError here, not at the launch. Runs compare by value and hash by `id`.
    """

    command: list[str] | None = attrs.field(default=None, converter=converters.command, metadata={KEY: QUOTED})
    entrypoint: str | None = attrs.field(default=None, converter=converters.entrypoint)
    parameters: dict[str, Any] = attrs.field(factory=dict, converter=converters.parameters, repr=masked)
    name: str = attrs.field(default=None, converter=converters.name)  # filled in below
    env: dict[str, str | None] = attrs.field(factory=dict, converter=converters.env, repr=masked)
    labels: dict[str, str] = attrs.field(factory=dict, converter=converters.labels)
    working_dir: str | None = attrs.field(default=None, converter=converters.working_dir)
    timeout: float | None = attrs.field(default=None, converter=converters.timeout)
    stdin: StandardInput = attrs.field(default=None, converter=stdin, repr=masked_stdin, metadata={KEY: TEXT})
    id: str = attrs.field(factory=new_id, converter=converters.run_id)

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
    @hides_arguments
    def of(
        cls,
        function: Callable[..., object],
        /,
        *,
        parameters: Mapping[str, object] = {},
        name: str | None = None,
        env: Mapping[str, str | float | None] = {},
        labels: Mapping[str, str | float] = {},
        working_dir: str | os.PathLike[str] | None = None,
        timeout: float | None = None,
        **unknown: NoReturn,
    ) -> Run:
        """A run of `function`, which must be importable: defined at the top level of a module or of a script.

        ValueError, which says what to do, for lambdas, closures, methods and functions of a notebook or a prompt, and
        for `parameters` that the function cannot take.
        """
        from .entrypoints import check_parameters, entrypoint_of

        if unknown:
            raise TypeError(_unknown_arguments(function, list(unknown)))
        run = cls(
            entrypoint=entrypoint_of(function),
            parameters=parameters,
            name=name,
            env=env,
            labels=labels,
            working_dir=working_dir,
            timeout=timeout,
        )
        check_parameters(function, run.parameters)
        return run


def _unknown_arguments(function: object, names: list[str]) -> str:
    own = ["parameters", "name", "env", "labels", "working_dir", "timeout"]
    parameters = ", ".join(f"{name!r}: …" for name in names)
    return (
        f"Run.of has no argument {names[0]!r}{did_you_mean(names[0], own)}: give the arguments of "
        f"{getattr(function, '__name__', 'the function')} as parameters={{{parameters}}}"
    )


@attrs.frozen
class Handle:
    """Identifies a started run, also to another process. `attrs.asdict(handle)` is its JSON form.

    `type` is the launcher's type, `id` the engine's identifier, `engine` the engine's host, address or cluster.
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


def _lines(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value)


@attrs.frozen(kw_only=True)
class Outcome:
    """How a run ended. `ok` is True only for exit status 0 of a run that was not stopped.

    `exit_code` is the engine's, negative for a local process killed by a signal, None if unknown. `message` is the
    engine's description of the end, `hint` advice on what to try, or empty. `handle` is None for a run that was
    not launched, or cancelled before its start. `started_at` and `ended_at` are aware UTC datetimes, or None if
    unknown. `output_complete` is False if some of the output is known to be lost.

    `value` is what the run's function returned, as JSON gives it back, `error` the exception that it raised.
    `value_error` says why a value is missing, or is empty. `tail` has the last lines of the output, where it was
    followed; `log` is the path of the file with the output, if the executor has an `output_dir`. `attempt` is the
    number of the attempt, from 1 on.
    """

    ok: bool
    exit_code: int | None = None
    reason: Reason
    message: str = attrs.field(default="", converter=printable)
    hint: str = attrs.field(default="", converter=printable)
    handle: Handle | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    output_complete: bool = True
    value: Any = attrs.field(default=None, hash=False, repr=shown)
    value_error: str = attrs.field(default="", converter=printable)
    error: RunError | None = None
    tail: tuple[str, ...] = attrs.field(default=(), converter=_lines, repr=False)
    log: str | None = None
    attempt: int = 1

    @property
    def seconds(self) -> float | None:
        """How long the run took, in seconds; None if its start or its end is not known."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()

    def to_dict(self) -> dict[str, Any]:
        """All fields and `seconds` as plain data for JSON; times are ISO 8601 texts."""
        return attrs.asdict(self, value_serializer=_plain) | {"seconds": self.seconds}

    def _repr_html_(self) -> str:
        from .jupyter import html_table, html_tail, shown_fields

        title = "Succeeded" if self.ok else f"Not successful: {self.reason}"
        return html_table(title, shown_fields(self)) + ("" if self.ok else html_tail(self.tail))


def _plain(instance: object, field: object, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, Reason) else value


@attrs.frozen(kw_only=True)
class Listed:
    """A run on an engine, as `list_runs` finds it, started by this process or by any other.

    `name` is the run's, and `handle.name` the one on the engine. A run that is being created counts as "running".
    `deadline` is the end of its time-out. `starter` identifies the process that started it: its host, boot, pid and
    start time. Times are aware UTC datetimes. `started_at`, `ended_at`, `starter` and `deadline` are None if there is
    none, or if it is not known. `outcome` is that of an ended run, without a value; None if the engine does not know
    it.
    """

    handle: Handle
    run_id: str
    name: str
    state: Literal["running", "ended"]
    started_at: datetime | None = None
    ended_at: datetime | None = None
    starter: str | None = None
    deadline: datetime | None = None
    outcome: Outcome | None = None
