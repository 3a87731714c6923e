"""What the suite needs to know of an engine: `Harness`, which is subclassed for each engine.

A file `NAME_harness.py` defines `HARNESSES`, a list of subclasses. The suite makes a new harness for each test by
`cls(mark)`; another process makes a harness with the same mark.
"""

from __future__ import annotations

import abc
import json
import shlex
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import attrs

from launchpad import Handle, Launcher, Run
from launchpad.core.backend import StreamName

MARK = "LAUNCHPAD_TEST_MARK"
"""The environment variable and the label of every run of the suite; the value identifies the test."""


@attrs.frozen
class Write:
    """Writes bytes in one go."""

    data: bytes
    stream: StreamName = "stdout"


@attrs.frozen
class Say:
    """Writes a line of text, which is an argument of the command: an engine might expand it."""

    text: str


@attrs.frozen
class Repeat:
    """Writes the same text again and again."""

    text: str
    times: int


@attrs.frozen
class ShowVariable:
    """Writes a line: the variable's value in [brackets], or `unset`."""

    name: str


@attrs.frozen
class ShowFolder:
    """Writes a line: the path of the working directory."""


@attrs.frozen
class CopyInput:
    """Writes what it reads from stdin to its end; with `lines`, no more than that many lines."""

    lines: int | None = None


@attrs.frozen
class End:
    """Ends with a status. A program without it ends with 0."""

    status: int


@attrs.frozen
class EndOnce:
    """Ends the first attempt of a run with a status. Later attempts go on."""

    status: int


@attrs.frozen
class UntilStopped:
    """Writes `ready` and runs until it gets SIGTERM, then writes `bye` and ends with `status`.

    With `obeys=False` it ignores SIGTERM.
    """

    status: int = 143
    obeys: bool = True


@attrs.frozen
class ExhaustMemory:
    """Allocates memory until the kernel kills the process that does, and ends with its status. For `small_launcher`."""


@attrs.frozen
class LeaveGrandchild:
    """Leaves a process in the background that keeps stdout and stderr open."""


Step = (
    Write
    | Say
    | CopyInput
    | Repeat
    | ShowVariable
    | ShowFolder
    | End
    | EndOnce
    | UntilStopped
    | ExhaustMemory
    | LeaveGrandchild
)
Program = Sequence[Step]


class Harness(abc.ABC):
    """One engine, as the suite sees it."""

    name: ClassVar[str]
    cannot: ClassVar[Mapping[str, str]] = {}
    """Features that this engine cannot have, with the reasons. Tests that need one (`pytest.mark.needs`) are skipped:

    - `other_processes`: another process finds a run by its handle
    - `exit_code_elsewhere`: that process learns the exit code
    - `list_runs`: `list_runs`, `logs` and `reap`
    - `overdue`: a run goes on after its time-out if its starter is gone
    - `stdin`: runs have an input
    - `values`: the value that a function returns comes back
    - `few_descriptors`: a start leaves nothing behind when descriptors are short
    - `break_events`, `kill`, `remove`, `evict`, `limit_memory`, `entrypoints`, `sent`: see the methods
    """

    many: ClassVar[int] = 200
    """How many runs a test of many runs launches: fewer for a slow engine."""

    start_takes: ClassVar[float] = 0.01
    """Seconds that a start takes, roughly: a stop or an interrupt within that time meets a start in progress."""

    few_threads: ClassVar[bool] = True
    """Whether a run in flight takes no thread but the one that launched it."""

    stderr_apart: ClassVar[bool] = True
    """Whether stderr is kept apart from stdout. (Kubernetes merges the two.)"""

    long_line: ClassVar[str] = "€"
    """The character of a long line. (An engine that stores a line in pieces may cut a character of several bytes.)"""

    long_value: ClassVar[int] = 1_000_000
    """Characters of a text that comes back as a value."""

    def __init__(self, mark: str = "") -> None:
        self.mark = mark or uuid.uuid4().hex

    @classmethod
    @abc.abstractmethod
    def unavailable(cls) -> str:
        """Why the engine cannot be used here; empty if it can. Called once in a session."""

    @abc.abstractmethod
    def launcher(self, **settings: Any) -> Launcher:
        """A new launcher, which removes its runs from the engine. `settings` are those that every launcher has.

        It has a connection of its own if the engine allows two; two launchers of a harness see the same runs.
        """

    @abc.abstractmethod
    def leftovers(self) -> list[str]:
        """The leftovers of runs with this mark on the engine, in any state: a line for each. Called after the test.

        Waits for runs that are ending, and removes the rest, so that a failed test leaves nothing.
        """

    def running(self) -> list[str]:
        """The runs with this mark that are running now: a line for each. For the fault matrix."""
        raise NotImplementedError(f"{type(self).__name__} is not in the fault matrix")

    def clear(self) -> None:  # noqa: B027 (most engines leave none)
        """Kills the processes that a run may leave by design."""

    def breakable_events(self) -> AbstractContextManager[Callable[[], None]]:
        """Within the block, new launchers have an event stream that the function breaks. (`break_events`)"""
        raise NotImplementedError(f'{type(self).__name__}.cannot does not list "break_events"')

    def kill(self, handle: Handle) -> None:
        """Kills a run by the engine's own means, without launchpad."""
        raise NotImplementedError(f'{type(self).__name__}.cannot does not list "kill"')

    def remove(self, handle: Handle) -> None:
        """Removes a run by the engine's own means, without launchpad."""
        raise NotImplementedError(f'{type(self).__name__}.cannot does not list "remove"')

    def evict(self, handle: Handle) -> None:
        """Evicts a run by the engine's own means, without launchpad. (`evict`)"""
        raise NotImplementedError(f'{type(self).__name__}.cannot does not list "evict"')

    def unlaunchable(self) -> Run:
        """A run that the launcher cannot launch."""
        return attrs.evolve(self.run([]), command=["/missing/program"])

    def small_launcher(self, **settings: Any) -> Launcher:
        """A launcher whose runs have little memory. (`limit_memory`)"""
        raise NotImplementedError(f'{type(self).__name__}.cannot does not list "limit_memory"')

    def python_launcher(self, **settings: Any) -> Launcher:
        """A launcher whose runs find Python. (`entrypoints`)"""
        raise NotImplementedError(f'{type(self).__name__}.cannot does not list "entrypoints"')

    def previewed(self, text: str) -> Any:
        """The facts in a preview, for the comparison with `sent`; without those known only at the launch. (`sent`)"""
        raise NotImplementedError(f'{type(self).__name__}.cannot does not list "sent"')

    def sent(self, handle: Handle) -> Any:
        """The same facts as the engine reports them for a running run; it may report more."""
        raise NotImplementedError(f'{type(self).__name__}.cannot does not list "sent"')

    def orphan(self, run: Run) -> Handle:
        """Starts `run` in another process, which is gone afterwards. (`list_runs`)"""
        from .helping import other_process  # which imports this module

        with other_process(self, "start", run) as other:
            return Handle(**json.loads(other.communicate()[0]))

    def folder(self) -> str:
        """A directory, other than the default, that a run can have for its working directory."""
        return "/usr"

    def run(self, program: Program, **fields: Any) -> Run:
        """A run that executes `program`. `fields` are those of Run."""
        fields["env"] = {MARK: self.mark, **fields.get("env", {})}
        fields["labels"] = {MARK: self.mark, **fields.get("labels", {})}
        return Run(command=in_shell(program), **{"name": "conformance", **fields})


