"""
A stand-in for Sentry's organization API: it keeps spans, errors and sessions of releases and adds them up.

Every question and every answer is held against Sentry's own description where that lies beside the repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jsonschema import Draft4Validator  # type: ignore[import-untyped]  # Prefect brings it along

from tests.contract.json_pages import Pages, pages
from tests.contract.vendor_contracts import contract

TOKEN = "sntrys-made-up-token"
PLACE = "/api/0/organizations/{organization_id_or_slug}"


@dataclass
class Span:
    """One request as Sentry keeps it."""

    at: datetime
    release: str
    failed: bool
    seconds: float
    transaction: str = "/api/orders"


@dataclass
class Sentry:
    """What this Sentry was told, what it was asked, and what was wrong with that by its own description."""

    spans: list[Span] = field(default_factory=list)
    sessions: dict[str, dict[str, int]] = field(default_factory=dict)  # release -> status -> how many
    faults: list[str] = field(default_factory=list)
    page: Pages = field(default_factory=Pages)

    def answer(self, path: str, query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, str]:
        import json  # here alone

        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, '{"detail": "Invalid token"}'
        found = re.fullmatch(r"/api/0/organizations/[^/]+/(events|sessions)/", path)
        if found is None:
            return 404, '{"detail": "not found"}'
        operation = f"{PLACE}/{found[1]}/"
        self.faults += query_faults(operation, query)
        told = self._events(query) if found[1] == "events" else self._sessions(query)
        self.faults += answer_faults(operation, told)
        return 200, json.dumps(told)

    def _events(self, query: dict[str, list[str]]) -> dict[str, Any]:
        search, fields = query.get("query", [""])[0], query["field"]
        since, until = (datetime.fromisoformat(query[name][0]) for name in ("start", "end"))
        release = re.search(r'release:"([^"]*)"', search)
        transaction = re.search(r"transaction:(\S+)", search)
        mine = [
            one for one in self.spans
            if since <= one.at <= until
            and (release is None or one.release == release[1])
            and (transaction is None or re.fullmatch(transaction[1].replace("*", ".*"), one.transaction))
        ]  # fmt: skip
        if not mine and "count()" not in fields:
            return {"data": [], "meta": {"fields": {}}}
        row: dict[str, Any] = {"count()": len(mine)}
        times = sorted(one.seconds for one in mine)
        for name in fields:
            if name == "failure_rate()":
                row[name] = sum(one.failed for one in mine) / len(mine) if mine else None
            elif percentile := re.fullmatch(r"p(\d+)\(span\.duration\)", name):
                row[name] = (
                    times[min(int(len(times) * int(percentile[1]) / 100), len(times) - 1)] * 1000 if mine else None
                )
        return {"data": [{name: row[name] for name in fields}], "meta": {"fields": dict.fromkeys(fields, "number")}}

    def _sessions(self, query: dict[str, list[str]]) -> dict[str, Any]:
        release = re.search(r'release:"([^"]*)"', query.get("query", [""])[0])
        mine = self.sessions.get(release[1] if release else "", {})
        groups = [
            {"by": {"session.status": status}, "totals": {"sum(session)": count}, "series": {}}
            for status, count in mine.items()
        ]
        start, end = query["start"][0], query["end"][0]
        return {"start": start, "end": end, "intervals": [], "groups": groups, "query": query.get("query", [""])[0]}


def query_faults(path: str, query: dict[str, list[str]]) -> list[str]:
    """What is wrong with a question by the vendor's description; empty also where there is none."""
    told = contract("sentry").told
    if told is None:
        return []
    known = {one["name"]: one for one in told["paths"][path]["get"]["parameters"] if one["in"] == "query"}
    found = [f"{name} is no parameter of {path}" for name in query if name not in known]
    found += [f"{name} is missing" for name, one in known.items() if one.get("required") and name not in query]
    for name, values in query.items():
        schema = known.get(name, {}).get("schema", {})
        for value in values if schema.get("type") != "array" else ():
            read = int(value) if schema.get("type") == "integer" and value.isdecimal() else value
            found += [f"{name}: {one.message}" for one in Draft4Validator(schema).iter_errors(read)]
    return found


def answer_faults(path: str, body: Any) -> list[str]:
    """What is wrong with this stand-in's own answer."""
    told = contract("sentry").told
    if told is None:
        return []
    schema = told["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    return [f"answer: {one.message}" for one in Draft4Validator(schema).iter_errors(body)]


@contextmanager
def sentry() -> Iterator[Sentry]:
    with pages() as page:
        made = Sentry(page=page)
        page.answer = made.answer
        yield made
