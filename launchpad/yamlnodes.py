"""Turns the nodes of a YAML parser into plain data, with the lines of its parts and the faults in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml

from .limits import MAX_DEPTH, VALUE_SIZE
from .schema import JSON, QUOTED, TEXT, YAML, Scalar, Schema, below, has_text_keys, json_or_text

Step = str | int
"""A key of a mapping, or a position in a list."""

Fault = tuple[str, tuple[Step, ...]]
"""A message, and the steps to the part of the data that it is about."""

TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep"

MAX_EXPANDED = 8 * 1024 * 1024
"""The size that a document may have with all aliases written out."""

TEMPLATE = "a template is left in it, such as {{ name }}: render the file first, or put the text in quotes"
TEMPLATE_HINT = "; if the file is a template, render it first"
_TEMPLATE_KEY = "{{ }}"

_TAG = "tag:yaml.org,2002:"
_TEXT = f"{_TAG}str"
_NULL = f"{_TAG}null"
_IMPLICIT = {f"{_TAG}{kind}" for kind in ("bool", "float", "int", "merge", "null", "str", "timestamp", "value")}
_AMBIGUOUS = re.compile(r"[-+]?(0[0-9_]+$|.*:)")  # octal or decimal, base 60 or text
_EXPONENT = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?[eE][-+]?\d+\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
LEFT_BY_A_TEMPLATE = "<no value>"

_KINDS = {
    "bool": "a yes or no",
    "float": "a number",
    "int": "a whole number",
    "map": "a mapping",
    "null": "nothing",
    "seq": "a list",
    "timestamp": "a date",
}


def not_text(written: str) -> str:
    """The message that a word of a command is not text; `written` is how it stands in the file."""
    return f'{written or "nothing"} is not text: put it in quotes, as in "{written}"'


def is_nothing(node: yaml.Node) -> bool:
    """Whether a document is empty."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


class TooLarge(yaml.MarkedYAMLError):
    """A document is larger or deeper than it may be."""

    def __init__(self, place: Any, problem: str) -> None:
        """`place` is a node or an event."""
        super().__init__(problem=problem, problem_mark=place.start_mark)


def expanded_size(root: yaml.Node) -> int:
    """The size of a node with all aliases written out: characters, and `VALUE_SIZE` for each value. TooLarge.

    An alias stands for the same node, so that a node is measured once. It keeps what was measured.
    """
    size, depth = _measured(root)
    if depth > MAX_DEPTH:
        raise TooLarge(root, TOO_DEEP)
    if size > MAX_EXPANDED:
        raise TooLarge(root, "it is too large with all aliases (*) written out")
    return size


def _measured(node: Any) -> tuple[int, int]:
    """The size and the depth of a node."""
    measured: tuple[int, int] | None = getattr(node, "measured", None)
    if measured is not None:
        return measured
    node.measured = (0, 0)  # for a node in itself, which is a fault of its own
    size, deepest = VALUE_SIZE, 0
    if isinstance(node, yaml.ScalarNode):
        size += len(node.value)
    else:
        for item in node.value:
            for one in item if isinstance(item, tuple) else (item,):
                inner, depth = _measured(one)
                size += inner
                deepest = max(deepest, depth)
        deepest += 1
    node.measured = (size, deepest)
    return size, deepest


