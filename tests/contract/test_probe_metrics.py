"""A probe at a real server: an open loop, so a server that stalls is seen by every question that it delays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from blocks import probe_metrics
from blocks.probe_metrics import ProbeMetrics
from tests.contract.json_pages import Pages, pages
from tests.contract.measuring_of import GREEN, MINUTE, of
from tidegate.ports import Sample


@pytest.fixture
def page() -> Iterator[Pages]:
    with pages() as made:
        made.say("well")
        yield made


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "never"
        time.sleep(0.02)


def probe(page: Pages, measures: str, statistic: str = "mean", **fields: Any) -> ProbeMetrics:
    told: dict[str, Any] = {"url": f"{page.url}/", "measures": measures, "every": "20ms", **fields}
    return ProbeMetrics(**told).measuring(of("probed", statistic=statistic))


def enough(asked: ProbeMetrics, n: int) -> Sample:
    until(lambda: (asked.sample("probed", GREEN, MINUTE).count or 0) >= n)
    return asked.sample("probed", GREEN, MINUTE)


def test_what_was_answered_is_a_share_of_what_was_asked(page: Pages) -> None:
    asked = probe(page, "answered")
    assert asked.sample("probed", GREEN, MINUTE).value is None, "it begins with its first sample"
    assert enough(asked, 5).value == 1.0
    page.say("ill", 500)
    until(lambda: (asked.sample("probed", GREEN, MINUTE).bad or 0) >= 5)
    read = asked.sample("probed", GREEN, MINUTE)
    assert read.value is not None
    assert read.count is not None
    assert read.bad is not None
    assert read.value == pytest.approx(1 - read.bad / read.count)


def test_failures_are_counted_and_the_longest_gap_is_told(page: Pages) -> None:
    asked = probe(page, "failed", "sum", gaps=True)
    enough(asked, 5)
    page.say("ill", 503)
    until(lambda: (asked.sample("probed", GREEN, MINUTE).value or 0) >= 10)
    page.say("well")
    failed = asked.sample("probed", GREEN, MINUTE).value
    assert failed is not None
    gap = asked.sample("probed", GREEN, MINUTE).beside["longest gap"]
    assert gap >= 0.18, "ten questions of 20 ms without a right answer"


def test_a_stalled_server_is_seen_by_every_question_it_delays(page: Pages) -> None:
    asked = probe(page, "total-time", "p90", timeout="2s")
    enough(asked, 5)
    page.slow = 0.5
    until(lambda: (asked.sample("probed", GREEN, MINUTE).count or 0) >= 30)
    slow = [one for one in next(iter(asked._loops.values())).asked if one.seconds >= 0.5]
    assert len(slow) >= 15, "the questions went on while none was answered"
    assert (asked.sample("probed", GREEN, MINUTE).value or 0) >= 0.5


def test_a_server_that_is_away_fails_every_question_and_its_time_is_what_was_waited_for(page: Pages) -> None:
    page.slow = 5.0
    asked = probe(page, "total-time", "max", timeout="100ms")
    read = enough(asked, 3)
    assert read.value is not None
    assert read.value >= 0.1
    assert probe(page, "answered", timeout="100ms").measures == "answered"


def test_what_is_in_flight_is_bounded(page: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_metrics, "IN_FLIGHT", 3)
    page.slow = 1.0
    asked = probe(page, "failed", timeout="5s")
    read = enough(asked, 3)
    loop = next(iter(asked._loops.values()))
    assert any("no answer yet" in one.wrong for one in loop.asked)
    assert (read.value or 0) >= 1


def test_it_ends_when_nobody_wants_to_know(page: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_metrics, "UNASKED_FOR", 0.1)
    asked = probe(page, "answered")
    asked.sample("probed", GREEN, MINUTE)
    loop = next(iter(asked._loops.values()))
    until(lambda: loop._thread is not None and not loop._thread.is_alive())
    monkeypatch.setattr(probe_metrics, "UNASKED_FOR", 60.0)
    before = len(loop.asked)
    asked.sample("probed", GREEN, MINUTE)
    until(lambda: len(loop.asked) > before)
