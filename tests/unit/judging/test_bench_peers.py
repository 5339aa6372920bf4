"""
The peers of the benchmark decide the same bin by bin and over a whole rollout at once; the grid names what it
decides.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.judging import grid
from tests.bench.judging.course import course
from tests.bench.judging.driving import drive
from tests.bench.judging.faults import FAULTS
from tests.bench.judging.plans import Context
from tests.bench.judging.policies import POLICIES, WHOLE
from tests.bench.judging.rollout import Rollout
from tests.bench.judging.site import meta

SOME = [
    Rollout(Context("S3", rate, 0.01), FAULTS[fault] if fault else None, 5, number)
    for rate in (0.1, 10.0, 100.0)
    for number, fault in enumerate((None, "err+5pp", "lat x2", "leak"))
]


@pytest.mark.parametrize("name", WHOLE)
def test_a_peer_decides_the_same_bin_by_bin_and_at_once(name: str) -> None:
    for rollout in SOME:
        told, whole = meta(rollout), course(rollout)
        step_by_step = drive(rollout, POLICIES[name](told))
        at_once = whole.outcome(WHOLE[name](whole, told))
        assert (step_by_step.at, step_by_step.steps) == (at_once.at, at_once.steps), rollout.fault.name
        assert step_by_step.harmed == pytest.approx(at_once.harmed)


def test_every_setting_of_the_grid_has_a_name_and_a_decision() -> None:
    whole = course(SOME[5])
    decided = grid.decisions(whole, meta(SOME[5]))
    assert len(decided) == len(grid.names()) == len(set(grid.names()))
    assert decided.min() == -1
    assert decided.max() < len(whole.t)


def test_the_grid_holds_the_settings_people_run() -> None:
    name = "limit 60 s, failing 0.01, p95 xinf, n 1, more than 3"
    for rollout in SOME:
        told, whole = meta(rollout), course(rollout)
        assert grid.decisions(whole, told)[grid.names().index(name)] == WHOLE["argo-1%"](whole, told)


def test_a_rollout_is_the_same_for_the_same_seed_and_counts_add_up() -> None:
    one, two = (course(Rollout(Context("S2", 10.0), FAULTS["lat x4"], 1, 2)) for _ in range(2))
    assert np.array_equal(one.new.latency, two.new.latency)
    assert np.array_equal(one.new.latency.sum(axis=1), one.new.requests)
    assert (one.new.failures <= one.new.requests).all()
