"""The one reader of YAML files: plain data with the lines of its parts, and errors of one line that show no value.

A schema says which scalars are text. What JSON does not have (dates, sets, keys that are not text) is an error in the
rest: it is mostly text that lacks its quotes.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import attrs
import yaml
from yaml.composer import Composer

from .files import read_file
from .limits import MAX_DEPTH, shown, shown_plain
from .schema import Schema
from .yamlnodes import (
    LEFT_BY_A_TEMPLATE,
    TEMPLATE,
    TEMPLATE_HINT,
    TOO_DEEP,
    Fault,
    NodeReader,
    Step,
    TooLarge,
    expanded_size,
    is_nothing,
)
from .yamlsource import Source, TooLong, lines_of_templates

_TEXT = "tag:yaml.org,2002:str"
_NOTHING = ("", "~", "null", "Null", "NULL")


@attrs.frozen
class Document:
    """Plain data out of a file, and the lines of its parts. `faults` lists what is not plain data.

    `start` is the line at which the document starts in its file.
    """

    file: str
    data: Any
    _lines: dict[tuple[Step, ...], int]
    faults: list[Fault] = attrs.field(factory=list)
    start: int = 1

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
        where = f"{self.file}:{self.line(*steps)}: " if self.file else ""
        return ValueError(where + (f"{place}: " if place else "") + message)

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
            if isinstance(step, str):
                text += f".{shown_plain(step)}"
            else:
                text += f"[{shown(name) if isinstance(name, str) else step}]"
        return text.removeprefix(".")


class _BoundedComposer(Composer):
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooLarge(self.peek_event(), TOO_DEEP)  # type: ignore[attr-defined]
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Loader(_BoundedComposer, yaml.SafeLoader):
    """Slower than libyaml, but reads back every text that `save` writes."""

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.flow_level and self.peek() == "\t":  # PyYAML allows no tabs in JSON
            self.forward()
            super().scan_to_next_token()


_FastLoader: Any = getattr(yaml, "CSafeLoader", _Loader)


class NotYaml(ValueError):
    """A text is not one document of YAML."""


def load(path: str | os.PathLike[str], schema: Schema = None) -> Document:
    """Reads a YAML or JSON file with one document; the data of an empty one is None.

    ValueError, one line with file and line, if it cannot be read or is not plain data.
    """
    documents = load_all(path, schema)
    if len(documents) > 1:
        raise ValueError(f"{path}:{documents[1].start}: it is a second document in the file: put everything in one")
    document = documents[0] if documents else Document(os.fspath(path), None, {(): 1})
    if document.faults:
        raise document.first_error()
    return document


def load_all(path: str | os.PathLike[str], schema: Schema = None) -> list[Document]:
    """Reads the documents of a YAML or JSON file without the empty ones. What is not plain data is in their faults.

    ValueError, one line with file and line, if the file cannot be read.
    """
    file = os.fspath(path)
    text = _text(file)
    try:
        return list(_documents(text, file, schema))
    except (yaml.YAMLError, RecursionError) as error:
        raise _broken(file, *_problem(error, 1, text, lines_of_templates(text, 1))).first_error() from None


def parse(text: str, schema: Schema, default: Schema) -> Any:
    """The data in a text of one document; `default` is the kind of the scalars that the schema does not name.

    NotYaml, or a ValueError for what is not plain data, without any value of it.
    """
    try:
        (document,) = _documents(text, "", schema, default)
    except TooLarge as error:
        raise ValueError(error.problem) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise NotYaml("it is not valid YAML") from None
    if document.faults:
        message, steps = document.faults[0]
        raise document.error(message, *steps)
    return document.data


def _documents(text: str, file: str, schema: Schema, default: Schema = None) -> Iterator[Document]:
    loader = _Loader(text)
    while loader.check_node():
        start = loader.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
        root: Any = loader.get_node()
        if not is_nothing(root):
            expanded_size(root)
            reader = NodeReader(loader, getattr(root, "flow_style", None) is True, default)
            yield _document(reader, root, file, schema, start)


def list_items(stream: BinaryIO, file: str, what: str, schema: Schema = None, hint: str = "") -> Iterator[Document]:
    """Reads the items of a YAML list, each as a document, and holds only one of them.

    `what` names the items in faults, and `hint` is what to do about a file that has no list.

    A fault that ends the reading is that of the last document.
    """
    line = 1
    source = Source(stream)
    try:
        loader = _ItemLoader(source)
        for root in loader.items(what, hint):
            line = root.start_mark.line + 1
            source.check_item(root)
            yield _document(NodeReader(loader, loader.is_json, None), root, file, schema)
            loader.constructed_objects.clear()
    except (yaml.YAMLError, RecursionError) as error:
        yield _broken(file, *_problem(error, line, templates=source.templates))


def _broken(file: str, line: int, problem: str) -> Document:
    return Document(file, None, {(): line}, [(problem, ())])


def _document(reader: NodeReader, root: yaml.Node, file: str, schema: Schema, start: int = 1) -> Document:
    data = reader.read(root, (), schema)
    return Document(file, data, reader.lines, reader.faults, start)


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def save(path: str | os.PathLike[str], data: object) -> None:
    """Writes plain `data` to a YAML file atomically, through links. OSError if it cannot be written.

    The file may hold passwords: only its owner can read it, also if there was a file that others could read.
    """
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    target = os.path.realpath(path)
    beside = os.path.join(os.path.dirname(target), f".{uuid.uuid4().hex}.tmp")
    try:
        with open(os.open(beside, _NEW, 0o600), "w", encoding="utf-8", newline="\n") as stream:
            with suppress(FileNotFoundError):
                os.chmod(beside, os.stat(target).st_mode & 0o600)
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
        return read_file(file).decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{file}: it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{file}:{line}: it is not UTF-8 text") from None


class _Dumper(yaml.SafeDumper):
    """Writes text so that it is read back unchanged."""

    def represent_str(self, text: str) -> yaml.ScalarNode:
        needs_quotes = re.search("[\x85\u2028\u2029]", text) or LEFT_BY_A_TEMPLATE in text  # those are line ends
        return self.represent_scalar(_TEXT, text, style='"' if needs_quotes else None)


_Dumper.add_representer(str, _Dumper.represent_str)


def _problem(error: Exception, line: int, text: str = "", templates: Collection[int] = ()) -> tuple[int, str]:
    """The line and the description of an error of YAML's; `line` is what to give where the error has none.

    `templates` are the lines that have the marks of a template.
    """
    problem, column, first = str(error), "", line
    if isinstance(error, RecursionError):
        problem = "it is nested too deeply"
    elif isinstance(error, yaml.MarkedYAMLError):
        problem = error.problem or ""
        if mark := error.problem_mark or error.context_mark:
            line, column = mark.line + 1, f" (column {mark.column + 1})"
            first = error.context_mark.line + 1 if error.context_mark else line
    elif isinstance(error, yaml.reader.ReaderError):
        line, problem = line + text.count("\n", 0, error.position), error.reason
    left = [one for one in templates if first <= one <= line]
    if isinstance(error, TooLarge | TooLong):
        return line, problem
    if isinstance(error, _NotOneList):
        return line, TEMPLATE if left else problem
    hint = TEMPLATE_HINT if left else ""
    return left[-1] if left else line, f"it is not valid YAML: {_without_values(problem)}{column}{hint}"


def _without_values(problem: str) -> str:
    """YAML's description of a problem without the name of an alias or a tag, which may be an unquoted password."""
    if problem == "second occurrence" or "duplicate anchor" in problem:
        return "an anchor (&) is there twice"
    if "cannot start any token" in problem:
        return "a tab for indentation, or text without quotes that begins with %, @ or `"
    problem = re.sub(r"\b(alias|tag|handle) .*", r"\1: put text that begins with * or ! in quotes", problem)
    return " ".join(problem.split())


class _NotOneList(yaml.MarkedYAMLError):
    """A file does not hold exactly one list."""


class _ItemLoader(_FastLoader, _BoundedComposer):  # type: ignore[misc]
    """The fast parser with the composer of the slow one, which composes the items of a list one by one."""

    def __init__(self, stream: Source) -> None:
        _FastLoader.__init__(self, stream)
        Composer.__init__(self)
        self.is_json = False

    def items(self, what: str, hint: str) -> Iterator[Any]:
        self.get_event()  # the start of the stream
        lists = 0
        while not self.check_event(yaml.StreamEndEvent):
            start = self.get_event().start_mark
            event = self.get_event()
            if isinstance(event, yaml.SequenceStartEvent):
                if lists:
                    raise _NotOneList(None, None, "it must hold one list, not several documents", start)
                lists += 1
                self.is_json = bool(event.flow_style)
                while not self.check_event(yaml.SequenceEndEvent):
                    yield self.compose_node(None, 0)
                self.get_event()  # the end of the list
            elif getattr(event, "style", None) or getattr(event, "value", None) not in _NOTHING:
                raise _NotOneList(
                    None, None, f"it must hold a list of {what}, each after a dash{hint}", event.start_mark
                )
            self.get_event()  # the end of the document
