"""Where a gate's figure comes from: sources in their order, what each said, and figures of a window from instants."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.answering import NOW
from tests.unit.chains import Chain
from tests.unit.looking import BLUE, GREEN, MINE, WELL
from tidegate.errors import Denied, Unreachable
from tidegate.judge.limits import judge
from tidegate.measuring import Instant, Instants, asked, filled, measured, names_in, statistic, tells_apart
from tidegate.memory_ledger import MemoryLedger
from tidegate.ports import Clock, Sample, Verdict
from tidegate.seeing import readings_of, samples_of
from tidegate.sight import Sight
from tidegate.simulation import specs
from tidegate.traffic import Mark, Seen, Side, Split
from tidegate.world import Part, Source, World

MINUTE = timedelta(minutes=1)


class Still:
    """A clock that stands."""

    now = staticmethod(lambda: NOW)
    elapsed = staticmethod(lambda: 0.0)
    sleep = staticmethod(lambda _: None)


class Says:
    """A source that says this of the canary and that of stable."""

    def __init__(self, canary: float | Exception | None, stable: float | None = 0.5, **beside: float) -> None:
        self.canary, self.stable, self.beside = canary, stable, beside

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        said = self.canary if side == GREEN else self.stable
        if isinstance(said, Exception):
            raise said
        return Sample(metric, said, 1000, None, window, NOW, beside=self.beside)


def world(*sources: Source, scope: str = "green") -> World:
    """A shop of one component whose error_rate has these sources; without any, its component says 0.07."""
    listed: list[dict[str, Any]] = [{"name": "error_rate", "scope": scope, "sources": [specs.NOWHERE]}]
    spec = specs.spec(metrics=listed if sources else [])
    clock: Clock = Still()
    part = Part(None, None, None, Says(0.07))  # type: ignore[arg-type]  # nothing else of it is asked
    return World(spec, {"api": part}, clock, MemoryLedger(clock), {"error_rate": sources} if sources else {})


def test_a_metric_that_is_listed_is_read_from_its_sources_and_another_from_its_component() -> None:
    listed = world(Source("first", Says(0.01)))
    assert measured(listed, "api", "error_rate", GREEN, MINUTE).value == 0.01
    assert measured(listed, "api", "latency_p95", GREEN, MINUTE).value == 0.07
    assert measured(world(), "api", "error_rate", GREEN, MINUTE).value == 0.07


@pytest.mark.parametrize(
    ("said", "value", "error"),
    [
        ((0.01, 0.02), 0.01, ""),
        ((None, 0.02), 0.02, ""),
        ((Unreachable("away"), 0.02), 0.02, ""),
        ((Unreachable("away"), None), None, "first: away"),
        ((None, Unreachable("away")), None, "second: away"),
        ((None, None), None, ""),
    ],
)
def test_the_first_source_that_has_a_figure_counts(said: tuple[Any, Any], value: float | None, error: str) -> None:
    of = world(Source("first", Says(said[0])), Source("second", Says(said[1])))
    sample = measured(of, "api", "error_rate", GREEN, MINUTE)
    assert (sample.value, sample.error) == (value, error)
    gate = of.spec.gates[0]
    verdict = judge(gate, sample, timedelta(0), NOW).verdict
    assert (verdict is Verdict.PASS) == (value == 0.01), "without a figure nothing passes"


def looked(of: World) -> tuple[dict[str, Sample], dict[tuple[str, str], float | None]]:
    """What the gates get, and what is kept as evidence: (side, metric) -> value."""
    seen = {"api": Seen(Split(BLUE, GREEN, 5), Mark(MINE, 1))}
    story = Chain().claimed().weight().story
    samples = samples_of(of, story, seen)
    sight = Sight(NOW, 5.0, story, True, seen, samples, {"api": WELL}, True)
    return samples, {(one.side, one.metric): one.value for one in readings_of(of, sight) if one.metric != "weight"}


def test_what_every_source_said_is_evidence_and_stable_stands_beside_it() -> None:
    both = world(Source("first", Says(None)), Source("second", Says(0.02, gap=3.0)))
    samples, evidence = looked(both)
    assert samples["api-errors"].value == 0.02
    assert evidence == {
        ("canary", "error_rate"): 0.02,
        ("stable", "error_rate"): 0.5,
        ("canary", "error_rate by first"): None,
        ("canary", "error_rate by second"): 0.02,
        ("canary", "error_rate: gap"): 3.0,
    }


def test_a_number_of_old_and_new_together_has_no_stable_beside_it() -> None:
    """What tells no versions apart would show one number twice, as if stable were as bad as the canary."""
    for of in (world(Source("one", Says(0.02)), scope="all"), world(Source("one", Says(0.02), sided=False))):
        assert not tells_apart(of, "error_rate")
        _, evidence = looked(of)
        assert evidence == {("canary", "error_rate"): 0.02}


def test_the_names_of_sources_stand_in_the_evidence_once_each() -> None:
    of = world(Source("one", Says(0.02)))
    assert [name for name, _ in asked(of, "api", "error_rate", GREEN, MINUTE)] == ["one"]
    assert tells_apart(replace(of, sources={}), "error_rate")


# -- figures of a window ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "wanted"),
    [(None, 3.0), ("count", 3.0), ("mean", 4.0), ("rate", 4.0), ("sum", 12.0), ("min", 1.0), ("max", 8.0),
     ("p50", 3.0), ("p75", 8.0), ("p99", 8.0)],
)  # fmt: skip
def test_one_figure_of_many(how: str | None, wanted: float) -> None:
    assert statistic([1.0, 8.0, 3.0], how) == wanted
    assert statistic([], how) is None


def test_instants_of_a_window_and_no_more_than_it_keeps() -> None:
    kept = Instants(keeps=timedelta(seconds=100))
    for n in range(300):
        kept.add(Instant(float(n), NOW, float(n)))
    assert [one.value for one in kept.within(timedelta(seconds=2), 299.0)] == [297.0, 298.0, 299.0]
    assert len(kept.within(timedelta(hours=1), 299.0)) <= 112


def test_a_query_may_hold_braces_of_its_own_and_names_only_what_is_known() -> None:
    query = 'rate(x{version="{version}"}[{window}])'
    assert names_in(query) == ["version", "window"]
    assert filled(query, {"version": "2.1.0", "window": "60s"}) == 'rate(x{version="2.1.0"}[60s])'
    with pytest.raises(ValueError, match=r"\{when\} is not known"):
        names_in("{when}")
    for bad in ("", 'x"} or vector(0', "a b", "x\n"):
        with pytest.raises(Denied):
            filled(query, {"version": bad, "window": "60s"})
