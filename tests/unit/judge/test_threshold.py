"""The rehearsal of the threshold: good releases cut from stored traffic, and the rate that is told of them."""

from __future__ import annotations

import pytest

from tests.unit.judge.rollouts import Rollout
from tidegate.errors import SpecError
from tidegate.judge.interval import interval
from tidegate.judge.threshold import cut, rehearsed

PLAN = ((0.25, 240.0), (1.0, 240.0))


def stored(rollout: Rollout) -> list[dict[str, object]]:
    """An hour of the stable version alone."""
    alone = Rollout(rate=rollout.rate, failing=rollout.failing, stages=((0.0, 3600.0),), seconds=20.0, seed=9)
    return [sample["stable"] for sample in alone.samples()]


def test_good_releases_have_the_plans_shares_and_both_versions_traffic() -> None:
    rollout = Rollout(rate=50.0, stages=PLAN, seconds=20.0)
    (one,) = cut(rollout.meta, stored(rollout), 1)
    samples = list(one)
    assert [s["share"] for s in samples] == [0.25] * 12 + [1.0] * 12
    new, all_ = (sum(sum(s[side]["requests"]) for s in samples[:12]) for side in ("new", "stable"))
    assert new / (new + all_) == pytest.approx(0.25, abs=0.02)
    assert all(sum(s["new"]["latency"]) == sum(s["new"]["requests"]) for s in samples)


def test_at_the_rehearsed_threshold_few_good_releases_are_rolled_back() -> None:
    rollout = Rollout(rate=20.0, stages=PLAN, seconds=20.0)
    told = rehearsed(rollout.meta, cut(rollout.meta, stored(rollout), 40))
    assert told.rolled_back == 0  # 1 % of 40 allows none
    assert 0.002 <= told.alpha <= 0.2
    assert told.high == pytest.approx(1 - 0.025 ** (1 / 40), abs=1e-3)
    assert "of 40 good releases" in told.told()


def test_a_threshold_that_may_err_more_often_is_no_stricter() -> None:
    rollout = Rollout(rate=20.0, stages=PLAN, seconds=20.0)
    runs = [list(one) for one in cut(rollout.meta, stored(rollout), 10)]
    assert rehearsed(rollout.meta, runs, target=0.5).alpha >= rehearsed(rollout.meta, runs, target=0.0).alpha


@pytest.mark.parametrize(
    ("hits", "runs", "low", "high"), [(0, 300, 0.0, 0.0122), (3, 300, 0.0021, 0.0289), (5, 5, 0.478, 1.0)]
)
def test_the_interval_is_clopper_and_pearsons(hits: int, runs: int, low: float, high: float) -> None:
    assert interval(hits, runs) == pytest.approx((low, high), abs=5e-4)


def test_nothing_to_rehearse_with_is_told() -> None:
    with pytest.raises(SpecError):
        rehearsed(Rollout().meta, [])
    with pytest.raises(SpecError):
        next(cut(Rollout().meta, [], 1))
