"""installation.json holds what the spec's ${name} stand for: tokens, too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployments.serve import _write


@pytest.mark.proves("I24")
def test_only_its_owner_reads_it_also_where_an_older_one_was_open(tmp_path: Path) -> None:
    file = tmp_path / "installation.json"
    file.with_suffix(".new").write_text("left by a process that died")
    file.with_suffix(".new").chmod(0o644)
    file.write_text("{}")
    file.chmod(0o644)
    _write(file, {"values": {"slack_token": "made-up"}})
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text("utf-8"))["values"]["slack_token"] == "made-up"
