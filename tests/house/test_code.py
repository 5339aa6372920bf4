"""What no file of the code may contain, and how long a file may be."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

import pytest

from tests.house.tree import STOREYS, place, python_files, syntax

PLEASANT_LINES = 250
MOST_LINES = 400
RUNS_WHAT_IT_READS = {"pickle", "dill", "cloudpickle", "marshal", "shelve"}
ALL_CODE = (*STOREYS, "examples")


def _dangers(path: Path) -> list[str]:
    found = []
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in {
                "eval",
                "exec",
                "os.system",
                "os.popen",
                "yaml.load",
                "yaml.unsafe_load",
                "yaml.full_load",
            }:
                found.append(f"{place(path, node.lineno)} calls {name}()")
            found += [
                f"{place(path, node.lineno)} passes {keyword.arg}={ast.unparse(keyword.value)}"
                for keyword in node.keywords
                if isinstance(keyword.value, ast.Constant)
                and (keyword.arg, keyword.value.value) in {("shell", True), ("verify", False)}
            ]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            named = [alias.name for alias in node.names]
            modules = named if isinstance(node, ast.Import) else [node.module or ""]
            if {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"} & {m.split(".")[0] for m in modules}:
                found.append(f"{place(path, node.lineno)} imports {modules[0]}")
            if modules == ["os"] and {"system", "popen"} & set(named):
                found.append(f"{place(path, node.lineno)} imports {', '.join(named)} of os")
    return found


def test_no_shell_no_eval_no_pickle_no_unchecked_certificate_no_unsafe_yaml() -> None:
    wrong = [danger for path in python_files(*ALL_CODE) for danger in _dangers(path)]
    assert not wrong, "\n".join(wrong)


def test_the_search_for_dangers_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "import os, subprocess, pickle, httpx, yaml\n"
        "subprocess.run('ls', shell=True)\nos.system('ls')\neval('1')\n"
        "yaml.load('')\nhttpx.get('', verify=False)\n"
    )
    monkeypatch.setattr("tests.house.tree.ROOT", tmp_path)
    assert len(_dangers(bad)) == 6


def test_every_file_can_be_read_in_one_sitting() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(*ALL_CODE, "tests")}
    long = [f"{place(path)}: {lines} lines" for path, lines in lengths.items() if lines > PLEASANT_LINES]
    if long:
        warnings.warn("over 250 lines, worth a look: " + ", ".join(long), stacklevel=1)
    too_long = [f"{place(path)}: {lines} lines" for path, lines in lengths.items() if lines > MOST_LINES]
    assert not too_long, f"over {MOST_LINES} lines, split by what they decide: {too_long}"
