"""What the suite needs to know of an engine: `Harness`, to be filled in once for each.

A file `NAME_harness.py` defines `HARNESSES`, a list of subclasses. The suite makes a new harness for each test, by
`cls(mark)`, and in other processes another one with the same mark.
"""

from __future__ import annotations

import abc
import shlex
import uuid
from collections.abc import Sequence
from typing import Any, ClassVar

import attrs

from launchpad import Launcher, Run
from launchpad.core.backend import StreamName

MARK = "LAUNCHPAD_TEST_MARK"
"""The variable, and the label, that every run of the suite carries: its value tells whose it is."""


@attrs.frozen
class Write:
    """Writes bytes in one go."""

    data: bytes
    stream: StreamName = "stdout"


@attrs.frozen
class Say:
    """Writes a line of text that stands in the command as it is, with all that an engine could take for its own."""

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
class End:
    """Ends with a status; so does a program that has come to its end, with 0."""

    status: int


@attrs.frozen
class UntilStopped:
    """Says `ready`, and goes on until it is asked to stop. Asked, it says `bye` and ends with `status`.

    `obeys=False`: it does not listen, and has to be killed.
    """

    status: int = 143
    obeys: bool = True


Step = Write | Say | Repeat | ShowVariable | ShowFolder | End | UntilStopped
Program = Sequence[Step]


class Harness(abc.ABC):
    """One engine, as the suite sees it."""

    name: ClassVar[str]
    many: ClassVar[int] = 200
    """How many runs the engine is asked for where many are what is tested: a few, for a slow one."""

    start_takes: ClassVar[float] = 0.01
    """Seconds, about: the time within which a stop or an interrupt finds a run half-started."""

    other_processes: ClassVar[bool] = True
    """Whether another process can find a run by its handle."""

    exit_code_elsewhere: ClassVar[bool] = True
    """Whether that other process learns its exit code."""

    few_threads: ClassVar[bool] = True
    """Whether a run in flight takes no thread but the one that launched it."""

    stderr_apart: ClassVar[bool] = True
    """Whether what is written to stderr comes back as stderr. (Kubernetes mixes it into one stream.)"""

    long_line: ClassVar[str] = "€"
    """What a long line can be made of. (Where it is kept in pieces, a character of several bytes may be cut apart.)"""

    def __init__(self, mark: str = "") -> None:
        self.mark = mark or uuid.uuid4().hex

    @classmethod
    @abc.abstractmethod
    def unavailable(cls) -> str:
        """Why the engine cannot be used here; empty if it can. Asked once in a session."""

    @abc.abstractmethod
    def launcher(self, **settings: Any) -> Launcher:
        """A new launcher, which cleans up after its runs. `settings` are those that every launcher has.

        With a connection of its own where the engine can be connected to twice; two of them see the same runs.
        """

    @abc.abstractmethod
    def leftovers(self) -> list[str]:
        """What runs with this mark have left on the engine, in any state: a line for each. Asked once, after the test.

        Waits a few seconds for what is on its way out, and removes what stays, so that a failed test leaves nothing.
        """

    def folder(self) -> str:
        """A folder, other than the usual one, that a run can have for its working directory."""
        return "/usr"

    def run(self, program: Program, **fields: Any) -> Run:
        """A run that does what `program` says. `fields` are those of Run."""
        fields["env"] = {MARK: self.mark, **fields.get("env", {})}
        fields["labels"] = {MARK: self.mark, **fields.get("labels", {})}
        return Run(command=in_shell(program), **{"name": "conformance", **fields})


def in_shell(program: Program) -> list[str]:
    """The program as a command for a POSIX shell, which every engine has.

    It may be process 1 of a container, which only hears the signals that it traps.
    """
    return ["sh", "-c", "\n".join(_STATEMENTS[type(step)](step) for step in program) or ":"]


def _octal(data: bytes) -> str:
    return "".join(f"\\{byte:03o}" for byte in data)


def _write(step: Write) -> str:
    return f"printf '{_octal(step.data)}'" + (" >&2" if step.stream == "stderr" else "")


def _show_variable(step: ShowVariable) -> str:
    name = shlex.quote(step.name)
    return f'if [ -n "${{{name}+set}}" ]; then printf "[%s]\\n" "${name}"; else echo unset; fi'


def _until_stopped(step: UntilStopped) -> str:
    # `wait` is interrupted by a trapped signal, a command in the foreground is not
    # and a child that is being forked can miss the group's SIGTERM: hence the kill
    stop = f"echo bye; kill -9 $! 2> /dev/null; exit {step.status}"
    trap = f"trap '{stop}' TERM" if step.obeys else "trap '' TERM"
    return f"{trap}\necho ready\nwhile :; do sleep 1000 & wait; done"


_STATEMENTS: dict[type, Any] = {
    Write: _write,
    Say: lambda step: f"printf '%s\\n' {shlex.quote(step.text)}",
    Repeat: lambda step: f"printf '%.0s{_octal(step.text.encode())}' $(seq 1 {step.times})",
    ShowVariable: _show_variable,
    ShowFolder: lambda step: "pwd",
    End: lambda step: f"exit {step.status}",
    UntilStopped: _until_stopped,
}
