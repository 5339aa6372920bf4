"""What both versions suffer is nobody's fault: sudden slowness, slowness of nearly everything, failures of all."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.judge.rollouts import Rollout, buckets
from tidegate.judge import make_judge


@pytest.mark.parametrize("seconds", [1.0, 10.0])
@pytest.mark.parametrize("slower", [1.5, 3.0, 10.0])
def test_when_both_become_slower_at_once_nobody_is_rolled_back(slower: float, seconds: float) -> None:
    rollout = Rollout(rate=300.0, seconds=seconds, stages=((0.05, 60 * seconds), (0.25, 60 * seconds)))
    chance, judge = np.random.default_rng(1), make_judge(rollout.meta)
    for at, sample in enumerate(rollout.samples()):
        if 50 <= at < 80 or 95 <= at < 98:
            for side in ("new", "stable"):
                asked = sum(sample[side]["requests"])
                sample[side]["latency"] = chance.multinomial(asked, buckets(slower)).tolist()
        assert judge.step(sample) != "rollback", judge.reasons


@pytest.mark.parametrize("failing", [0.05, 0.3, 0.95])
def test_when_both_fail_alike_nobody_is_rolled_back(failing: float) -> None:
    calm = Rollout(rate=100.0, stages=((0.1, 1200.0),))
    bad = list(Rollout(rate=100.0, failing=failing, stages=calm.stages, seed=2).samples())
    judge = make_judge(calm.meta)
    for at, sample in enumerate(calm.samples()):
        assert judge.step(bad[at] if 40 <= at < 60 else sample) != "rollback", judge.reasons


def test_a_jolt_of_a_second_in_a_plan_of_half_a_minute_is_no_lasting_fault() -> None:
    rollout = Rollout(rate=300.0, seconds=1.0, stages=((0.05, 14.0), (0.25, 6.0), (1.0, 12.0)))
    chance, judge = np.random.default_rng(1), make_judge(rollout.meta)
    for at, sample in enumerate(rollout.samples()):
        if at == 14:
            sample["new"]["latency"] = chance.multinomial(sum(sample["new"]["requests"]), buckets(2.5)).tolist()
        assert judge.step(sample) != "rollback", judge.reasons
