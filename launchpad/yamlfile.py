"""The one reader of YAML files: plain data with the lines of its parts, and errors of one line that show no value.

What JSON does not have (dates, sets, keys that are not text) is an error: it is mostly text that lacks its quotes.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import attrs
import yaml
from yaml.composer import Composer

Step = str | int
"""A key of a mapping, or a position in a list."""

Fault = tuple[str, tuple[Step, ...]]
"""A message, and the steps to the part of the data that it is about."""

_TAG = "tag:yaml.org,2002:"
_PLAIN = {f"{_TAG}{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")}
_TEXT = f"{_TAG}str"
_IN_PROGRESS = object()

_FastLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@attrs.frozen
class Document:
    """Plain data out of a file, and the lines of its parts. `faults` lists what is not plain data."""

    file: str
    data: Any
    _lines: dict[tuple[Step, ...], int]
    faults: list[Fault] = attrs.field(factory=list)

    def get(self, *steps: Step) -> Any:
        value = self.data
        for step in steps:
            value = value[step]
        return value

    def line(self, *steps: Step) -> int:
        """The line of the part that the steps lead to, or of the last existing part on the way to it."""
        while steps not in self._lines:
            steps = steps[:-1]
        return self._lines[steps]

    def error(self, message: str, *steps: Step) -> ValueError:
        """A ValueError about the part that the steps lead to: one line with file, line and place."""
        place = self._place(steps)
        return ValueError(f"{self.file}:{self.line(*steps)}: " + (f"{place}: " if place else "") + message)

    def first_error(self) -> ValueError:
        """The error about the first of the faults."""
        message, steps = self.faults[0]
        return self.error(message, *steps)

    def _place(self, steps: tuple[Step, ...]) -> str:
        """The steps in Python's notation; an item of a list by its name, if it has one."""
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
    """Reads a YAML or JSON file. ValueError, one line with file and line, if it cannot be read or is not plain data."""
    file = os.fspath(path)
    text = _text(file)
    try:
        loader = yaml.SafeLoader(text)  # slower than libyaml, but reads back every text that `save` writes
        root = loader.get_single_node()
        document = Document(file, None, {(): 1}) if root is None else _document(loader, root, file)
    except (yaml.YAMLError, RecursionError) as error:
        raise _broken(file, *_problem(error, 1, text)).first_error() from None
    if document.faults:
        raise document.first_error()
    return document


def list_items(stream: BinaryIO, file: str, what: str) -> Iterator[Document]:
    """Reads the items of a YAML list, each as a document, and holds only one of them. `what` names them in faults.

    A fault that ends the reading is that of the last document.
    """
    line = 1
    try:
        loader = _ItemLoader(stream)
        for root in loader.items(what):
            line = root.start_mark.line + 1
            yield _document(loader, root, file)
    except (yaml.YAMLError, RecursionError) as error:
        yield _broken(file, *_problem(error, line))


def _broken(file: str, line: int, problem: str) -> Document:
    return Document(file, None, {(): line}, [(problem, ())])


def _document(loader: Any, root: yaml.Node, file: str) -> Document:
    reader = _Reader(loader)
    data = reader.read(root, ())
    loader.constructed_objects.clear()
    return Document(file, data, reader.lines, reader.faults)


def save(path: str | os.PathLike[str], data: object) -> None:
    """Writes plain `data` to a YAML file atomically, keeping its mode and links. OSError if it cannot be written."""
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    target = os.path.realpath(path)
    beside = os.path.join(os.path.dirname(target), f".{uuid.uuid4().hex}.tmp")
    try:
        with open(beside, "x", encoding="utf-8", newline="\n") as stream:
            with suppress(FileNotFoundError):
                shutil.copymode(target, beside)  # before it holds any secret
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
    """Writes text so that it is read back unchanged."""

    def represent_str(self, text: str) -> yaml.ScalarNode:
        unusual_line_end = re.search("[\x85\u2028\u2029]", text)  # YAML reads it as a space in plain text
        return self.represent_scalar(_TEXT, text, style='"' if unusual_line_end else None)


_Dumper.add_representer(str, _Dumper.represent_str)


def _problem(error: Exception, line: int, text: str = "") -> tuple[int, str]:
    """The line and the description of an error of YAML's; `line` is what to give where the error has none."""
    problem = str(error)
    if isinstance(error, RecursionError):
        problem = "it is nested too deeply"
    elif isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line, problem = mark.line + 1 if mark else line, error.problem or ""
    elif isinstance(error, yaml.reader.ReaderError):
        line, problem = line + text.count("\n", 0, error.position), error.reason
    return line, problem if isinstance(error, _NotOneList) else f"it is not valid YAML: {_without_values(problem)}"


def _without_values(problem: str) -> str:
    """YAML's description of a problem without the name of an alias or a tag, which may be an unquoted password."""
    if problem == "second occurrence" or "duplicate anchor" in problem:
        return "an anchor (&) is there twice"
    problem = re.sub(r"\b(alias|tag|handle) .*", r"\1: put text that begins with * or ! in quotes", problem)
    return " ".join(problem.split())


class _NotOneList(yaml.MarkedYAMLError):
    """A file does not hold exactly one list."""


class _ItemLoader(_FastLoader, Composer):  # type: ignore[misc]
    """The fast parser with the composer of the slow one, which composes the items of a list one by one."""

    def __init__(self, stream: BinaryIO) -> None:
        _FastLoader.__init__(self, stream)
        Composer.__init__(self)

    def items(self, what: str) -> Iterator[Any]:
        for opening in (yaml.StreamStartEvent, yaml.DocumentStartEvent):
            if not self.check_event(opening):
                return
            self.get_event()
        event = self.get_event()
        if not isinstance(event, yaml.SequenceStartEvent):
            if getattr(event, "value", None) != "":  # that of an empty document
                raise _NotOneList(None, None, f"it must hold a list of {what}, each after a dash", event.start_mark)
            return
        while not self.check_event(yaml.SequenceEndEvent):
            yield self.compose_node(None, 0)
        self.get_event()  # the end of the list
        self.get_event()  # the end of the document
        if not self.check_event(yaml.StreamEndEvent):
            mark = self.peek_event().start_mark
            raise _NotOneList(None, None, "it must hold one list, not several documents", mark)


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
    """Turns YAML nodes into plain data and records their lines and faults."""

    def __init__(self, loader: Any) -> None:
        self.lines: dict[tuple[Step, ...], int] = {}
        self.faults: list[Fault] = []
        self._loader = loader
        self._read: dict[int, Any] = {}  # by node: an anchored node occurs several times

    def read(self, node: yaml.Node, steps: tuple[Step, ...]) -> Any:
        self.lines.setdefault(steps, node.start_mark.line + 1)
        if id(node) not in self._read:
            self._read[id(node)] = _IN_PROGRESS
            self._read[id(node)] = self._plain(node, steps)
        if self._read[id(node)] is _IN_PROGRESS:
            return self._fault("it contains itself", steps)
        return self._read[id(node)]

    def _plain(self, node: yaml.Node, steps: tuple[Step, ...]) -> Any:
        if node.tag not in _PLAIN:
            return self._fault(f"{_kind(node)} is neither text nor a number: put it in quotes", steps)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, steps)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*steps, position)) for position, item in enumerate(node.value)]
        if node.tag == _TEXT:
            return node.value
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
    """What YAML reads a node as."""
    if not node.tag.startswith(_TAG):
        return "something with a tag (!)"  # the tag may be a password
    kind = node.tag.removeprefix(_TAG)
    return _KINDS.get(kind, f"YAML's {kind}")
