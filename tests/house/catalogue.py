"""
Everything a test can claim to prove: capabilities, requirements, invariants, goals, experience rows.

The catalogue itself is kept beside the repository and is not part of a clone; docs/requirement-ids.txt is its
list of IDs, written by `make docs` where the catalogue lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.house.tree import ROOT

CATALOGUE = ROOT.parent / "shared"
LIST = ROOT / "docs" / "requirement-ids.txt"
KINDS = ("capability", "requirement", "invariant", "goal", "experience")
HEADER = "# Written by `make docs`: what a test may claim to prove. kind | part | ID | the first words of it\n"


class Known(NamedTuple):
    """One thing that can be proven; `part` groups it on the page."""

    kind: str
    part: str
    id: str
    title: str


def known() -> list[Known]:
    """The committed list."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return [Known(*line.split(" | ")) for line in lines if line and not line.startswith("#")]


def as_text(catalogue: list[Known]) -> str:
    return HEADER + "".join(" | ".join(entry) + "\n" for entry in catalogue)


def read_catalogue(folder: Path = CATALOGUE) -> list[Known]:
    """Read the list out of the catalogue's own tables."""
    requirements = (folder / "requirements.md").read_text(encoding="utf-8")
    reliability = (folder / "reliability.md").read_text(encoding="utf-8")
    experience = (folder / "experience.md").read_text(encoding="utf-8")
    return [
        *_capabilities(_section(requirements, "### 6.1", "### ")),
        *_requirements(requirements),
        *_rows("invariant", "Invariants", r"I\d+b?", _section(reliability, "### 3.2", "### ")),
        *_rows("goal", "Goals", r"G\d+b?", _section(reliability, "## 4.", "## ")),
        *_rows("experience", "Experience", r"\d+", _section(experience, "## 6.", "## "), prefix="E"),
    ]


def _capabilities(section: str) -> Iterator[Known]:
    part = ""
    for line in section.splitlines():
        if heading := re.match(r"\*\*(\d+\. .+)\*\*$", line):
            part = heading[1]
        elif row := re.match(r"\| `([a-z0-9_.]+)` \| ([^|]+) \|", line):
            yield Known("capability", part, row[1], _first_words(row[2]))


def _requirements(text: str) -> Iterator[Known]:
    system = ""
    for line in text.splitlines():
        if heading := re.match(r"## \d+\. (S\d - .+)$", line):
            system = heading[1]
        elif row := re.match(r"\| (S\d-\d{3}) \| [^|]+ \| ((?:\\\||[^|])+) \|", line):
            yield Known("requirement", system, row[1], _first_words(row[2]))


def _rows(kind: str, part: str, pattern: str, section: str, prefix: str = "") -> Iterator[Known]:
    for row in re.finditer(rf"^\| ({pattern}) \| ((?:\\\||[^|])+) \|", section, re.MULTILINE):
        yield Known(kind, part, prefix + row[1], _first_words(row[2]))


def _section(text: str, start: str, end: str) -> str:
    """From the line that begins with `start` to the next that begins with `end`."""
    inside = re.search(rf"^{re.escape(start)}.*?\n(.*?)(?=^{end}|\Z)", text, re.MULTILINE | re.DOTALL)
    if inside is None:
        raise ValueError(f"the catalogue has no section {start!r}")
    return inside[1]


def _first_words(text: str, most: int = 9) -> str:
    words = re.sub(r"[`*|\\]", "", text).split()
    shortened = " ".join(words[:most]).rstrip(".,;:(=")
    return shortened if len(words) <= most else f"{shortened} ..."
