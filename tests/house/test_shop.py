"""
The example shop is released like any system: no file of ours knows its versions or what is wrong with them.

Else the demonstration would prove only that it was rehearsed. What its releases are called and which versions
they are stands in examples/shop/releases.json and nowhere else.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.house.tree import ROOT, STOREYS, place, syntax

RELEASES = ROOT / "examples" / "shop" / "releases.json"
# What findings, simulated faults and verdicts are called, too: allowed in the pure package, whose
# code never sees a version's folder. What runs a release (blocks, tasks, flows, deployments) has no use for them.
WORDS_OF_THE_FIELD = {"rejected", "good", "bad", "slow", "crash"}


def _the_shops_words() -> set[str]:
    if not RELEASES.exists():
        return set()
    told = json.loads(RELEASES.read_text(encoding="utf-8"))
    versions = {told["stable"], *(release["version"] for release in told["releases"].values())}
    return {*versions, *told["releases"]}


def _literals(path: Path) -> Iterator[str]:
    """Each string that stands by itself in a Python, YAML, JSON or TOML-like file."""
    if path.suffix == ".py":
        nodes = ast.walk(syntax(path))
        values = (node.value for node in nodes if isinstance(node, ast.Constant))
        yield from (value for value in values if isinstance(value, str))
    elif path.suffix in {".yaml", ".yml", ".json"}:
        for document in yaml.compose_all(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader):
            yield from _scalars(document)


def _scalars(node: yaml.Node) -> Iterator[str]:
    """As written, before YAML makes a number of 2.10."""
    if isinstance(node, yaml.ScalarNode):
        yield str(node.value)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _scalars(child)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(key)
            yield from _scalars(value)


def _slips(path: Path, words: set[str]) -> list[str]:
    return sorted(words & set(_literals(path)))


def _of_another_system(path: Path) -> bool:
    """Specs of other systems speak of their own versions; `good` is a window's rank there."""
    return (path.parent.name == "releases" and path.stem != "shop") or path.name == "release.schema.json"


def test_no_file_of_ours_knows_the_shops_versions_or_releases() -> None:
    words = _the_shops_words()
    wrong = [
        f"{place(path)}: {', '.join(found)}"
        for folder in STOREYS
        for path in sorted((ROOT / folder).rglob("*.*"))
        if "__pycache__" not in path.parts
        and not _of_another_system(path)
        and (found := _slips(path, words - WORDS_OF_THE_FIELD if folder == "tidegate" else words))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "if version == '2.1':\n    pass\n"),
        ("a.py", "WORSE = {'leak': 1}\n"),
        ("a.yaml", "version: 2.1\n"),
        ("a.yaml", "expected: [{release: leak}]\n"),
    ],
)
def test_the_search_finds_them(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert _slips(tmp_path / name, {"2.1", "leak"})
