"""
Which test says that it proves what: the `proves` markers, read without importing a test.

A test that is skipped, slow (run by hand) or expected to fail proves nothing and is left out. IDs are written as
plain strings, so that a person and this file read the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.house.tree import ROOT, place, python_files, syntax

NOT_RUN = {"skip", "xfail"}
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Proof(NamedTuple):
    """One test that claims one ID; `test` is pytest's own name for it, without parameters."""

    id: str
    test: str


def proofs(*folders: str) -> list[Proof]:
    """All claims of the test files below these folders (tests/, unless told)."""
    files = [path for path in python_files(*(folders or ("tests",))) if path.name.startswith("test_")]
    return sorted(proof for path in files for proof in proofs_of(path))


def proofs_of(path: Path) -> Iterator[Proof]:
    module = syntax(path)
    file = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
    marks = [
        node.value
        for node in module.body
        if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "pytestmark" for t in node.targets)
    ]
    yield from _tests_in(module.body, file, marks, path)


def _tests_in(body: list[ast.stmt], prefix: str, marks: list[ast.expr], path: Path) -> Iterator[Proof]:
    for node in body:
        if not isinstance(node, Definition):
            continue
        name = f"{prefix}::{node.name}"
        all_marks = [*marks, *node.decorator_list]
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _tests_in(node.body, name, all_marks, path)
        elif _is_run(node, all_marks):
            ids = {one for mark in all_marks for one in _claimed(mark, path)}
            yield from (Proof(one, name) for one in sorted(ids))


def _is_run(node: Definition, marks: list[ast.expr]) -> bool:
    is_test = not isinstance(node, ast.ClassDef) and node.name.startswith("test_")
    slow = any(part == "pytest.mark.slow" for mark in marks for part in _parts(mark))  # run by hand, not by `make test`
    return is_test and not slow and not NOT_RUN & {found.attr for mark in marks for found in _marks(mark)}


def _parts(mark: ast.expr) -> list[str]:
    """A decorator, or each member of a `pytestmark` list."""
    return [ast.unparse(part) for part in (mark.elts if isinstance(mark, ast.List) else [mark])]


def _marks(decorator: ast.expr) -> Iterator[ast.Attribute]:
    """Every `pytest.mark.<word>` in an expression, also inside a pytest.param(...)."""
    for node in ast.walk(decorator):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"pytest.mark", "mark"}:
            yield node


def _claimed(decorator: ast.expr, path: Path) -> Iterator[str]:
    for node in ast.walk(decorator):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) in {"pytest.mark.proves", "mark.proves"}):
            continue
        for argument in node.args:
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                raise TypeError(f"{place(path, node.lineno)}: proves() takes IDs as plain strings")
            yield argument.value
