"""What a function gives back: the error of one that raised (`RunError`)."""

from __future__ import annotations

import attrs


@attrs.frozen
class RunError:
    """The exception that ended a run's function.

    `type` is the name of its class with its module, but for built-in ones; `message` is its text. `traceback` is the
    printed one, and may be shortened.
    """

    type: str
    message: str
    traceback: str = attrs.field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type
