"""
Empties a cache in Redis: the keys with a prefix, one database, or all of it where the spec allows that by name.

Keys of a prefix are found page by page and unlinked, so that Redis goes on answering; doing it twice does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from blocks.connector import Connector
from blocks.connector_api import secret
from blocks.redis_protocol import Redis
from tidegate.errors import NotUnderstood
from tidegate.quantities import Duration

A_PAGE = 500  # keys


class RedisCache(Connector):
    """Empties keys of Redis."""

    _block_type_name = "Redis cache"
    _block_type_slug = "redis-cache"
    _description = "Removes the keys with a prefix, of a database, or all."

    url_secret: str = Field(
        title="Address", description="Name of our own variable with redis://[:PASSWORD@]HOST:PORT/DB."
    )
    scope: Literal["prefix", "database", "all"] = Field(
        "prefix", title="Scope", description="prefix: keys that begin so; database: the address's; all: every database."
    )
    prefix: str = Field("", title="Prefix", description="Of the keys; needed for scope prefix.", examples=["shop:"])
    allow_all: bool = Field(False, title="Allow all", description="Needed for the scopes database and all.")
    timeout: Duration = Field(timedelta(seconds=30), title="Time-out", description="Of everything.")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.scope == "prefix" and not self.prefix:
            raise ValueError("scope prefix needs a prefix; an empty one would be every key")
        if self.scope != "prefix" and (not self.allow_all or self.prefix):
            raise ValueError(
                f"scope {self.scope} removes what others may keep there: say allow_all: true, and no prefix"
            )
        return self

    def done(self, release: str, facts: Mapping[str, str]) -> str:
        """Never known: keys come back as soon as somebody asks."""
        return ""

    def do(self, release: str, facts: Mapping[str, str]) -> str:
        with Redis(secret(self.url_secret, "Redis"), self.timeout.total_seconds()) as redis:
            if self.scope == "prefix":
                return f"{self._unlinked(redis):,} keys of {self.prefix!a} removed from {redis.name}"
            before = redis.ask("DBSIZE")
            redis.ask("FLUSHALL" if self.scope == "all" else "FLUSHDB", "ASYNC")
            after = redis.ask("DBSIZE")
            what = "every database" if self.scope == "all" else f"database {redis.db}"
            return f"{what} of {redis.name} emptied: {before} keys in database {redis.db} before, {after} after"

    def _unlinked(self, redis: Redis) -> int:
        pattern = "".join(f"\\{c}" if c in "*?[]\\^-" else c for c in self.prefix) + "*"
        cursor, removed = "0", 0
        while True:
            told = redis.ask("SCAN", cursor, "MATCH", pattern, "COUNT", str(A_PAGE))
            if not isinstance(told, list) or len(told) != 2 or not isinstance(told[1], list):
                raise NotUnderstood("Redis answers SCAN with no page of keys")
            keys = [key for key in told[1] if isinstance(key, str) and key.startswith(self.prefix)]
            if keys:
                gone = redis.ask("UNLINK", *keys)
                removed += gone if isinstance(gone, int) else 0
            cursor = str(told[0])
            if cursor == "0":
                return removed
