"""The runs of a batch, from a file: a YAML list, JSON lines, or commands.

The whole file is read and checked before any run starts. It is read item by item, so that only the runs stay in memory.
"""

from __future__ import annotations

import codecs
import json
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from .. import yamlfile
from ..files import open_file
from ..launcher import Launcher
from ..limits import shown
from ..models import Run
from ..retry import Retry
from ..schema import TEXT, Schema, below, schema_of
from ..settings import Faults, faults_in, keys_of, structure, unknown_key
from ..subprocess import SubprocessLauncher
from ..suggestions import closest
from ..text import one_line
from ..yamlfile import Document
from ..yamlnodes import TEMPLATE_HINT, Fault, not_text
from ..yamlsource import MAX_ITEM, lines_of
from . import line_file
from .item_settings import SETTINGS, ItemSettings

FAULTS_SHOWN = 20
RETRY = "retry"
ITEM_KEYS = [SETTINGS, RETRY]
"""The keys of an item that are no fields of its run."""

_RUN_KEYS = keys_of(Run)


class Item(NamedTuple):
    """One run of a batch; `number` is its place in the file, from 1.

    `launcher` is there if the item has `settings` of its own, which are changes to those of the batch's launcher.
    """

    number: int
    run: Run
    launcher: Launcher | None = None
    settings: Mapping[str, Any] | None = None
    retry: Retry | None = None


def read(path: str, *, lines: bool = False, launcher: Launcher | None = None) -> list[Item]:
    """The runs in the file `path`, or in standard input for "-"; with `lines`, each line is a command.

    The settings of items are changes to those of `launcher`; by default, that is a SubprocessLauncher.

    ValueError, with a line for each fault, if any is invalid; OSError if the file cannot be read.
    """
    if path == "-":
        if sys.stdin is None:
            raise ValueError("<stdin>: it is closed")
        return read_stream(sys.stdin.buffer, "<stdin>", lines=lines, launcher=launcher)
    with open_file(path) as stream:
        try:
            return read_stream(stream, path, lines=lines, launcher=launcher)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from error


def read_stream(stream: Any, name: str, *, lines: bool = False, launcher: Launcher | None = None) -> list[Item]:
    """The runs in a buffered stream of bytes; `name` stands for the file in errors."""
    settings = ItemSettings(SubprocessLauncher() if launcher is None else launcher)
    schema = {**schema_of(Run), SETTINGS: settings.schema, RETRY: schema_of(Retry)}
    documents = line_file.documents(lines_of(stream), name) if lines else _documents(stream, name, schema)
    items: list[Item] = []
    faults: list[str] = []
    places: dict[str, int] = {}  # by run id: engines cannot tell two runs of one id apart
    for number, document in enumerate(documents, start=1):
        try:
            given = _given(document)
            changes, retry = given.pop(SETTINGS, None), given.pop(RETRY, None)
            run = _run(given)
            if places.setdefault(run.id, document.line()) != document.line():
                raise ValueError(f"the id {run.id!r} is that of the run in line {places[run.id]} already")
            own = None if changes is None else settings.launcher(changes)
            retry = None if retry is None else structure(retry, Retry, RETRY)
            items.append(Item(number, run, own, changes, retry))
        except ValueError as error:
            faults += _lines_of(error, document)
    if faults:
        raise ValueError("\n".join(faults[:FAULTS_SHOWN] + _more(len(faults) - FAULTS_SHOWN)))
    if not items:
        raise ValueError(f"{name}: there are no runs in it")
    return items


def _documents(stream: Any, name: str, schema: Schema) -> Iterator[Document]:
    start = stream.peek().removeprefix(codecs.BOM_UTF8).lstrip()
    is_json = start.startswith(b"{") and not start.startswith((b"{{", b"{%", b"{#"))  # those are templates
    if is_json:
        return _json_lines(stream, name, schema)
    return yamlfile.list_items(stream, name, "runs", schema, "; if each line is a command, use --lines")


