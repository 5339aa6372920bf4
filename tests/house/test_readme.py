"""What the README tells a person to type exists."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import ROOT

README = ROOT / "README.md"


def _commands() -> Iterator[list[str]]:
    """The commands of the README's shell blocks, as words."""
    text = README.read_text(encoding="utf-8") if README.exists() else ""
    for block in re.findall(r"^```(?:bash|sh|shell|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            stripped = line.strip().removeprefix("$ ").partition(" #")[0]
            for command in re.split(r"\s*(?:&&|;|\|)\s*", stripped):
                if words := [word for word in command.split() if not re.match(r"[A-Z_]+=", word)]:
                    yield words


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {word for words in _commands() if words[0] == "make" for word in words[1:] if word.isalpha()}
    assert asked <= targets, f"the README names {sorted(asked - targets)}, the Makefile has {sorted(targets)}"


def test_every_tidegate_command_of_the_readme_exists() -> None:
    program = Path(sys.executable).with_name("tidegate")
    asked = {
        words[1] for words in _commands() if Path(words[0]).name == "tidegate" and len(words) > 1 and words[1].isalpha()
    }
    unknown = [
        verb
        for verb in sorted(asked)
        if subprocess.run([program, verb, "--help"], capture_output=True, timeout=30, check=False).returncode
    ]
    assert not unknown, f"the README names commands that `tidegate` does not know: {unknown}"


def test_help_of_make_names_every_verb() -> None:
    told = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    ).stdout
    verbs = ("demo", "up", "down", "check", "test", "bench", "simulate", "docs", "lock", "clean")
    assert [verb for verb in verbs if f"make {verb}" not in told] == []
