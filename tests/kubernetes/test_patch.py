"""JSON patches, by the examples of RFC 6902 and the mistakes that people make."""

from __future__ import annotations

from typing import Any

import pytest

from launchpad.kubernetes.patch import applied, checked


@pytest.mark.parametrize(
    ("document", "operation", "result"),
    [
        ({"a": 1}, {"op": "add", "path": "/b", "value": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"op": "add", "path": "/a", "value": 2}, {"a": 2}),
        ({"a": [1, 3]}, {"op": "add", "path": "/a/1", "value": 2}, {"a": [1, 2, 3]}),
        ({"a": [1]}, {"op": "add", "path": "/a/-", "value": 2}, {"a": [1, 2]}),
        ({"a": 1}, {"op": "add", "path": "", "value": 2}, 2),
        ({"a": 1, "b": 2}, {"op": "remove", "path": "/a"}, {"b": 2}),
        ({"a": [1, 2]}, {"op": "remove", "path": "/a/0"}, {"a": [2]}),
        ({"a": [1, 2]}, {"op": "replace", "path": "/a/1", "value": 3}, {"a": [1, 3]}),
        ({"a": 1}, {"op": "move", "from": "/a", "path": "/b"}, {"b": 1}),
        ({"a": {"x": 1}}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": {"x": 1}, "b": {"x": 1}}),
        ({"x/y": {"~": 1}}, {"op": "replace", "path": "/x~1y/~0", "value": 2}, {"x/y": {"~": 2}}),
        ({"~1": 1}, {"op": "remove", "path": "/~01"}, {}),
        ({"": 1}, {"op": "replace", "path": "/", "value": 2}, {"": 2}),
        ({"a": 1}, {"op": "test", "path": "/a", "value": 1}, {"a": 1}),
    ],
)
def test_an_operation_is_applied_as_the_rfc_defines_it(document: Any, operation: dict[str, Any], result: Any) -> None:
    assert applied(document, checked([operation])) == result


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/missing"},
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "add", "path": "/missing/deep", "value": 1},
        {"op": "add", "path": "/list/7", "value": 1},
        {"op": "add", "path": "/list/01", "value": 1},
        {"op": "remove", "path": "/list/-"},
        {"op": "add", "path": "/text/x", "value": 1},
        {"op": "test", "path": "/one", "value": True},
        {"op": "move", "from": "/map", "path": "/map/inner"},
        {"op": "move", "from": "/missing", "path": "/map/inner"},
        {"op": "test", "path": "/text", "value": "other"},
    ],
)
def test_an_operation_that_does_not_fit_is_named_without_any_value_of_the_document(operation: dict[str, Any]) -> None:
    document = {"list": [1], "text": "secret", "one": 1, "map": {}}
    with pytest.raises(ValueError, match=f"operation 0 .{operation['op']} {operation['path']}") as raised:
        applied(document, checked([operation]))
    assert "secret" not in str(raised.value)


def test_a_missing_part_of_the_path_is_named() -> None:
    with pytest.raises(ValueError, match="there is no '/a/b'"):
        applied({"a": {}}, checked([{"op": "remove", "path": "/a/b"}]))


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"op": "remove", "path": "/a"}, "list of operations"),
        (["remove"], "operation 0 must be a mapping"),
        ([{"op": "delete", "path": "/a"}], "'op' must be one of"),
        ([{"op": ["add"], "path": "/a"}], "'op' must be one of"),
        ([{"op": "remove", "path": "/a"}, {"op": "add", "path": "/a"}], "operation 1 .add. lacks 'value'"),
        ([{"op": "remove", "path": "spec/a"}], "JSON pointer"),
    ],
)
def test_an_invalid_patch_is_an_error_that_says_why(patch: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked(patch)


def test_neither_document_nor_patch_is_changed() -> None:
    document, patch = {"a": {"b": []}}, [{"op": "add", "path": "/a/b/-", "value": {"c": 1}}]
    result = applied(document, patch)
    result["a"]["b"][0]["c"] = 2
    assert (document, patch[0]["value"]) == ({"a": {"b": []}}, {"c": 1})
