"""Sources asked aside: whoever looks waits for nothing, and what is old or dead is trouble, never a pass."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from blocks.metrics_aside import MetricsAside, Sides, named
from tests.contract.measuring_of import BLUE, GREEN, MINUTE
from tidegate.errors import Unreachable
from tidegate.ledger import Ledger
from tidegate.ports import PlatformState, Sample
from tidegate.traffic import Side


class Hand:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Source:
    """Counts its questions; answers when it is let."""

    def __init__(self) -> None:
        self.asked, self.open, self.threads = 0, threading.Event(), set[str]()
        self.open.set()
        self.error: Exception | None = None

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        self.asked += 1
        self.threads.add(threading.current_thread().name)
        assert self.open.wait(30)
        if self.error:
            raise self.error
        return Sample(metric, float(self.asked), 100, None, window, datetime.now(UTC))


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "never"
        time.sleep(0.01)


def heard(aside: MetricsAside, side: Side = GREEN) -> Sample:
    return aside.sample("error_rate", side, MINUTE)


@pytest.mark.proves("I6", "I4")
def test_a_source_that_hangs_delays_nobody_and_turns_into_trouble() -> None:
    source, clock = Source(), Hand()
    source.open.clear()
    aside = MetricsAside(source, every=5, deadline=15, elapsed=clock)
    began = time.monotonic()
    told = [heard(aside) for _ in range(1000)]
    assert time.monotonic() - began < 2.0, "a thousand looks beside a source that hangs"
    assert {one.error for one in told} == {"is being asked, no answer yet"}
    assert {one.value for one in told} == {None}
    until(lambda: source.asked == 1)
    clock.seconds = 16.0
    assert "has not answered for 16 s" in heard(aside).error
    assert source.asked == 1, "one question at a time, however long it hangs"
    source.open.set()
    until(lambda: not aside._busy)


def test_what_was_heard_counts_until_the_next_answer_is_overdue() -> None:
    source, clock = Source(), Hand()
    aside = MetricsAside(source, every=5, deadline=15, elapsed=clock)
    heard(aside)
    until(lambda: heard(aside).value == 1.0)
    until(lambda: not aside._busy)
    source.open.clear()
    clock.seconds = 6.0
    assert heard(aside).value == 1.0, "asked again, and not answered yet"
    clock.seconds = 20.0
    assert heard(aside).value == 1.0
    clock.seconds = 20.1
    old = heard(aside)
    assert (old.value, old.error) == (None, "has not answered for 20 s")
    source.open.set()
    until(lambda: heard(aside).value == 2.0)


def test_it_is_asked_no_oftener_than_it_is_worth() -> None:
    source, clock = Source(), Hand()
    aside = MetricsAside(source, every=5, deadline=15, elapsed=clock)
    for second in range(20):
        clock.seconds = float(second)
        heard(aside)
        until(lambda: not aside._busy)
    assert source.asked == 4


def test_errors_of_a_source_are_its_trouble_and_faults_of_a_connector_as_well() -> None:
    source = Source()
    for error, said in ((Unreachable("it is away"), "it is away"), (KeyError("x"), "KeyError: 'x'")):
        source.error = error
        aside = MetricsAside(source)
        heard(aside)
        until(lambda: heard(aside).error == said)  # noqa: B023  # it runs before the next one


def test_a_flow_may_wait_for_an_answer_and_a_dead_source_ends_its_patience() -> None:
    source = Source()
    assert heard(MetricsAside(source, patience=20)).value == 1.0
    source.open.clear()
    began = time.monotonic()
    assert heard(MetricsAside(source, patience=0.2)).error == "is being asked, no answer yet"
    assert 0.2 <= time.monotonic() - began < 5
    source.open.set()


def test_both_sides_are_asked_in_the_sources_own_thread_and_old_questions_are_forgotten() -> None:
    source, clock = Source(), Hand()
    aside = MetricsAside(source, elapsed=clock)
    heard(aside)
    heard(aside, BLUE)
    until(lambda: heard(aside, BLUE).value is not None and heard(aside).value is not None)
    assert source.threads == {"ask Source"}
    clock.seconds = 700.0
    heard(aside)
    assert set(aside._wanted) == {("error_rate", GREEN, MINUTE)}


class Platform:
    def __init__(self, versions: dict[str, str]) -> None:
        self.versions, self.asked = versions, 0

    def status(self, name: str) -> PlatformState | None:
        self.asked += 1
        return PlatformState(Side(name, ()), (), 1, self.versions[name]) if name in self.versions else None


def test_a_sides_version_is_its_platforms_word_asked_once() -> None:
    platform = Platform({"api-green": "2.1.0"})
    sides = Sides(_Spec(), "shop/2.1.0/1", {"api": platform}, _no_ledger)  # type: ignore[arg-type, dict-item]  # what is used of them
    for _ in range(3):
        assert sides.facts(GREEN)["version"] == "2.1.0"
    assert platform.asked == 1
    assert sides.facts(BLUE)["version"] == "", "not known; asked again the next time"
    assert sides.facts(GREEN)["url"] == GREEN.urls[0]


class _Spec:
    system = "shop"


def _no_ledger() -> Ledger:
    raise AssertionError("not asked")


def test_sources_of_one_connector_are_told_apart() -> None:
    found = named((slug, Source()) for slug in ("a-metrics", "b-metrics", "a-metrics"))
    assert [one.name for one in found] == ["a-metrics", "b-metrics", "a-metrics 2"]
