"""
Figures of the benchmark of judges: harm stops with the rollback, holds lengthen a stage, peers are compared fairly.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.bench.judging.against import PUBLISHED_LIMIT, _least
from tests.bench.judging.course import course, earliest
from tests.bench.judging.driving import Outcome, Sample, drive
from tests.bench.judging.faults import FAULTS
from tests.bench.judging.goals import goals
from tests.bench.judging.hindsight import best
from tests.bench.judging.measuring import Asked, measure
from tests.bench.judging.noise import wandering
from tests.bench.judging.oracle import oracle
from tests.bench.judging.pictures import draw
from tests.bench.judging.plans import FAILING, Context
from tests.bench.judging.rollout import Rollout
from tests.bench.judging.scoring import geometric, wilson


class Scripted:
    """Holds in some bins, rolls back in one."""

    def __init__(self, holds: range, back: int = 10**9) -> None:
        self.holds, self.back = holds, back
        self.seen: list[Sample] = []

    def step(self, sample: Sample) -> str:
        self.seen.append(sample)
        number = len(self.seen) - 1
        return "rollback" if number == self.back else "hold" if number in self.holds else "continue"


def test_harm_stops_with_the_bin_of_the_rollback() -> None:
    rollout = Rollout(Context("S3", 100.0), FAULTS["err+5pp"], 1, 0)
    harmed = [drive(rollout, Scripted(range(0), back)).harmed for back in (3, 30, 300)]
    assert harmed == sorted(harmed)
    assert drive(rollout, Scripted(range(0), 30)).harmed == pytest.approx(course(rollout).harm[30])


def test_a_hold_lengthens_its_stage_and_no_more_than_ten_minutes() -> None:
    rollout = Rollout(Context("S3", 1.0), None, 1, 0)
    short, long = Scripted(range(5, 15)), Scripted(range(5, 500))
    assert drive(rollout, short).held == 100.0
    assert [sample["share"] for sample in short.seen].count(0.10) == 70
    assert drive(rollout, long).held > 600.0  # ten minutes in each of several stages
    assert [sample["share"] for sample in long.seen].count(0.10) == 120
    times = [sample["t"] for sample in long.seen]
    assert times == sorted(set(times))


def test_a_hold_changes_nothing_before_it() -> None:
    one, two = Scripted(range(0), 40), Scripted(range(10, 20), 40)
    for judge in (one, two):
        drive(Rollout(Context("S3", 10.0), FAULTS["lat x2"], 1, 0), judge)
    assert one.seen[:41] == two.seen[:41]  # the first stage has 60 bins


def test_the_watch_has_no_stable_traffic_unless_some_is_held_back() -> None:
    for hold_back, wanted in ((0.0, 0), (0.04, 1)):
        whole = course(Rollout(Context("S3", 100.0, hold_back=hold_back), None, 1, 0))
        assert min(whole.stable.requests[-100:].sum(), 1) == wanted


def test_probes_are_counted_apart_and_harm_nobody() -> None:
    judge = Scripted(range(0))
    drive(Rollout(Context("S3", 0.1, probes=True), FAULTS["err+50pp"], 1, 0), judge)
    asked = sum(sum(sample["probe_new"]["requests"]) for sample in judge.seen)
    assert asked == pytest.approx(4200, rel=0.1)
    assert sum(sum(sample["probe_new"]["failures"]) for sample in judge.seen) > asked / 3
    assert sum(sum(sample["probe_stable"]["failures"]) for sample in judge.seen) < asked / 10


def test_the_oracle_is_as_quick_as_the_looks_when_half_fails() -> None:
    ends = [oracle(Rollout(Context("S3", 100.0), FAULTS["err+50pp"], 1, number)).at for number in range(20)]
    assert ends == [10.0] * 20


@pytest.mark.parametrize(("kind", "size"), PUBLISHED_LIMIT)
def test_the_least_harm_is_the_published_one(kind: str, size: float) -> None:
    for failing, published in zip(FAILING, PUBLISHED_LIMIT[kind, size], strict=False):
        assert _least(kind, size, failing) == pytest.approx(published, rel=0.3)


def test_noise_wanders_as_far_and_as_long_as_asked() -> None:
    made = wandering(np.random.default_rng(1), 200_000, 12.0, 0.05)
    assert made.std() == pytest.approx(0.05, rel=0.03)
    assert np.corrcoef(made[:-12], made[12:])[0, 1] == pytest.approx(np.exp(-1), abs=0.03)


def test_figures() -> None:
    assert wilson(0, 300) == pytest.approx((0.0, 0.0126), abs=1e-4)
    assert geometric([1.0, 4.0]) == pytest.approx(2.0)
    assert earliest(np.array([-1, 3, 5]), np.array([4, -1, 2])).tolist() == [4, 3, 2]


def test_the_best_peer_rolls_back_few_good_versions_and_is_drawn(tmp_path: Path) -> None:
    asked = Asked((Context("S3", 10.0),), 10, 3, ("err+50pp",), ("argo-1%",), hindsight=True)
    cells = measure(asked)
    bests = best(cells)
    one = bests[str(asked.contexts[0]), "err+50pp"]
    assert one.for_fault <= one.for_site <= cells[1].harmed("argo-1%")
    drawn = draw(cells, {key: found.for_fault for key, found in bests.items()}, tmp_path)
    assert [path.suffix for path in drawn] == [".svg"] * 3
    assert all(isinstance(outcome, Outcome) for outcome in cells[1].outcomes["oracle"])


def test_bins_that_are_lost_do_their_harm_unseen() -> None:
    seen = Scripted(range(0))
    outcome = drive(Rollout(Context("S3", 10.0, missing=0.5), FAULTS["err+5pp"], 1, 0), seen)
    assert len(seen.seen) == outcome.steps == pytest.approx(210, abs=50)
    assert outcome.harmed == pytest.approx(drive(Rollout(Context("S3", 10.0), FAULTS["err+5pp"], 1, 0), seen).harmed)


def test_goals_are_told_of_what_was_measured() -> None:
    asked = Asked((Context("S3", 1.0),), 5, 2, ("err+50pp",), ("guides",), stepwise=True)
    found = {goal.about[0] for goal in goals(measure(asked), {}, "guides")}
    assert found == {"1", "3", "4", "6"}
