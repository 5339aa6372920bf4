"""
The tutorial, executed: its YAML grows one file, its commands run, and what they print stands below them.

    python -m tests.house.tutorial      writes what the commands print into docs/tutorial.md (also by `make docs`)
"""

from __future__ import annotations

import io
import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from tests.house.tree import ROOT
from tidegate import cli

PAGE = ROOT / "docs" / "tutorial.md"
FILE = "bookshop.yaml"
_BLOCK = re.compile(r"```(yaml|console)([^\n]*)\n(.*?)```\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Ran:
    """One block of the page as it stands, and as it would be written now."""

    block: str
    now: str


def ran(page: str, folder: Path) -> Iterator[Ran]:
    """
    Every block in order, in this folder. `yaml add` goes to the file's end, `yaml replace` is two lines, before and
    after; a console block is one command and what it prints.
    """
    file = folder / FILE
    file.write_text("", "utf-8")
    for block in _BLOCK.finditer(page):
        kind, how, text = block[1], block[2].strip(), block[3]
        if kind == "console":
            yield Ran(block[0], f"```console\n{command(text, folder)}```\n")
        else:
            _write(file, how, text)


def _write(file: Path, how: str, text: str) -> None:
    written = file.read_text("utf-8")
    if how == "add":
        file.write_text(f"{written}{text}", "utf-8")
        return
    before, after = (line[2:] for line in text.rstrip("\n").split("\n"))
    if before not in written:
        raise ValueError(f"{before!r} does not stand in the file")
    file.write_text(written.replace(before, after, 1), "utf-8")


def command(text: str, folder: Path) -> str:
    """The first line, `$ tidegate ...`, and what it prints now."""
    typed = text.split("\n", 1)[0]
    words = shlex.split(typed.removeprefix("$ "))
    if words[0] != "tidegate":
        raise ValueError(f"only tidegate is run here: {typed}")
    said = io.StringIO()
    with chdir(folder), redirect_stdout(said), redirect_stderr(said):
        cli.main(words[1:])
    return f"{typed}\n{said.getvalue()}"


def main() -> None:
    page = PAGE.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TIDEGATE_HOME"] = f"{folder}/home"
        os.environ.pop("COLUMNS", None)
        for one in list(ran(page, Path(folder))):
            page = page.replace(one.block, one.now, 1)
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
