"""What `make` does before any verb: names what is missing, installs what is locked, asks an index again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

SHELL_TOOLS = ("sh", "make", "git", "cmp", "mktemp", "rm", "cp", "cat", "touch", "mkdir", "chmod", "env")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with all that `make` reads, and a PATH (bin/) without any Python."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    (tmp_path / "bin").mkdir()
    for tool in SHELL_TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def _program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _make(clone: Path, verb: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", verb],
        cwd=clone,
        env={"PATH": str(clone / "bin")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.proves("E5")
def test_a_missing_python_is_named_on_one_line_before_any_work(clone: Path) -> None:
    done = _make(clone, "demo")
    assert done.returncode != 0
    assert "python3 is missing: install Python 3.11 or newer" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert not (clone / ".cache").exists()


@pytest.mark.proves("E5")
def test_an_old_python_is_named_with_its_version(clone: Path) -> None:
    _program(clone / "bin" / "python3", 'case "$2" in *print*) echo 3.9 ;; *) exit 1 ;; esac')
    done = _make(clone, "demo")
    assert "python3 is version 3.9, Tidegate needs 3.11 or newer" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.proves("E5")
def test_a_python_without_venv_is_named_with_the_fix(clone: Path) -> None:
    _program(clone / "bin" / "python3", 'case "$2" in *print*) echo 3.12 ;; *ensurepip*) exit 1 ;; esac')
    done = _make(clone, "demo")
    assert "python3 3.12 has no venv" in done.stderr
    assert "apt-get install" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def _machine_with_an_index_that_answers_after(refusals: int, clone: Path) -> None:
    """A pretended Python whose venv holds a pretended uv; its `pip sync` is refused the first times."""
    uv = clone / "uv"
    _program(
        uv,
        'echo "$@" >> asked\n'
        'case "$*" in\n'
        "venv*) mkdir -p .venv/bin ;;\n"
        f'*sync*) [ "$(grep -c sync asked)" -gt {refusals} ] || {{ echo "no version of x==1"; exit 1; }} ;;\n'
        "esac",
    )
    made = f"mkdir -p .cache/uv/bin; cp {uv} .cache/uv/bin/uv; cp bin/true .cache/uv/bin/pip"
    _program(clone / "bin" / "python3", f'case "$*" in *"-m venv"*) {made} ;; *print*) echo 3.11 ;; esac')
    for tool in ("true", "grep"):
        found = shutil.which(tool)
        assert found
        (clone / "bin" / tool).symlink_to(found)
    _program(clone / "bin" / "sleep", "")


def test_an_index_that_misses_a_version_for_a_moment_is_asked_again(clone: Path) -> None:
    _machine_with_an_index_that_answers_after(2, clone)
    done = _make(clone, ".venv/.installed")
    assert done.returncode == 0, done.stderr
    asked = (clone / "asked").read_text()
    assert asked.count("pip sync --quiet --require-hashes requirements/dev.lock") == 3
    assert "Installing" not in _make(clone, ".venv/.installed").stdout, "nothing changed, nothing is done"


def test_an_index_that_stays_without_it_is_quoted(clone: Path) -> None:
    _machine_with_an_index_that_answers_after(99, clone)
    done = _make(clone, ".venv/.installed")
    assert done.returncode != 0
    assert "no version of x==1" in done.stderr
    assert (clone / "asked").read_text().count("pip sync") == 6
    assert not (clone / ".venv" / ".installed").exists()
