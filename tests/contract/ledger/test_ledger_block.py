"""The ledger's block: a form in Prefect's UI, while the ledger itself stays free of Prefect."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from tests.ledgers import sqlite_place

ROOT = Path(__file__).parents[3]


def test_the_ledger_is_imported_without_prefect() -> None:
    asked = "import sys, blocks.sql_ledger; print([name for name in ('prefect', 'pydantic') if name in sys.modules])"
    said = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout.strip() == "[]"


def test_the_block_connects_shows_no_password_and_refuses_a_misspelt_field(tmp_path: Path) -> None:
    from blocks.sql_ledger_block import SqlLedgerConnection

    block = SqlLedgerConnection(url=SecretStr("postgresql://tidegate:s3cret@host/ledger"))
    assert "s3cret" not in f"{block!r} {block} {block.model_dump_json()} {block.connect()!r}"
    ledger = SqlLedgerConnection(url=SecretStr(sqlite_place(tmp_path)), patience=1).connect()
    ledger.create()
    assert ledger.releases() == []
    ledger.close()
    with pytest.raises(ValidationError, match="uri"):
        SqlLedgerConnection.model_validate({"uri": "sqlite:///ledger.db"})
    assert SqlLedgerConnection.get_block_type_slug() == "sql-ledger"
