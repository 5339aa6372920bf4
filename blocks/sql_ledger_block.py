"""The ledger as a block of Prefect's UI: where it lies; the ledger itself needs no Prefect."""

from __future__ import annotations

from pydantic import Field, SecretStr

from blocks.connector import Connector
from blocks.sql_ledger import SqlLedger


class SqlLedgerConnection(Connector):
    """Where the ledger of this installation lies: a SQLite file, or a PostgreSQL database by its URL."""

    _block_type_name = "Ledger (SQL)"
    _block_type_slug = "sql-ledger"
    _description = "The append-only record of every release, in a SQLite file or a PostgreSQL database."

    url: SecretStr = Field(
        title="URL",
        description="SQLAlchemy's URL of the database. A file serves one machine, PostgreSQL many.",
        examples=["sqlite:///ledger.db", "postgresql://tidegate:secret@db.example.com/tidegate"],
    )
    patience: float = Field(
        default=5.0,
        gt=0,
        le=60,
        title="Patience (seconds)",
        description="How long a call may wait for a connection, a lock, or an answer before it gives up.",
        examples=[5.0],
    )

    def connect(self) -> SqlLedger:
        """The ledger; no connection is opened before its first call."""
        return SqlLedger(self.url.get_secret_value(), self.patience)