class NodeReader:
    """Reads one document. `default` is the kind of scalars that the schema does not name.

    With `is_json`, numbers with an exponent are numbers, which YAML 1.1 reads as text.
    """

    def __init__(self, loader: Any, is_json: bool, default: Schema) -> None:
        self.lines: dict[tuple[Step, ...], int] = {}
        self.faults: list[Fault] = []
        self._loader = loader
        self._is_json = is_json
        self._default = default
        self._read: dict[tuple[int, int], tuple[Schema, Any]] = {}  # an anchored node occurs several times
        self._open: set[int] = set()

    def read(self, node: yaml.Node, steps: tuple[Step, ...], schema: Schema) -> Any:
        """The data of a node, which is shared where the node occurs several times with one schema."""
        self.lines.setdefault(steps, node.start_mark.line + 1)
        if id(node) in self._open:
            return self._fault("it contains itself", steps)
        known = id(node), id(schema)
        if known not in self._read:
            self._open.add(id(node))
            self._read[known] = schema, self._plain(node, steps, schema)  # keeps the schema, and so its id
            self._open.discard(id(node))
        return self._read[known][1]

    def _plain(self, node: yaml.Node, steps: tuple[Step, ...], schema: Schema) -> Any:
        if isinstance(node, yaml.ScalarNode) and node.tag in _IMPLICIT:
            return self._scalar(node, steps, schema)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, steps, schema)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            inner = below(schema, 0)
            return [self.read(item, (*steps, position), inner) for position, item in enumerate(node.value)]
        return self._not_plain(node, steps)

    def _scalar(self, node: yaml.ScalarNode, steps: tuple[Step, ...], schema: Schema) -> Any:
        schema = schema if isinstance(schema, Scalar) else self._default
        written: str = node.value
        if not node.style and LEFT_BY_A_TEMPLATE in written:
            message = f"a template left {LEFT_BY_A_TEMPLATE} in it: write the value, or put the text in quotes"
            return self._fault(message, steps)
        if node.tag == _TEXT:
            return self._text(node, schema)
        if schema is QUOTED and (node.tag != _NULL or isinstance(steps[-1], int)):
            return self._fault(not_text(written), steps)
        if node.tag == _NULL:
            return None
        if schema is TEXT:
            return written
        if schema is JSON:
            return json_or_text(written)
        return self._value(node, steps, schema)

    def _text(self, node: yaml.ScalarNode, schema: Schema) -> Any:
        text: str = node.value
        if not node.style and schema is JSON:
            return json_or_text(text)
        if not node.style and self._is_json and schema in (None, YAML) and _EXPONENT.match(text):
            return float(text)
        if _SURROGATE.search(text):  # JSON writes a character as two escapes
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return text

    def _value(self, node: yaml.ScalarNode, steps: tuple[Step, ...], schema: Schema) -> Any:
        """A number or a boolean."""
        if node.tag not in (f"{_TAG}bool", f"{_TAG}float", f"{_TAG}int"):
            return self._not_plain(node, steps)
        if _AMBIGUOUS.match(node.value) and (":" in node.value or schema is not YAML):
            reason = "different readers of YAML read different numbers in it"
            return self._fault(f"{reason}: put text in quotes, and write a number without leading zeros", steps)
        try:
            return self._loader.construct_object(node)
        except (ValueError, LookupError):
            return self._fault(f"it cannot be read as {_kind(node)}: put it in quotes", steps)

    def _mapping(self, node: yaml.MappingNode, steps: tuple[Step, ...], schema: Schema) -> dict[str, Any]:
        own = self._flattened(node)
        if callable(schema):
            schema = schema({key.value: value.value for key, value in node.value if _are_scalars(key, value)})
        mapping: dict[str, Any] = {}
        for key, value in node.value:
            is_text = isinstance(key, yaml.ScalarNode) and (key.tag == _TEXT or self._is_text_key(key.value, schema))
            is_template = isinstance(key, yaml.MappingNode) and key.flow_style
            name = key.value if is_text else _TEMPLATE_KEY if is_template else "?"
            if lacks_space := bool(node.flow_style) and _lacks_space(key, value):
                name = name.partition(":")[0]  # the rest may be a secret
            here = (*steps, name)
            self.lines[here] = key.start_mark.line + 1
            if is_template:
                self._fault(TEMPLATE, here)
            elif lacks_space:
                self._fault(f"write a space after the colon, as in {{{name}: value}}", here)
            elif not is_text:
                self._fault(f"a key must be text, not {_kind(key)}: put it in quotes", here)
            elif own[name] > 1 and name in mapping:
                self._fault("the key is there twice", here)
            mapping[name] = self.read(value, here, below(schema, name))
        return mapping

    def _is_text_key(self, key: str, schema: Schema) -> bool:
        """Whether a key that YAML reads as a number or a boolean, such as `on`, is text."""
        return has_text_keys(schema or self._default) or (isinstance(schema, Mapping) and key in schema)

    def _flattened(self, node: Any) -> Counter[str]:
        """Merges the mappings of `<<` into the node, once. Returns how often each key of its own is there."""
        own: Counter[str] | None = getattr(node, "own_keys", None)
        if own is None:
            own = node.own_keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
            self._loader.flatten_mapping(node)
        return own

    def _not_plain(self, node: yaml.Node, steps: tuple[Step, ...]) -> None:
        self._fault(f"{_kind(node)} is neither text nor a number: put it in quotes", steps)

    def _fault(self, message: str, steps: tuple[Step, ...]) -> None:
        self.faults.append((message, steps))


def _lacks_space(key: yaml.Node, value: yaml.Node) -> bool:
    """Whether they come from `{A:1}`, in which YAML sees the key `A:1` and no value."""
    absent = value.tag == _NULL and value.start_mark.index == value.end_mark.index
    return absent and isinstance(key, yaml.ScalarNode) and not key.style and ":" in key.value


def _are_scalars(*nodes: yaml.Node) -> bool:
    return all(isinstance(node, yaml.ScalarNode) for node in nodes)


def _kind(node: yaml.Node) -> str:
    """What YAML reads a node as."""
    if not node.tag.startswith(_TAG):
        return "something with a tag (!)"  # the tag may be a password
    kind = node.tag.removeprefix(_TAG)
    return _KINDS.get(kind, f"YAML's {kind}")
