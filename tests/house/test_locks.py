"""What is installed is exactly what was resolved: names, versions, hashes, and no place to fetch it from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.house.tree import ROOT

LOCKS = ("dev.lock", "run.lock", "uv.lock")
PYPROJECT = ROOT / "pyproject.toml"


def _pins(name: str) -> Mapping[str, str]:
    """Name to version; each requirement of a lock stands in one block with its hashes."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return {
        found[1]: found[2] for found in re.finditer(r"^([a-z0-9._-]+)(?:\[[^]]+\])?==([^\s;]+)", text, re.MULTILINE)
    }


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.proves("E2")
def test_every_requirement_of_a_lock_is_pinned_and_hashed(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    statements = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    requirements = [line for line in statements if line.strip()]
    pinned = re.compile(r"^[a-z0-9._-]+(\[[^]]+\])?==[^\s;]+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*$")
    assert requirements
    assert [line[:60] for line in requirements if not pinned.match(line)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address_and_no_folder(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert not re.search(r"://|^\s*(-i|-f|--index-url|--extra-index-url|--find-links|-e|\.|/)|@ ", text, re.MULTILINE)


def test_the_run_time_lock_holds_the_versions_that_were_tested() -> None:
    tested, shipped = _pins("dev.lock"), _pins("run.lock")
    assert shipped.items() <= tested.items()


def test_the_locks_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    asked = [Requirement(text) for text in project["project"]["dependencies"]]
    tools = [Requirement(text) for text in project["dependency-groups"]["dev"]]
    build = [Requirement(text.replace("uv_build", "uv")) for text in project["build-system"]["requires"]]
    wrong = [
        f"{lock}: {requirement}"
        for lock, requirements in (("run.lock", asked), ("dev.lock", asked + tools), ("uv.lock", build))
        for requirement in requirements
        if not requirement.specifier.contains(_pins(lock).get(requirement.name.lower(), "0"))
    ]
    assert not wrong, f"run `make lock`: {wrong}"


def test_each_dependency_and_each_silenced_lint_rule_says_why() -> None:
    text = PYPROJECT.read_text(encoding="utf-8")
    lists = (r"^dependencies = \[\n(.*?)^\]", r"^dev = \[\n(.*?)^\]", r"^ignore = \[\n(.*?)^\]")
    blocks = [found[1] for each in lists if (found := re.search(each, text, re.MULTILINE | re.DOTALL))]
    blocks.append(text.split("[tool.ruff.lint.per-file-ignores]", 1)[1].split("\n[", 1)[0])
    assert len(blocks) == len(lists) + 1
    named = [line for block in blocks for line in block.splitlines() if re.match(r'\s+"', line)]
    assert [line for line in named if not re.search(r"#\s*\S+", line)] == []


def test_the_installer_asks_for_hashes() -> None:
    installer = Path(ROOT / "requirements" / "install").read_text(encoding="utf-8")
    fetching = [line for line in installer.splitlines() if re.search(r"pip\" install|pip sync", line)]
    assert len(fetching) == 2
    assert all("--require-hashes" in line for line in fetching)
