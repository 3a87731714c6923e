"""The runs of a batch, from a file: a YAML list, or JSON lines.

The whole file is read and checked before any run starts. It is read item by item, so that only the runs stay in memory.
"""

from __future__ import annotations

import codecs
import json
import shlex
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from .. import yamlfile
from ..live.text import one_line
from ..models import Run
from ..schema import schema_of
from ..settings import faults_in, structure
from ..yamlfile import Document
from ..yamlnodes import Fault

FAULTS_SHOWN = 20


class Item(NamedTuple):
    """One run of a batch; `number` is its place in the file, from 1."""

    number: int
    run: Run


def read(path: str) -> list[Item]:
    """The runs in the file `path`, or in standard input for "-".

    ValueError, with a line for each fault, if any is invalid; OSError if the file cannot be read.
    """
    if path == "-":
        if sys.stdin is None:
            raise ValueError("<stdin>: it is closed")
        return read_stream(sys.stdin.buffer, "<stdin>")
    with open(path, "rb") as stream:
        return read_stream(stream, path)


def read_stream(stream: Any, name: str) -> list[Item]:
    """The runs in a buffered stream of bytes; `name` stands for the file in errors."""
    start = stream.peek().removeprefix(codecs.BOM_UTF8).lstrip()
    is_json = start.startswith(b"{")
    documents = _json_lines(stream, name) if is_json else yamlfile.list_items(stream, name, "runs", schema_of(Run))
    items: list[Item] = []
    faults: list[str] = []
    lines: dict[str, int] = {}  # by run id: engines cannot tell two runs of one id apart
    for number, document in enumerate(documents, start=1):
        try:
            run = _run(document)
            if lines.setdefault(run.id, document.line()) != document.line():
                raise ValueError(f"the id {run.id!r} is that of the run in line {lines[run.id]} already")
            items.append(Item(number, run))
        except ValueError as error:
            faults += _lines_of(error, document)
    if faults:
        raise ValueError("\n".join(faults[:FAULTS_SHOWN] + _more(len(faults) - FAULTS_SHOWN)))
    if not items:
        raise ValueError(f"{name}: there are no runs in it")
    return items


def _lines_of(error: ValueError, document: Document) -> list[str]:
    """Each fault in `error` with file and line."""
    if document.faults:
        return [one_line(str(document.error(what, *steps))) for what, steps in document.faults]
    lines = zip(str(error).splitlines(), faults_in(error), strict=True)
    return [
        f"{document.file}:{document.line(*steps)}: {one_line(text.removesuffix(' @ $'))}" for text, (_, steps) in lines
    ]


def _more(count: int) -> list[str]:
    return [f"and {count} more faults of this kind"] if count > 0 else []


def _run(document: Document) -> Run:
    if document.faults:
        raise document.first_error()
    data = document.data
    if not isinstance(data, dict):
        raise ValueError(f"a run must be a mapping such as {{command: [echo, hello]}}, not {type(data).__name__}")
    _check_command(data.get("command"))
    return structure(data, Run)


def _check_command(command: object) -> None:
    """ValueError, with the right form, for commands that are easily written wrong in a file."""
    if isinstance(command, str):
        raise ValueError(f"command must be a list of text, not one text: {_as_list(command)}")
    for word in command if isinstance(command, list) else ():
        if isinstance(word, int | float):
            shown = json.dumps(word)
            raise ValueError(f'command holds {shown}, which is not text: put it in quotes, as in "{shown}"')


def _as_list(command: str) -> str:
    try:
        return f"write {json.dumps(shlex.split(command))}"
    except ValueError:
        return 'write ["program", "argument"]'


def _json_lines(stream: BinaryIO, name: str) -> Iterator[Document]:
    for line, text in enumerate(stream, start=1):
        if text.strip():
            data, problem = _json(text)
            faults: list[Fault] = [(f"not a JSON object in one line: {problem}", ())] if problem else []
            yield Document(name, data, {(): line}, faults)


def _json(text: bytes) -> tuple[Any, str]:
    """The data in a line, and what is wrong with the line."""
    try:
        return json.loads(text.decode("utf-8-sig"), object_pairs_hook=_mapping), ""
    except json.JSONDecodeError as error:
        return None, f"{error.msg} (column {error.colno})"
    except (ValueError, RecursionError) as error:
        return None, str(error)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        twice = next(key for key in mapping if [name for name, _ in pairs].count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return mapping
