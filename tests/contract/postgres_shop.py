"""A small shop's database in a real PostgreSQL server, for the contract tests of its backup."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from pydantic import SecretStr
from sqlalchemy import URL, make_url

from blocks.postgres_backup import PostgresBackup
from tests import local_postgresql

SHOP = """
CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id integer PRIMARY KEY, customer integer REFERENCES customers, price float8, note bytea);
CREATE TABLE prices (code text, day date, price integer, PRIMARY KEY (code, day));
CREATE INDEX orders_by_customer ON orders (customer);
INSERT INTO customers VALUES (1, '민아'), (2, 'Rosa');
INSERT INTO orders VALUES (1, 1, 9.5, '\\x00ff'), (2, 2, 3, NULL), (3, 1, 1e300, 'text');
INSERT INTO prices VALUES ('a', '2026-01-01', 5), ('b', '2026-01-01', 7);
"""


@dataclass(frozen=True, slots=True)
class PostgresShop:
    """One database of the tests' server, with a name of its own."""

    url: URL

    @classmethod
    def opened(cls, server: str, schema: str = SHOP) -> PostgresShop:
        at = make_url(server).set(drivername="postgresql")
        made = cls(at.set(database=f"shop_{uuid4().hex[:12]}"))
        with psycopg.connect(at.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {made.name}".encode())
        if schema:
            made.run(schema)
        return made

    @property
    def name(self) -> str:
        return str(self.url.database)

    @property
    def proof(self) -> str:
        return f"{self.name}_proof"

    def backup(self, directory: Path, **fields: Any) -> PostgresBackup:
        """Its own scratch database, so that tests beside each other do not wait."""
        usual: dict[str, Any] = {
            "database": self.name,
            "directory": directory,
            "host": self.url.host,
            "port": self.url.port,
            "user": self.url.username,
            "password": SecretStr(str(self.url.password)),
            "restore_into": self.proof,
            "deadline": "90s",
        }
        return PostgresBackup(**(usual | fields))

    def run(self, statements: str, database: str = "") -> list[tuple[Any, ...]]:
        at = self.url.set(database=database or self.name)
        with psycopg.connect(at.render_as_string(hide_password=False), autocommit=True) as connection:
            done = connection.execute(statements.encode())
            return done.fetchall() if done.description else []

    def databases(self) -> set[str]:
        return {str(row[0]) for row in self.run("SELECT datname FROM pg_database")}

    def dump(self, into: Path, words: Sequence[str] = ()) -> None:
        """As anybody would, past the backup."""
        folder = local_postgresql.programs()
        assert folder is not None
        subprocess.run(
            [folder / "pg_dump", "--format=custom", f"--file={into}", *words, self.name],
            env={
                "PGHOST": str(self.url.host),
                "PGPORT": str(self.url.port),
                "PGUSER": str(self.url.username),
                "PGPASSWORD": str(self.url.password),
            },
            check=True,
            timeout=60,
        )

    def drop(self) -> None:
        for name in (self.name, self.proof):
            self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", database="postgres")
