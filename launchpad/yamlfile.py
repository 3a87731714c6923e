"""YAML files that people write: plain data out of one, and errors that say in one line where, and show no value.

What YAML has and JSON lacks (dates, sets, keys that are no text) is refused: it is a text that lacks its quotes.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections import Counter
from contextlib import suppress
from typing import Any

import attrs
import yaml

Step = str | int
"""A key of a mapping, or a position in a list."""

_TAG = "tag:yaml.org,2002:"
_PLAIN = {f"{_TAG}{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")}
_TEXT = f"{_TAG}str"
_MERGE = f"{_TAG}merge"
_UNDER_WAY = object()


@attrs.frozen
class Document:
    """What a YAML file holds, and the lines that its parts stand on."""

    file: str
    data: Any
    _lines: dict[tuple[Step, ...], int]

    def get(self, *steps: Step) -> Any:
        value = self.data
        for step in steps:
            value = value[step]
        return value

    def line(self, *steps: Step) -> int:
        """The line that the steps lead to; where they lead nowhere, that of the last thing that is there."""
        while steps not in self._lines:
            steps = steps[:-1]
        return self._lines[steps]

    def error(self, message: str, *steps: Step) -> ValueError:
        """The error to raise for what the steps lead to: one line with file, line and place."""
        place = self._place(steps)
        return ValueError(f"{self.file}:{self.line(*steps)}: " + (f"{place}: " if place else "") + message)

    def _place(self, steps: tuple[Step, ...]) -> str:
        """The steps as they are written in Python; an item of a list by its name, if it has one."""
        text, value = "", self.data
        for step in steps:
            try:
                value = value[step]
            except (LookupError, TypeError):
                value = None
            name = value.get("name") if isinstance(step, int) and isinstance(value, dict) else None
            text += f".{step}" if isinstance(step, str) else f"[{name if isinstance(name, str) else step!r}]"
        return text.removeprefix(".")


def load(path: str | os.PathLike[str]) -> Document:
    """Reads a YAML file. ValueError, one line with file and line, where there is none or it is no plain data."""
    file = os.fspath(path)
    text = _text(file)
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        reader = _Reader(loader)
        document = Document(file, None if root is None else reader.read(root, ()), reader.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _bad_yaml(file, mark.line + 1 if mark else 1, error.problem or "") from None
    except yaml.reader.ReaderError as error:
        raise _bad_yaml(file, text.count("\n", 0, error.position) + 1, error.reason) from None
    except RecursionError:
        raise _bad_yaml(file, 1, "it is nested too deeply") from None
    for message, steps in reader.faults[:1]:
        raise document.error(message, *steps)
    return document


def save(path: str | os.PathLike[str], data: object) -> None:
    """Writes plain `data` to a YAML file: all of it, or, after an OSError, nothing. Its mode and its links are kept."""
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    target = os.path.realpath(path)
    beside = os.path.join(os.path.dirname(target), f".{uuid.uuid4().hex}.tmp")
    try:
        with open(beside, "x", encoding="utf-8", newline="\n") as stream:
            with suppress(FileNotFoundError):
                shutil.copymode(target, beside)  # before there is anything to read in it
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        with suppress(OSError):
            os.unlink(beside)


def _text(file: str) -> str:
    try:
        with open(file, "rb") as stream:
            content = stream.read()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{file}: it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{file}:{line}: it is not UTF-8 text") from None


class _Dumper(yaml.SafeDumper):
    """Writes every text so that it is read again as it was."""

    def represent_str(self, text: str) -> yaml.ScalarNode:
        unusual_line_end = re.search("[\x85\u2028\u2029]", text)  # in plain text, YAML makes a space of it
        return self.represent_scalar(_TEXT, text, style='"' if unusual_line_end else None)


_Dumper.add_representer(str, _Dumper.represent_str)


def without_text(problem: str) -> str:
    """What YAML says is wrong, without what it took for an alias or a tag: it may be a password without its quotes."""
    if problem == "second occurrence":
        return "an anchor (&) is there twice"
    problem = re.sub(r"\b(alias|tag|handle) .*", r"\1: put text that begins with * or ! in quotes", problem)
    return " ".join(problem.split())


def _bad_yaml(file: str, line: int, problem: str) -> ValueError:
    return ValueError(f"{file}:{line}: it is not valid YAML: {without_text(problem)}")


_KINDS = {
    "bool": "a yes or no",
    "float": "a number",
    "int": "a whole number",
    "map": "a mapping",
    "null": "nothing",
    "seq": "a list",
    "timestamp": "a date",
}


class _Reader:
    """Turns YAML's nodes into plain data, and notes lines and faults as it goes."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self.lines: dict[tuple[Step, ...], int] = {(): 1}
        self.faults: list[tuple[str, tuple[Step, ...]]] = []
        self._loader = loader
        self._read: dict[int, Any] = {}  # by node: one that has an anchor comes again

    def read(self, node: yaml.Node, steps: tuple[Step, ...]) -> Any:
        self.lines.setdefault(steps, node.start_mark.line + 1)
        if id(node) not in self._read:
            self._read[id(node)] = _UNDER_WAY
            self._read[id(node)] = self._plain(node, steps)
        if self._read[id(node)] is _UNDER_WAY:
            return self._fault("it contains itself", steps)
        return self._read[id(node)]

    def _plain(self, node: yaml.Node, steps: tuple[Step, ...]) -> Any:
        if node.tag not in _PLAIN:
            return self._fault(f"{_kind(node)} is neither text nor a number: put it in quotes", steps)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, steps)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*steps, position)) for position, item in enumerate(node.value)]
        try:
            return self._loader.construct_object(node)
        except (ValueError, LookupError):
            return self._fault(f"it cannot be read as {_kind(node)}: put it in quotes", steps)

    def _mapping(self, node: yaml.MappingNode, steps: tuple[Step, ...]) -> dict[str, Any]:
        own = Counter(key.value for key, _ in node.value if key.tag == _TEXT)
        self._loader.flatten_mapping(node)
        mapping: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if key.tag == _TEXT else "?"
            here = (*steps, name)
            self.lines[here] = key.start_mark.line + 1
            if key.tag != _TEXT:
                self._fault(f"a key must be text, not {_kind(key)}: put it in quotes", here)
            elif own[key.value] > 1 and key.value in mapping:
                self._fault("the key is there twice", here)
            mapping[name] = self.read(value, here)
        return mapping

    def _fault(self, message: str, steps: tuple[Step, ...]) -> None:
        self.faults.append((message, steps))


def _kind(node: yaml.Node) -> str:
    """What YAML takes a node for."""
    if not node.tag.startswith(_TAG):
        return "something with a tag (!)"  # which may be a password
    kind = node.tag.removeprefix(_TAG)
    return _KINDS.get(kind, f"YAML's {kind}")
