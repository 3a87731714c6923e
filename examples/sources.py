"""Measures the sources of one Python package or module, in the runs of demo.py. Uses only the standard library."""

import ast
import json
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def measure(path: str) -> None:
    """Prints a JSON object with the numbers of files, lines and functions under `path`, and more."""
    warnings.simplefilter("ignore")  # old sources have invalid escapes, for example
    root = Path(path)
    files = sorted(root.rglob("*.py")) if root.is_dir() else [root]
    report = {
        "files": len(files),
        "lines": 0,
        "functions": 0,
        "longest": [0, ""],
        "unparsed": [],
    }
    for file in files:
        add(report, file, ".".join(file.relative_to(root.parent).with_suffix("").parts))
    print(json.dumps(report))


def add(report: dict, file: Path, module: str) -> None:
    """Adds one file to the report. A file that is not valid Python, such as test data, is listed as unparsed."""
    try:
        with tokenize.open(file) as source:
            text = source.read()
        found = list(functions(ast.parse(text), module))
    except (SyntaxError, ValueError):
        report["unparsed"].append(module)
        return
    report["lines"] += text.count("\n")
    report["functions"] += len(found)
    report["longest"] = max([report["longest"], *found])


def functions(tree: ast.Module, module: str) -> Iterator[list]:
    """Yields the length in lines and the full name of every function, including methods and inner functions."""
    waiting: list[tuple[ast.AST, str]] = [(tree, module)]
    while waiting:
        node, place = waiting.pop()
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, (*FUNCTIONS, ast.ClassDef))
            name = f"{place}.{child.name}" if named else place
            if isinstance(child, FUNCTIONS):
                yield [child.end_lineno - child.lineno + 1, name]
            if not isinstance(child, ast.expr):
                waiting.append((child, name))