def _lines_of(error: ValueError, document: Document) -> list[str]:
    """Each fault in `error` with file and line."""
    if document.faults:
        return [one_line(str(document.error(what, *steps))) for what, steps in document.faults]
    lines = zip(str(error).splitlines(), faults_in(error), strict=True)
    return [f"{document.file}:{document.line(*steps)}: {one_line(text)}" for text, (_, steps) in lines]


def _more(count: int) -> list[str]:
    return [f"and {count} more faults of this kind"] if count > 0 else []


def _given(document: Document) -> dict[str, Any]:
    """The keys and values of an item."""
    if document.faults:
        raise document.first_error()
    data = document.data
    if not isinstance(data, dict):
        raise ValueError(f"a run must be a mapping such as {{command: [echo, hello]}}, not {type(data).__name__}")
    for key in data:
        if key not in _RUN_KEYS and closest(key, [*_RUN_KEYS, *ITEM_KEYS]) in ITEM_KEYS and key not in ITEM_KEYS:
            raise Faults([(unknown_key(key, ITEM_KEYS, "a run of a batch"), [])])
    return dict(data)


def _run(data: dict[str, Any]) -> Run:
    _check_command(data.get("command"))
    return structure(data, Run)


def _check_command(command: object) -> None:
    """ValueError, with the right form, for commands that are easily written wrong in a file."""
    if isinstance(command, str):
        raise ValueError(f"command must be a list of text, not one text: {_as_list(command)}")
    for position, word in enumerate(command if isinstance(command, list) else ()):
        if isinstance(word, int | float):
            raise ValueError(f"command[{position}]: {not_text(_text(word))}")


def _as_list(command: str) -> str:
    try:
        return f"write {json.dumps(shlex.split(command))}"
    except ValueError:
        return 'write ["program", "argument"]'


class _Number(float):
    """A number that is no whole number, and its text in the file."""

    def __new__(cls, text: str) -> _Number:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


def _text(value: float) -> str:
    """A number or boolean as it is written."""
    return value.text if isinstance(value, _Number) else json.dumps(value)


def _as_written(value: Any, schema: Schema) -> Any:
    """`value` with the numbers and booleans as text where the schema says so, as in YAML."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {key: _as_written(one, below(schema, key)) for key, one in value.items()}
    if isinstance(value, list):
        return [_as_written(one, below(schema, 0)) for one in value]
    return _text(value) if schema is TEXT and isinstance(value, int | float) else value


def _json_lines(stream: BinaryIO, name: str, schema: Schema) -> Iterator[Document]:
    for line, text in enumerate(lines_of(stream), start=1):
        if text.strip():
            data, problem = _json(text)
            data = _as_written(data, schema)
            faults: list[Fault] = [(f"not a JSON object in one line: {problem}", ())] if problem else []
            yield Document(name, data, {(): line}, faults)


def _json(text: bytes) -> tuple[Any, str]:
    """The data in a line, and what is wrong with the line."""
    if len(text) > MAX_ITEM:
        return None, f"the line has more than {MAX_ITEM} bytes"
    try:
        line = text.decode("utf-8-sig").rstrip(
            "\r\n"
        )  # the end of the line would begin another, with columns of its own
        return json.loads(line, object_pairs_hook=_mapping, parse_float=_Number, parse_constant=_Number), ""
    except json.JSONDecodeError as error:
        hint = TEMPLATE_HINT if error.doc[: error.pos + 1].endswith(("{{", "{%")) else ""
        return None, f"{error.msg} (column {error.colno}){hint}"
    except UnicodeDecodeError as error:
        return None, f"it is not UTF-8 text (column {len(text[: error.start].decode()) + 1})"
    except (ValueError, RecursionError) as error:
        return None, str(error)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(key for key in mapping if counts[key] > 1)
        raise ValueError(f"the key {shown(twice)} is there twice")
    return mapping
