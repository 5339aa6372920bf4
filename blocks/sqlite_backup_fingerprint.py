"""
What a SQLite database holds, as something to compare: rows and a hash per table, structure, broken references.

Tables are read row by row in the order of their keys, so a big one needs time and no memory.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from tidegate.tables import difference

Table = tuple[int, str]  # rows, SHA-256 over them


class Unreadable(Exception):
    """A table that cannot be read to its end."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Of one database, in one reading."""

    tables: dict[str, Table] = field(default_factory=dict)
    structure: str = ""  # over tables, indexes, views and triggers as they were declared
    broken_references: int = 0  # foreign keys that lead nowhere; SQLite allows them unless asked not to

    def difference(self, other: Fingerprint) -> str:
        """What `other` has otherwise, in one sentence; empty when nothing."""
        if found := difference(self.tables, other.tables):
            return found
        if self.structure != other.structure:
            return "every table holds the same, but indexes, views or triggers are others"
        if self.broken_references != other.broken_references:
            return f"{other.broken_references:,} foreign keys lead nowhere instead of {self.broken_references:,}"
        return ""


def fingerprint(database: sqlite3.Connection) -> Fingerprint:
    """Read everything; Unreadable names the table at which that fails."""
    # Text that is no UTF-8 is content, too; and it must not be taken for a blob.
    database.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    declared = database.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name, tbl_name"
    ).fetchall()
    tables = {}
    for kind, name, _, sql in declared:
        # A virtual table computes its rows; what it stores lies in tables of its own, which are read.
        if kind == "table" and not str(sql).upper().startswith("CREATE VIRTUAL"):
            try:
                tables[name] = _table(database, name)
            except sqlite3.DatabaseError as why:
                raise Unreadable(f"table {name} cannot be read: {why}") from why
    structure = hashlib.sha256(ascii(declared).encode()).hexdigest()
    broken = sum(1 for _ in database.execute("PRAGMA foreign_key_check"))
    return Fingerprint(tables, structure, broken)


def _table(database: sqlite3.Connection, name: str) -> Table:
    rows, digest = 0, hashlib.sha256()
    query = f"SELECT * FROM {_quoted(name)} ORDER BY {_order(database, name)}"  # noqa: S608 - quoted, from the schema
    for row in database.execute(query):
        rows += 1
        # ascii() spells values and their types alike in every Python: 1, 1.0, '1', b'1' and None all differ.
        digest.update(ascii(_without_blobs(row) if bytes in map(type, row) else row).encode() + b"\n")
    return rows, digest.hexdigest()


def _without_blobs(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Spelled out, a picture of 100 MB would need four times as much memory."""
    return tuple((hashlib.sha256(value).hexdigest(),) if type(value) is bytes else value for value in row)


def _order(database: sqlite3.Connection, name: str) -> str:
    """The order in which the rows are stored: reading in it sorts nothing."""
    columns = database.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
    taken = {str(column[1]).lower() for column in columns}
    for alias in ("rowid", "_rowid_", "oid"):
        if alias in taken:
            continue
        try:
            database.execute(f"SELECT {alias} FROM {_quoted(name)} LIMIT 0")  # noqa: S608 - as above
        except sqlite3.OperationalError:  # declared WITHOUT ROWID: stored by its primary key
            break
        return alias
    keys = sorted((column[5], column[1]) for column in columns if column[5])
    return ", ".join(_quoted(key) for _, key in keys) or "1"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
