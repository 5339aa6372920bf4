"""A load against real servers on this machine: one whose answers a test chooses, and the example shop."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.load_check import LoadCheck
from blocks.load_check_driving import Outcome
from tests.contract.shown_world import NOW, shown_world, spec_of
from tests.contract.test_http_check import Site
from tidegate import events as ev
from tidegate.ledger import Draft, Kind
from tidegate.past import Past, figures_before, worse
from tidegate.ports import CheckResult, Verdict
from tidegate.simulation.timeline import Timeline
from tidegate.world import World

MEMORY = b"process_resident_memory_bytes %d\nother_bytes 1\n"


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def asked(site: Site, **fields: Any) -> CheckResult:
    return LoadCheck(**{"url": f"{site.url}/", "requests": 40, "concurrency": 4, **fields}).run({})


@pytest.mark.proves("S2-074", "pre.perf")
def test_so_many_requests_are_sent_so_many_at_once_and_told_in_percentiles(site: Site) -> None:
    told = asked(site, p95="below 5s")
    assert told.verdict is Verdict.PASS, told.evidence
    assert len(site.asked) == 40
    assert told.figures["requests"] == 40
    assert told.figures["failed"] == 0
    assert 0 < told.figures["p50"] <= told.figures["p95"] <= told.figures["p99"]
    assert "40 requests in" in told.evidence
    assert ", 4 at once, 0 failed" in told.evidence


@pytest.mark.proves("S0-010")
def test_too_slow_fails_strictly_with_what_was_measured(site: Site) -> None:
    site.ways["/"] = lambda answer: (time.sleep(0.06), answer.send())[1]  # type: ignore[func-returns-value]
    told = asked(site, requests=8, p95="below 50ms", p50="below 5s")
    assert told.verdict is Verdict.FAIL
    first = told.evidence.splitlines()[0]
    assert first.startswith("p95: 0.")
    assert first.endswith("wanted: below 50ms")
    assert told.figures["p95"] >= 0.05


def test_failures_are_counted_or_a_share_and_their_reasons_told(site: Site) -> None:
    numbers = iter(range(1000))
    site.ways["/"] = lambda answer: answer.send(500 if next(numbers) % 10 == 0 else 200)
    told = asked(site, concurrency=1)
    assert told.verdict is Verdict.FAIL
    assert told.evidence.startswith("4 of 40 failed, wanted: at most 0 count: HTTP 500 (4)")
    assert asked(site, concurrency=1, failed="at most 10 %").verdict is Verdict.PASS
    assert asked(site, concurrency=1, failed="below 10 %").verdict is Verdict.FAIL


def test_when_most_fail_it_stops_by_itself(site: Site) -> None:
    site.ways["/"] = lambda answer: answer.send(503)
    told = asked(site, requests=5000, failed="below 100 %")
    assert told.verdict is Verdict.FAIL
    assert "of 5,000 requests: more than half had failed" in told.evidence
    assert len(site.asked) < 100


def test_the_deadline_ends_it(site: Site) -> None:
    site.ways["/"] = lambda answer: (time.sleep(0.05), answer.send())[1]  # type: ignore[func-returns-value]
    began = time.monotonic()
    told = asked(site, requests=100_000, deadline="500ms")
    assert told.verdict is Verdict.FAIL
    assert "the deadline of 0.5 s came first" in told.evidence
    assert time.monotonic() - began < 10


def test_an_open_loop_counts_the_wait_of_those_who_came_while_the_server_stalled(site: Site) -> None:
    """One stall of 0.6 s: of an open loop's customers many see it, of a closed loop's one."""
    lock = threading.Lock()

    def stalls() -> None:
        numbers = iter(range(1000))

        def answer(one: Any) -> None:
            with lock:
                if next(numbers) == 10:
                    time.sleep(0.6)
            one.send()

        site.ways["/"] = answer

    stalls()
    opened = asked(site, requests=100, rate=100, concurrency=1)
    stalls()
    closed = asked(site, requests=100, concurrency=1)
    assert opened.figures["p95"] > 0.3
    assert closed.figures["p95"] < 0.3
    assert opened.figures["throughput"] <= 105, "no faster than it was asked for"


def test_nobody_there_is_a_failure_and_never_a_pass() -> None:
    told = LoadCheck(url="http://127.0.0.1:9/", requests=5, p95="below 5s").run({})  # type: ignore[arg-type]
    assert told.verdict is Verdict.FAIL
    assert "5 of 5 failed" in told.evidence
    assert "p95: nothing measured" in told.evidence


@pytest.mark.proves("S0-011")
def test_memory_under_load_is_the_highest_that_was_told(site: Site) -> None:
    values = iter([90_000_000, 210_000_000, *[100_000_000] * 1000])
    site.ways["/metrics"] = lambda answer: answer.send(body=MEMORY % next(values))
    site.ways["/"] = lambda answer: (time.sleep(0.2), answer.send())[1]  # type: ignore[func-returns-value]
    told = asked(site, requests=20, memory="below 200MB")
    assert told.verdict is Verdict.FAIL
    assert told.figures["memory"] == 210_000_000
    assert "wanted: below 200MB" in told.evidence.splitlines()[0]


def test_memory_that_nobody_tells_fails(site: Site) -> None:
    site.ways["/metrics"] = lambda answer: answer.send(404)
    told = asked(site, requests=4, memory="below 200MB")
    assert told.verdict is Verdict.FAIL
    assert "memory: nothing measured, wanted: below 200MB" in told.evidence


def test_every_instance_gets_its_part_and_private_names_are_not_asked(site: Site) -> None:
    check = LoadCheck(url="{url}/x", requests=4, concurrency=1)
    other = Site()
    threading.Thread(target=other.serve_forever, args=(0.02,), daemon=True).start()
    told = check.run({"url": site.url, "urls": f"{site.url} {other.url}/"})
    other.shutdown()
    other.server_close()
    assert told.verdict is Verdict.PASS
    assert (len(site.asked), len(other.asked)) == (2, 2)
    assert check.run({}).verdict is Verdict.ERROR
    metadata = LoadCheck(url="http://169.254.169.254/", requests=1).run({})
    assert metadata.verdict is Verdict.ERROR
    assert "never asked" in metadata.evidence


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"requests": 0}, "greater than or equal to 1"),
        ({"requests": 10**7}, "less than or equal to 100000"),
        ({"rate": 0}, "greater than 0"),
        ({"url": "http://x/{url}"}, "can only stand first"),
        ({"p95": "100ms"}, "has no operator"),
    ],
)
def test_what_has_no_bound_or_no_meaning_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        LoadCheck(**{"url": "http://127.0.0.1/", **fields})


def test_a_percentile_is_the_nearest_rank() -> None:
    ten = Outcome(latencies=[n / 10 for n in range(10, 0, -1)])
    assert [ten.percentile(share) for share in (0.5, 0.9, 0.95, 1.0)] == [0.5, 0.9, 1.0, 1.0]
    assert Outcome(latencies=[7.0]).percentile(0.5) == 7.0


def released(world: World, version: str, figures: dict[str, float], *, promoted: bool = True) -> str:
    """A release in the ledger whose check `load` measured these."""
    ledger = world.ledger
    row = ledger.open("shop", version, "run", {}, "kim")
    epoch = ledger.take(row.id, "run", 60).epoch
    did: list[ev.Event] = [
        ev.CheckRun(at=NOW, name="load", verdict=Verdict.PASS, figures=figures),
        ev.Claimed(at=NOW, component="api", stable="v1", canary="v2", epoch=epoch),
        *([ev.Promoted(at=NOW, weight=100)] if promoted else []),
    ]
    for event in did:
        body = event.to_body()
        ledger.append(row.id, Draft(Kind.OUTCOME, body["event"], body, "release", epoch))
    ledger.retire(row.id)
    if isinstance(world.clock, Timeline):
        world.clock.sleep(60)
    return row.id


@pytest.mark.proves("pre.perf", "S1-124", "met.baseline")
def test_it_fails_when_it_is_worse_than_the_last_release_that_was_promoted(site: Site) -> None:
    site.ways["/"] = lambda answer: (time.sleep(0.05), answer.send())[1]  # type: ignore[func-returns-value]
    check = LoadCheck(url=f"{site.url}/", requests=6, concurrency=2, compare="previous-release")
    made = shown_world(spec_of("shop"))
    world = World(spec=made.spec, parts=made.parts, clock=made.clock, ledger=made.ledger, checks={"load": check})
    check.meets(world)
    first = check.run({"release": "shop/3.0/1"})
    assert first.verdict is Verdict.PASS, first.evidence
    assert "these are the first" in first.evidence
    good = released(world, "2.8", {"p50": 1.0, "p95": 1.0, "throughput": 1.0})
    released(world, "2.9", {"p50": 0.001, "p95": 0.001}, promoted=False)
    told = check.run({"release": "shop/3.0/1"})
    assert told.verdict is Verdict.PASS, told.evidence
    assert told.evidence.endswith(f"compared with {good}")
    fast = released(world, "2.9.1", {"p95": 0.001})
    told = check.run({"release": "shop/3.0/1"})
    assert told.verdict is Verdict.FAIL
    assert f"0.001 in {fast}" in told.evidence.splitlines()[0]
    assert "% worse" in told.evidence.splitlines()[0]
    assert figures_before(world.ledger, "shop", "another").release == ""


def test_worse_means_larger_or_where_named_smaller_or_gone() -> None:
    past = Past("shop/1/1", {"p95": 1.0, "score": 100.0, "zero": 0.0})
    assert worse(past, {"p95": 1.1, "score": 90.0, "zero": 0.0}, 0.1, ("score",)) == []
    lines = worse(past, {"p95": 1.11, "score": 89.0, "zero": 0.1}, 0.1, ("score",))
    assert [line.partition(":")[0] for line in lines] == ["p95", "score", "zero"]
    assert worse(past, {}, 0.1, ())[0] == "p95: nothing now, 1 in shop/1/1"
