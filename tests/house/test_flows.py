"""
Every flow can be started, and no question answers itself.

`prefect deploy` succeeds for a file that cannot be imported, and Prefect's loader hands out a stand-in for
it: the first to notice would be the person who starts a release.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import ROOT, STOREYS, place, python_files, syntax

LOAD = """
import sys
from prefect.flows import load_flow_from_entrypoint
print(load_flow_from_entrypoint(sys.argv[1], use_placeholder_flow=False).name)
"""


def _entrypoints() -> set[str]:
    """What stands under @flow in flows/, and what prefect.yaml names."""
    decorated = {
        f"{place(path)}:{node.name}"
        for path in python_files("flows")
        for node in syntax(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(re.match(r"(prefect\.)?flow\b", ast.unparse(decorator)) for decorator in node.decorator_list)
    }
    declared = ROOT / "prefect.yaml"
    text = declared.read_text(encoding="utf-8") if declared.exists() else ""
    return decorated | set(re.findall(r"entrypoint:\s*[\"']?([\w/.]+:\w+)", text))


@pytest.mark.timeout(180)
def test_every_flow_loads_in_a_fresh_process(tmp_path: Path) -> None:
    environment = os.environ | {
        "PREFECT_HOME": str(tmp_path),  # nothing of the person's own Prefect is read or written
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    failed = []
    for entrypoint in sorted(_entrypoints()):
        command = [sys.executable, "-c", LOAD, entrypoint]
        loaded = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        if loaded.returncode:
            failed.append(f"{entrypoint}: {loaded.stderr.strip().splitlines()[-1]}")
    assert not failed, "\n".join(failed)


def _answered_fields(path: Path) -> Iterator[str]:
    for node in ast.walk(syntax(path)):
        if not (isinstance(node, ast.ClassDef) and any("RunInput" in ast.unparse(base) for base in node.bases)):
            continue
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and field.value is not None and _has_default(field.value):
                yield f"{place(path, field.lineno)}: {node.name}.{ast.unparse(field.target)}"


def _has_default(value: ast.expr) -> bool:
    """A Field(...) that only describes has none."""
    if not (isinstance(value, ast.Call) and ast.unparse(value.func).endswith("Field")):
        return True
    first = value.args[0] if value.args else None
    named = {keyword.arg for keyword in value.keywords}
    required = first is None or (isinstance(first, ast.Constant) and first.value is ...)
    return not required or bool(named & {"default", "default_factory"})


def test_no_field_of_a_question_has_an_answer_already() -> None:
    """A resume form with defaults turns one absent-minded click into an approval."""
    wrong = [found for path in python_files(*STOREYS) for found in _answered_fields(path)]
    assert not wrong, "\n".join(wrong)


def test_the_search_for_answered_fields_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.house.tree.ROOT", tmp_path)
    file = tmp_path / "form.py"
    file.write_text(
        "class Answer(RunInput):\n"
        "    decision: str\n"
        "    name: str = Field(description='who')\n"
        "    note: str = Field(..., description='why')\n"
        "    plan: str = 'canary'\n"
        "    items: list = Field(default_factory=list)\n"
        "    more: str = Field('yes')\n"
    )
    assert [found.rpartition(".")[2] for found in _answered_fields(file)] == ["plan", "items", "more"]
