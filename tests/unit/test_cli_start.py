"""What the command line does before any command runs: help, typing errors, and how little it needs for that."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.typed import Said, settle
from tidegate import cli
from tidegate.cli import completion, terminal
from tidegate.cli.exits import MEANINGS, Exit, UsageError, exit_of
from tidegate.cli.table import GROUPS, LISTED, parser_of
from tidegate.errors import (
    AlreadyReleasing,
    Fenced,
    LedgerUnavailable,
    RollbackIncomplete,
    SpecError,
    TidegateError,
    Unreachable,
)

ROOT = Path(__file__).parents[2]


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The command as a person types it, in an empty environment."""
    argv = [sys.executable, "-m", "tidegate.cli", *words]
    told = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(argv, env=told, capture_output=True, text=True, timeout=60, check=False)


# Imports what `--help` and `rollback` need in an interpreter that has no packages, and lists what came with it.
BARE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tidegate.cli import main
from tidegate.cli.table import LISTED, parser_of
for listed in LISTED.values():
    parser_of(listed).format_help()
import tidegate.cli.lowering, tidegate.cli.records, tidegate.cli.down_entry, blocks.traefik_lowering
names = {{name.split('.')[0] for name in sys.modules}} - set(sys.stdlib_module_names)
print(sorted(names - {{'tidegate', 'blocks', '__main__', '__mp_main__'}}), 'pydantic' in sys.modules)
"""


@pytest.mark.proves("I6", "E21")
def test_help_and_rollback_need_the_standard_library_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", BARE], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[] False"


@pytest.mark.parametrize(("typed", "meant"), [("rolback", "rollback"), ("statsu", "status"), ("aprove", "approve")])
@pytest.mark.proves("E12")
def test_a_mistyped_command_is_answered_with_the_near_one_before_anything_is_read(
    typed: str, meant: str, tmp_path: Path
) -> None:
    (tmp_path / "installation.json").write_text("{ this is no JSON")
    done = run(typed, TIDEGATE_HOME=str(tmp_path))
    assert done.returncode == 2
    assert f"did you mean {meant!r}" in done.stderr.lower()
    assert done.stdout == ""


@pytest.mark.proves("E12")
def test_a_mistyped_system_is_answered_with_the_near_one_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "installation.json").write_text("{ this is no JSON")
    for words in (
        ("status", "shpo"),
        ("rollback", "shpo"),
        ("release", "shpo", "2.0"),
        ("freeze", "shpo"),
        ("plan", "shpo"),
    ):
        done = run(*words, TIDEGATE_HOME=str(tmp_path))
        assert done.returncode == 2, words
        assert "Did you mean 'shop'?" in done.stderr


@pytest.mark.parametrize("name", list(LISTED))
@pytest.mark.proves("E6")
def test_every_command_has_a_page_with_two_examples_that_it_understands(name: str) -> None:
    parser = parser_of(LISTED[name])
    command = LISTED[name].command
    assert len(command.examples) == 2
    assert all(typed in parser.format_help() for typed, _ in command.examples)
    for typed, _ in command.examples:
        found = re.search(r"tidegate ([a-z]+)([^|>)]*)", typed)
        assert found
        assert found[1] == name
        words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", found[2])]
        parser.parse_intermixed_args(words)


def test_the_help_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in LISTED)
    assert all(title in shown for title, _ in GROUPS)
    pages = [shown, *(parser_of(listed).format_usage() for listed in LISTED.values())]
    assert max(len(line) for page in pages for line in page.splitlines()) <= 96  # the two sentences on top


@pytest.mark.proves("E10")
def test_the_exit_codes_are_distinct_told_and_documented(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(MEANINGS) == set(Exit)
    cli.main(["help", "exit-codes"])
    told = capsys.readouterr().out
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for code, meaning in MEANINGS.items():
        assert f"{code.value}  {meaning}" in told
        assert f"| {code.value} | {meaning} |" in page


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (Unreachable("x"), 5),
        (LedgerUnavailable("x"), 5),
        (AlreadyReleasing("x"), 6),
        (Fenced("x"), 6),
        (RollbackIncomplete("x"), 7),
        (SpecError("x"), 1),
        (TidegateError("x"), 1),
    ],
)
def test_each_kind_of_error_has_its_code(error: TidegateError, code: int) -> None:
    assert exit_of(error) == code


@pytest.mark.proves("E29")
def test_an_error_is_one_line_what_and_one_line_advice_and_a_trace_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(tmp_path, monkeypatch)
    said = Said(capsys, "status", "shop")
    assert said.code == 5
    assert len(said.err.splitlines()) == 2
    assert said.out == ""
    with pytest.raises(LedgerUnavailable):
        cli.main(["status", "shop", "--debug"])


def test_a_fault_of_ours_is_no_traceback_either(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: Any) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("tidegate.cli._run", broken)
    assert cli.main(["status"]) == 1
    assert "Tidegate itself failed: ZeroDivisionError" in capsys.readouterr().err


def test_options_may_stand_anywhere() -> None:
    parsed = parser_of(LISTED["release"]).parse_intermixed_args(["shop", "--reason", "x", "2.0"])
    assert (parsed.system, parsed.version, parsed.reason) == ("shop", "2.0", "x")
    parsed = parser_of(LISTED["release"]).parse_intermixed_args(["2.0"])
    assert (parsed.system, parsed.version) == (None, "2.0")


# -- the terminal ------------------------------------------------------------------------------------------------------


@pytest.mark.proves("E13")
def test_colour_is_for_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert terminal.painted("bad", "red") == "\x1b[31mbad\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.painted("bad", "red") == "bad"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert terminal.painted("bad", "red") == "bad"
    assert not terminal.is_terminal()


@pytest.mark.proves("E13")
def test_sentences_are_wrapped_and_what_is_typed_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    terminal.say("word " * 30 + "\n  tidegate rollback " + "x" * 80 + "\n  " + "word " * 20)
    lines = capsys.readouterr().out.splitlines()
    typed = [line for line in lines if "rollback" in line]
    assert typed == ["  tidegate rollback " + "x" * 80]
    assert all(len(line) <= 60 for line in lines if line not in typed)
    assert lines[-1].startswith("    word"), "what continues is indented below its line"


# -- completion --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command_and_its_options(shell: str) -> None:
    script = completion.script(shell)
    for name, listed in LISTED.items():
        assert name in script
        for option in parser_of(listed).options():
            assert (f"-l {option[2:]}" if shell == "fish" else option) in script


@pytest.mark.proves("E14")
def test_bash_completes_commands_systems_that_can_go_back_and_options(tmp_path: Path) -> None:
    (tmp_path / "wayback").mkdir()
    (tmp_path / "wayback" / "blog.json").write_text("{}")
    program = tmp_path / "tidegate"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tidegate.cli "$@"\n')
    program.chmod(0o755)

    def completed(*words: str) -> list[str]:
        typed = " ".join(f"'{word}'" for word in ("tidegate", *words))
        ask = f'COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _tidegate; echo "${{COMPREPLY[@]}}"'
        env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "TIDEGATE_HOME": str(tmp_path)}
        told = completion.script("bash") + ask
        return subprocess.run(
            ["bash", "-c", told], env=env, capture_output=True, text=True, timeout=20, check=True
        ).stdout.split()

    assert completed("roll") == ["rollback"]
    assert completed("rollback", "") == ["blog"]
    assert completed("rollback", "--f") == ["--from"]
    assert completed("completion", "z") == ["zsh"]
