"""A command of the command line, run in this process against a home of its own, and what it said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate import cli

DEAD = "http://127.0.0.1:9/api"  # nothing listens there


def settle(home: Path, monkeypatch: pytest.MonkeyPatch, prefect: str = DEAD) -> Path:
    """Let `home` be this test's installation."""
    monkeypatch.setenv("TIDEGATE_HOME", str(home))
    monkeypatch.setenv("PREFECT_API_URL", prefect)
    monkeypatch.delenv("COLUMNS", raising=False)
    return home


class Said:
    """What a command said, and how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        capsys.readouterr()
        self.code = cli.main(words)
        self.out, self.err = capsys.readouterr()

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        assert found["tidegate"] == 1
        return found
