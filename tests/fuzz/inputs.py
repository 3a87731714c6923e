"""What the inputs are made of: plain data, texts of files, words of command lines."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import attrs
from hypothesis import strategies as st

CURIOUS = (
    "a", "", " ", "\0", "\n", "\x1b]0;x\a", "\ud800", "\udc80", "é", "\u202e", "-x", "--", "=", "A=b", "a:b", "a.b:c",
    "a/b.py:f", "../x", "~", "/", "0", "0x1F", "1e999", "no", "null", "NaN", "{{ x }}", "{%", "[", "{", "*a", "&a",
    "<<", "!!python/object:os.system", "latest", "docker", "kubernetes", "Never", "512m", "1Gi", "host", "x" * 300,
    "./a:/b:ro", "9" * 5000, "batch/v1", "Job",
)  # fmt: skip


def mappings(inner: st.SearchStrategy[Any], *keys: str) -> st.SearchStrategy[dict[str, Any]]:
    names = st.one_of(st.sampled_from(keys), texts) if keys else texts
    return st.dictionaries(names, inner, max_size=4)


texts = st.one_of(st.sampled_from(CURIOUS), st.text(max_size=20))
numbers = st.one_of(
    st.sampled_from([0, 1, -1, True, False, 2**31, 2**63, 10**400, math.nan, math.inf, -0.0, 1e300, 1e-300]),
    st.integers(),
    st.floats(),
)
scalars = st.one_of(st.none(), texts, numbers)
plain = st.recursive(scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), mappings(inner)), max_leaves=8)
values = st.one_of(
    plain, st.sampled_from([b"a", Decimal(1), 1j, (), set(), object(), {1: 2}, {"a": b"b"}, print, ..., Ellipsis])
)

RUN_KEYS = ("command", "entrypoint", "parameters", "name", "env", "labels", "working_dir", "timeout", "id")
MANIFEST_KEYS = (
    "apiVersion", "kind", "metadata", "spec", "template", "containers", "env", "name", "value", "items", "image",
    "labels", "annotations", "op", "path", "from",
)  # fmt: skip


def arguments_of(cls: type) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the arguments of an attrs class, each with any value."""
    names = [field.name for field in attrs.fields(cls) if field.init]
    return st.dictionaries(st.sampled_from(names), values, max_size=4)


def manifests() -> st.SearchStrategy[Any]:
    inner = st.recursive(plain, lambda one: mappings(one, *MANIFEST_KEYS), max_leaves=6)
    return st.one_of(
        inner,
        mappings(inner, *MANIFEST_KEYS).map(lambda one: {"apiVersion": "batch/v1", "kind": "Job", **one}),
        st.lists(mappings(inner, *MANIFEST_KEYS), max_size=3),
    )


def written(data: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Texts of files: data as JSON, which is YAML, whole or damaged, and texts of other fragments."""
    whole = data.map(lambda one: json.dumps(one, default=str))
    fragments = st.lists(
        st.sampled_from(
            ["deployments:\n", "- ", "  ", "name: a\n", "run: ", "{", "}", "[", "]", ", ", ": ", "&a ", "*a",
             "<<: *a\n",
             "!!set ", "|\n", "'", '"', "\\", "#", "---\n", "...\n", "%YAML 1.1\n", "\t", "\r", "? ", "command: [a]\n",
             "launcher: {type: docker}\n", "0x1F", "1:30", "2024-01-01", "\x07", "\ufeff", "\U0001f680", "{{ a }}"]
        ),
        max_size=25,
    ).map("".join)  # fmt: skip
    damaged = st.tuples(whole, st.integers(0, 200), texts).map(lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :])
    return st.one_of(whole, damaged, fragments, st.text(max_size=40))
