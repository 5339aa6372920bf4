"""Bookings in bulk, without a server: Prefect 3.8 refuses more than a hundred runs a call."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from blocks.prefect_runs import BULK, PrefectRuns

PREFECT_CREATES = 100  # BULK_CREATE_LIMIT of its server
DUE = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Server:
    """As much of Prefect's API as a booking needs; what is refused once is created when it is asked for alone."""

    def __init__(self, refuses: int = 0) -> None:
        self.refuses, self.calls, self.created = refuses, list[int](), list[str]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"id": "d1", "token": None})
        told = json.loads(request.content)
        if not request.url.path.endswith("/bulk"):
            self.created.append(told["name"])
            return httpx.Response(201, json={"id": "r"})
        self.calls.append(len(told))
        if len(told) > PREFECT_CREATES:
            return httpx.Response(400, json={"detail": "too many"})
        results: list[dict[str, Any]] = []
        for run in told:
            failed, self.refuses = self.refuses > 0, self.refuses - 1
            results.append({"status": "FAILED" if failed else "CREATED"})
            self.created += [] if failed else [run["name"]]
        return httpx.Response(200, json={"results": results})


@pytest.mark.proves("G10")
@pytest.mark.parametrize(("count", "refuses"), [(1, 0), (50, 0), (51, 0), (337, 0), (120, 3)])
def test_any_number_of_slots_is_booked_once_each(count: int, refuses: int) -> None:
    server, runs = Server(refuses), PrefectRuns("http://prefect/api")
    runs._http = httpx.Client(base_url=runs.url, transport=httpx.MockTransport(server))
    slots = [f"T+{n}m" for n in range(count)]
    runs.book("shop/v2/1", dict.fromkeys(slots, DUE))
    assert sorted(server.created) == sorted(f"shop/v2/1 {slot}" for slot in slots)
    assert max(server.calls) <= BULK <= PREFECT_CREATES
