"""Names: none hides another module, and none says nothing."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys

from tests.house.tree import STOREYS, place, python_files, syntax

SAYS_NOTHING = {"utils", "util", "manager", "helper", "helpers", "handler", "processor", "data", "misc"}


def test_no_file_in_the_four_folders_hides_a_module_of_that_name() -> None:
    """Prefect loads flows/release.py with flows/ first on the path: a docker.py there would hide docker."""
    installed = {name for name in importlib.metadata.packages_distributions() if name not in STOREYS}
    taken = set(sys.stdlib_module_names) | installed
    wrong = [place(path) for path in python_files(*STOREYS[1:]) if path.stem != "__init__" and path.stem in taken]
    assert not wrong, f"rename to <product>_<port>.py or another word: {wrong}"


def test_names_say_what_a_thing_is() -> None:
    wrong = []
    for path in python_files(*STOREYS):
        if _words(path.stem) & SAYS_NOTHING:
            wrong.append(f"{place(path)}: the file")
        for node in ast.walk(syntax(path)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if _words(node.name) & SAYS_NOTHING or node.name.startswith("do_"):
                wrong.append(f"{place(path, node.lineno)}: {node.name}")
    assert not wrong, "these names say nothing of what the thing does:\n" + "\n".join(wrong)


def _words(name: str) -> set[str]:
    """The words of snake_case and CamelCase names, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
