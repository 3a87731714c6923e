"""Calls of functions that are executed elsewhere: the arguments on the way there, the value on the way back."""

from __future__ import annotations

import abc
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .entrypoints import entrypoint_of
from .models import Outcome, Run
from .secret import hides_arguments
from .text import escaped


class RunFailed(RuntimeError):
    """A run did not succeed, so there is no value. `outcome` is how it ended.

    The text has the reason and the message, the function's own error, and the last lines of the output.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome

    def __str__(self) -> str:
        return "\n".join(map(escaped, _lines(self.outcome)))


def _lines(outcome: Outcome) -> Iterator[str]:
    name = "" if outcome.handle is None else f" {outcome.handle.name!r}"
    yield f"The run{name} did not succeed ({outcome.reason}): {outcome.message} {outcome.hint}".rstrip(" :")
    if outcome.error is not None:
        yield from str(outcome.error).splitlines()
    if outcome.tail:
        yield "The last lines of its output:"
        yield from (f"    {line}" for line in outcome.tail)


def value_of(outcome: Outcome) -> Any:
    """The value of a run. RunFailed if it did not succeed, RuntimeError if its value did not come back."""
    if not outcome.ok or outcome.error is not None:
        raise RunFailed(outcome)
    if outcome.value_error:
        raise RuntimeError(outcome.value_error)
    return outcome.value


class Calling(abc.ABC):
    """The part of a launcher that calls functions."""

    __slots__ = ()

    @abc.abstractmethod
    def launch(self, run: Run) -> Outcome: ...

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Launches `function` with these arguments, blocks until it has ended, and returns the value that it returned.

        `function` is one that `Run.of` takes; the arguments and the value are what JSON can hold. RunFailed, with the
        Outcome, if the run did not succeed; RuntimeError if its value did not come back; LaunchError as in `submit`.
        """
        try:
            return value_of(self.launch(run_of_call(function, args, kwargs)))
        finally:
            del args, kwargs  # the frames of an error must not show them


@hides_arguments
def run_of_call(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Run:
    """The run that calls `function` with these arguments. ValueError if it cannot be called so in another process.

    Positional arguments become parameters by the names that the function gives them.
    """
    entrypoint_of(function)  # raises the errors of what is no function
    return Run.of(function, parameters={**_named(function, args, kwargs), **kwargs})


def _named(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The positional arguments by name."""
    named: dict[str, Any] = {}
    slots = _positional(function)
    for number, value in enumerate(args):
        slot = slots[number] if number < len(slots) else None
        if slot is None:
            raise ValueError(f"{function.__name__} takes {len(slots)} positional arguments, and {len(args)} are given")
        if slot.kind is not slot.POSITIONAL_OR_KEYWORD:
            what = f"*{slot.name}" if slot.kind is slot.VAR_POSITIONAL else f"{slot.name!r}, before the /,"
            raise ValueError(
                f"{function.__name__} cannot be called so: {what} has no name to pass it by: give the function named "
                "parameters (a list in place of *args)"
            )
        if slot.name in kwargs:
            raise ValueError(f"{function.__name__} gets {slot.name!r} twice: by position and by name")
        named[slot.name] = value
    return named


def _positional(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that a function takes by position; of a decorator's wrapper that passes all on, the function's."""
    own = list(inspect.signature(function, follow_wrapped=False).parameters.values())
    kinds = {one.kind for one in own}
    if {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds:
        own = list(inspect.signature(function).parameters.values())
    return [one for one in own if one.kind not in (one.KEYWORD_ONLY, one.VAR_KEYWORD)]