def in_shell(program: Program) -> list[str]:
    """The program as a command for a POSIX shell.

    The shell may be process 1 of a container, which gets only those signals that it traps.
    """
    return ["sh", "-c", "\n".join(_STATEMENTS[type(step)](step) for step in program) or ":"]


def differences(shown: Any, sent: Any, path: str = "") -> list[str]:
    """The paths at which `sent` lacks or contradicts what is `shown`; `sent` may have more keys."""
    if isinstance(shown, Mapping):
        pairs = {key: (value, (sent or {}).get(key)) for key, value in shown.items()}
    elif isinstance(shown, list) and len(shown) == len(sent or ()):
        pairs = dict(enumerate(zip(shown, sent, strict=True)))
    else:
        return [] if shown == sent else [f"{path}: {shown!r} is shown, {sent!r} was sent"]
    return [line for key, pair in pairs.items() for line in differences(*pair, f"{path}/{key}")]


def _octal(data: bytes) -> str:
    return "".join(f"\\{byte:03o}" for byte in data)


def _write(step: Write) -> str:
    return f"printf '{_octal(step.data)}'" + (" >&2" if step.stream == "stderr" else "")


def _show_variable(step: ShowVariable) -> str:
    name = shlex.quote(step.name)
    return f'if [ -n "${{{name}+set}}" ]; then printf "[%s]\\n" "${name}"; else echo unset; fi'


def _until_stopped(step: UntilStopped) -> str:
    # A trapped signal interrupts `wait`, but not a command in the foreground. The kill is for a child that is being
    # forked, which can miss the SIGTERM of the group.
    stop = f"echo bye; kill -9 $! 2> /dev/null; exit {step.status}"
    trap = f"trap '{stop}' TERM" if step.obeys else "trap '' TERM"
    return f"{trap}\necho ready\nwhile :; do sleep 1000 & wait; done"


def _exhaust_memory(step: ExhaustMemory) -> str:
    # The engine learns of the lack of memory by an event of its own, which may come after that of the container's end.
    return "(x=a; while :; do x=$x$x; done)\nstatus=$?\nsleep 2\nexit $status"


_STATEMENTS: dict[type, Any] = {
    Write: _write,
    Say: lambda step: f"printf '%s\\n' {shlex.quote(step.text)}",
    CopyInput: lambda step: "cat" if step.lines is None else f"head -n {step.lines}",
    Repeat: lambda step: f"printf '%.0s{_octal(step.text.encode())}' $(seq 1 {step.times})",
    ShowVariable: _show_variable,
    ShowFolder: lambda step: "pwd",
    End: lambda step: f"exit {step.status}",
    EndOnce: lambda step: f'if [ "$LAUNCHPAD_ATTEMPT" = 1 ]; then exit {step.status}; fi',
    UntilStopped: _until_stopped,
    ExhaustMemory: _exhaust_memory,
    LeaveGrandchild: lambda step: "sleep 1000 &",
}
