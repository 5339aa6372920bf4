"""
What a PostgreSQL database holds, as something to compare: rows and a hash per table, and the names of its structure.

The server computes it, so no row crosses the network. A table's hash does not depend on the order of its rows (a
restore stores them in another): it is the sum of the rows' SHA-256 halves. It finds damage; against somebody who
looks for two tables with one sum it is no protection. Structure is compared by name and type, not by definition:
PostgreSQL spells some checks and views otherwise once they were restored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from psycopg import Connection, sql

from tidegate.tables import difference

Table = tuple[int, str]  # rows, hash over them
LARGE_OBJECTS = "(large objects)"

# Values are spelled alike whatever the server's or the role's own settings are, and nobody's function is taken for
# PostgreSQL's own.
SPELLING = """
SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601'; SET timezone = 'UTC'; SET extra_float_digits = 1;
SET bytea_output = 'hex'; SET xmloption = 'content'; SET search_path = ''; SET row_security = off
"""
# Without foreign tables and materialized views (their rows are made elsewhere), and without an extension's own.
TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""
HASH = """
SELECT count(*), md5(concat_ws(' ',
  sum(('x' || substr(h, 1, 16))::bit(64)::bigint),
  sum(('x' || substr(h, 17, 16))::bit(64)::bigint)))
FROM (SELECT encode(sha256(convert_to({row}, 'UTF8')), 'hex') AS h
      FROM {rows}) AS hashed
"""
STRUCTURE = """
WITH ours AS (SELECT oid, nspname FROM pg_namespace
              WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
     parts AS (SELECT c.oid, c.relkind, n.nspname || '.' || c.relname AS name
               FROM pg_class c JOIN ours n ON n.oid = c.relnamespace WHERE c.relpersistence <> 't')
SELECT CASE relkind WHEN 'i' THEN 'index ' WHEN 'I' THEN 'index ' WHEN 'S' THEN 'sequence ' WHEN 'v' THEN 'view '
       WHEN 'm' THEN 'materialized view ' WHEN 'f' THEN 'foreign table ' ELSE 'table ' END || name
FROM parts WHERE relkind IN ('i', 'I', 'S', 'v', 'm', 'f', 'p')
UNION ALL
SELECT 'column ' || name || '.' || attname || ' ' || format_type(atttypid, atttypmod)
       || CASE WHEN attnotnull THEN ' not null' ELSE '' END
FROM pg_attribute JOIN parts ON oid = attrelid
WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p')
UNION ALL
SELECT 'constraint ' || name || '.' || conname || ' ' || contype::text FROM pg_constraint
JOIN parts ON parts.oid = conrelid WHERE contype <> 'n'
UNION ALL
SELECT 'trigger ' || name || '.' || tgname FROM pg_trigger JOIN parts ON parts.oid = tgrelid
WHERE NOT tgisinternal
UNION ALL
SELECT 'function ' || n.nspname || '.' || p.proname || '(' || oidvectortypes(p.proargtypes) || ')'
FROM pg_proc p JOIN ours n ON n.oid = p.pronamespace
UNION ALL
SELECT 'extension ' || extname FROM pg_extension
ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Of one database, in one transaction."""

    tables: dict[str, Table] = field(default_factory=dict)
    structure: tuple[str, ...] = ()  # "index public.orders_by_customer", sorted

    def difference(self, other: Fingerprint) -> str:
        """What `other` has otherwise, in one sentence; empty when nothing."""
        if found := difference(self.tables, other.tables):
            return found
        if lost := sorted(set(self.structure) - set(other.structure)):
            return f"{lost[0]} is missing" + (f", and {len(lost) - 1} more" if lost[1:] else "")
        if more := sorted(set(other.structure) - set(self.structure)):
            return f"{more[0]} is too many"
        return ""


def fingerprint(database: Connection) -> Fingerprint:
    """
    Read every row of every table within the transaction that is open.

    psycopg.Error where a row or a page cannot be read. Sequences are compared by name: their values move outside of
    transactions.
    """
    database.execute(SPELLING.encode())
    tables = {}
    for schema, name in database.execute(TABLES.encode()).fetchall():
        # An alias that no table of the database can hide, and without what inherits from it.
        rows = sql.SQL("ONLY {} AS tidegate_row").format(sql.Identifier(schema, name))
        tables[_shown(schema, name)] = _hashed(database, sql.SQL("tidegate_row::text"), rows)
    objects = sql.SQL("pg_largeobject_metadata AS o")
    spelled = sql.SQL("o.oid::text || ' ' || encode(lo_get(o.oid), 'hex')")
    held = _hashed(database, spelled, objects)
    if held[0]:
        tables[LARGE_OBJECTS] = held
    structure = tuple(str(row[0]) for row in database.execute(STRUCTURE.encode()).fetchall())
    return Fingerprint(tables, structure)


def _hashed(database: Connection, row: sql.Composable, rows: sql.Composable) -> Table:
    found = database.execute(sql.SQL(HASH).format(row=row, rows=rows)).fetchone()
    assert found is not None
    return int(found[0]), str(found[1])


def _shown(schema: str, name: str) -> str:
    """`orders` of the usual schema, `audit.events` of another; quoted where a dot could be read as that."""
    parts = [name] if schema == "public" else [schema, name]
    return ".".join(f'"{part}"' if "." in part or '"' in part else part for part in parts)
