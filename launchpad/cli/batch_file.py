"""The runs of a batch, from a file: a YAML list, or JSON lines. All of it is read and checked before any run starts.

Both are read item by item, so that only the runs themselves stay in memory.
"""

from __future__ import annotations

import codecs
import json
import shlex
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import yaml
from yaml.composer import Composer

from ..live.text import one_line
from ..models import Run
from ..settings import structure
from ..yamlfile import without_text

FAULTS_SHOWN = 20

_FastLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Item(NamedTuple):
    """One run of a batch; `number` is its place in the file, from 1."""

    number: int
    run: Run


class _Entry(NamedTuple):
    """What stands at a line of the file: data, or what is wrong with it."""

    line: int
    data: object = None
    fault: str = ""


def read(path: str) -> list[Item]:
    """The runs in the file `path`, or in standard input for "-".

    ValueError, with a line for each fault, if not all of them are good; OSError where the file cannot be read.
    """
    if path == "-":
        if sys.stdin is None:
            raise ValueError("<stdin>: it is closed")
        return read_stream(sys.stdin.buffer, "<stdin>")
    with open(path, "rb") as stream:
        return read_stream(stream, path)


def read_stream(stream: Any, name: str) -> list[Item]:
    """The runs in a buffered stream of bytes; `name` is what faults call it."""
    start = stream.peek().removeprefix(codecs.BOM_UTF8).lstrip()
    entries = _json_lines(stream) if start.startswith(b"{") else _yaml_items(stream)
    items: list[Item] = []
    faults: list[str] = []
    lines: dict[str, int] = {}  # of run ids: engines take two runs of one id for one
    for number, (line, data, fault) in enumerate(entries, start=1):
        try:
            if fault:
                raise ValueError(fault)
            items.append(Item(number, run := _run(data)))
            if lines.setdefault(run.id, line) != line:
                raise ValueError(f"the id {run.id!r} is that of the run in line {lines[run.id]} already")
        except ValueError as error:
            faults += [f"{name}:{line}: {one_line(text.removesuffix(' @ $'))}" for text in str(error).splitlines()]
    if faults:
        raise ValueError("\n".join(faults[:FAULTS_SHOWN] + _more(len(faults) - FAULTS_SHOWN)))
    if not items:
        raise ValueError(f"{name}: there are no runs in it")
    return items


def _more(count: int) -> list[str]:
    return [f"and {count} more faults of this kind"] if count > 0 else []


def _run(data: object) -> Run:
    if not isinstance(data, dict):
        raise ValueError(f"a run must be a mapping such as {{command: [echo, hello]}}, not {type(data).__name__}")
    _check_command(data.get("command"))
    return structure(data, Run)


def _check_command(command: object) -> None:
    """ValueError that says how to write it, for what is easily written wrong in a file."""
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


def _json_lines(stream: BinaryIO) -> Iterator[_Entry]:
    for line, data in enumerate(stream, start=1):
        if not data.strip():
            continue
        try:
            yield _Entry(line, json.loads(data.decode("utf-8-sig"), object_pairs_hook=_mapping))
        except json.JSONDecodeError as error:
            yield _Entry(line, fault=f"not a JSON object in one line: {error.msg} (column {error.colno})")
        except (ValueError, RecursionError) as error:
            yield _Entry(line, fault=f"not a JSON object in one line: {error}")


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        twice = next(key for key in mapping if [name for name, _ in pairs].count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return mapping


class _ItemLoader(_FastLoader, Composer):  # type: ignore[misc]
    """Constructs the items of a list one by one; the fast parser lacks the composer that this takes."""

    def __init__(self, stream: BinaryIO) -> None:
        _FastLoader.__init__(self, stream)
        Composer.__init__(self)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is there twice", key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
        return super().construct_mapping(node, deep)

    def items(self) -> Iterator[_Entry]:
        for opening in (yaml.StreamStartEvent, yaml.DocumentStartEvent):
            if not self.check_event(opening):
                return
            self.get_event()
        event = self.get_event()
        if not isinstance(event, yaml.SequenceStartEvent):
            if getattr(event, "value", None) != "":  # that of an empty document
                yield _Entry(event.start_mark.line + 1, fault="it must hold a list of runs, each after a dash")
            return
        while not self.check_event(yaml.SequenceEndEvent):
            node: Any = self.compose_node(None, 0)
            yield _Entry(node.start_mark.line + 1, self.construct_document(node))
        self.get_event()  # the end of the list
        self.get_event()  # and of the document
        if not self.check_event(yaml.StreamEndEvent):
            yield _Entry(self.peek_event().start_mark.line + 1, fault="it must hold one list, not several documents")


def _yaml_items(stream: BinaryIO) -> Iterator[_Entry]:
    line = 1
    try:
        for entry in _ItemLoader(stream).items():
            line = entry.line
            yield entry
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        yield _bad_yaml(mark.line + 1 if mark else line, error.problem or "")
    except (yaml.YAMLError, ValueError) as error:  # no text at all, or a date that is none
        yield _bad_yaml(line, str(error))
    except RecursionError:
        yield _bad_yaml(line, "it is nested too deeply")


def _bad_yaml(line: int, problem: str) -> _Entry:
    return _Entry(line, fault=f"it is not valid YAML: {without_text(problem)}")
