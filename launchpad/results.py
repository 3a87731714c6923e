"""What a function gives back: the value that it returned, or the error of one that raised (`RunError`).

`launchpad.engine` writes it as a *report* where the run is executed, and `decode` reads it here. It may be anything, as
any process of the run can write it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

import attrs

from .limits import MAX_DEPTH, shown_plain

MAX_REPORT = 4 * 1024 * 1024
"""Bytes of a report that are read. An engine may have a lower limit."""

NOT_WRITTEN = (
    "The run wrote no result: it was killed, or ended itself (os._exit), before its function had returned, or its disk "
    "was full."
)
"""Why there is no report, where nothing more is known."""

NOT_READ = "This engine does not return values: its launcher does not read the result of a run."

_HEAD = b"launchpad "
_TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep"


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


class Result(NamedTuple):
    """What is known of what a function gave back. `value_error` says why that is not all."""

    value: Any = None
    error: RunError | None = None
    value_error: str = ""


def decode(report: bytes | str | None) -> Result:
    """The result in a report. A text says why there is none; None stands for a run without a function."""
    if report is None:
        return Result()
    if isinstance(report, str):
        return Result(value_error=report)
    try:
        return _result(_content(report))
    except (ValueError, RecursionError) as error:
        why = _TOO_DEEP if isinstance(error, RecursionError) else error
        return Result(value_error=f"The result of the run cannot be used: {why}.")


def _content(report: bytes) -> bytes:
    """The JSON in a report. ValueError if it is not whole."""
    if len(report) > MAX_REPORT:
        raise ValueError(f"it has more than {MAX_REPORT} bytes")
    head, newline, content = report.partition(b"\n")
    length = head[len(_HEAD) :]
    if not (newline and head.startswith(_HEAD) and length.isdigit()):
        raise ValueError("its beginning is missing, or it was not written by launchpad")
    if len(content) != int(length):
        raise ValueError(f"{len(content)} of its {int(length)} bytes are there")
    return content


def _result(content: bytes) -> Result:
    try:
        result = json.loads(
            content.decode(), object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError:  # its message has a position in a text that nobody sees
        raise ValueError("it is not JSON") from None
    if not (isinstance(result, dict) and len(result) == 1):
        raise ValueError("it is not a JSON object with one key")
    if "value" in result:
        _check_depth(result["value"])
        return Result(value=result["value"])
    if isinstance(why := result.get("value_error"), str):
        return Result(value_error=why)
    return Result(error=_error(result.get("error")))


def _error(fields: object) -> RunError:
    names = ("type", "message", "traceback")
    if isinstance(fields, dict) and set(fields) == set(names):
        texts = [fields[name] for name in names]
        if all(isinstance(text, str) for text in texts):
            return RunError(*texts)
    raise ValueError("it has neither a value nor an error")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {shown_plain(twice)} occurs twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("it has a number that no float can hold")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_depth(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [one for container in level for one in _inner(container) if isinstance(one, dict | list)]
        if not level:
            return
    raise ValueError(_TOO_DEEP)


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
