"""What the power planner foretells: sane by itself, and what the real judge then does in small rollouts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.bench.power import BY, FAILING, FAULTS, WITHIN, Cell, found_in, stages_of
from tidegate.errors import SpecError
from tidegate.judge.power import Fault, Service, StepPower, powers
from tidegate.judge.power_course import course
from tidegate.judge.power_failures import chance_by

BAKES = ((0.05, 600.0), (0.25, 900.0))


@pytest.fixture(scope="module")
def quiet() -> tuple[StepPower, ...]:
    return powers(Service(0.5), BAKES)


@pytest.fixture(scope="module")
def busy() -> tuple[StepPower, ...]:
    return powers(Service(50.0), BAKES)


def test_more_traffic_sees_smaller_faults_sooner(quiet: tuple[StepPower, ...], busy: tuple[StepPower, ...]) -> None:
    for less, more in zip(quiet, busy, strict=True):
        assert more.points is not None
        assert less.points is not None
        assert more.points < less.points
        assert more.factor is not None
        assert less.factor is not None
        assert more.factor < less.factor
        assert all(one.late <= other.late for one, other in zip(more.found, less.found, strict=True))


def test_a_step_without_the_requests_for_it_is_blind_and_probes_would_see(quiet: tuple[StepPower, ...]) -> None:
    first = quiet[0]
    assert first.blind
    assert first.found[1].late > first.seconds  # the bake that it would need
    assert 0 < first.probed < first.found[1].late


def test_a_busy_step_is_not_blind_and_its_harm_is_what_fails_until_it_is_found(busy: tuple[StepPower, ...]) -> None:
    first, five = busy[0], busy[0].found[1]
    assert not first.blind
    assert first.probed == 0
    assert five.median <= five.late <= first.seconds
    assert 0 < five.harmed < 50.0 * 0.05 * 0.05 * five.late


def test_a_flat_quarter_is_not_told_from_a_slow_start_within_100_seconds_at_any_traffic() -> None:
    service = Service(1000.0, wanders=False)
    [step] = powers(service, ((0.5, 900.0),), (Fault(factor=1.25),))
    assert 100 <= step.found[0].median <= 300


def test_no_traffic_and_no_bake_see_nothing() -> None:
    [still, short] = powers(Service(0.0), ((0.5, 600.0), (1.0, 0.0)))
    assert still.points is None
    assert still.factor is None
    assert still.blind
    assert not short.blind


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(SpecError, match=r"service\.rate"):
        powers(Service(math.nan), BAKES)
    with pytest.raises(SpecError, match="stages"):
        powers(Service(1.0), ((1.5, 600.0),))


def test_a_first_passage_over_a_level_line_is_the_poisson_tail() -> None:
    chance = chance_by(np.full((1, 20), 3.0), np.full(20, 0.2))  # at the end 4 events are expected, 3 are enough
    tail = 1 - sum(math.exp(-4) * 4**k / math.factorial(k) for k in range(3))
    assert chance[-1] == pytest.approx(tail, abs=1e-6)
    assert (np.diff(chance) >= 0).all()


def test_looks_fill_the_time_and_grow() -> None:
    looks = course(86400.0, 10.0)
    assert looks.sum() == pytest.approx(86400.0)
    assert (looks[:60] == 10.0).all()
    assert (np.diff(looks[:-1]) >= 0).all()
    assert course(7.0, 10.0).tolist() == [7.0]


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("rate", [1.0, 30.0])
@pytest.mark.parametrize("share", [0.05, 0.25])
def test_the_judge_finds_faults_when_it_was_foretold(rate: float, share: float, *, late: bool) -> None:
    runs, stages = 30, stages_of(share, late=late)
    told = powers(Service(rate, FAILING, routes=3, wanders=False), stages, FAULTS)[-1]
    cells = [Cell(rate, share, late, one, np.array([found_in(rate, share, one.fault, seed, late=late)
                                                    for seed in range(runs)])) for one in told.found]  # fmt: skip
    assert np.mean([abs(one.told.chance - one.chance) for one in cells]) <= WITHIN
    apart = [abs(factor) for one in cells for factor in one.agreement]
    assert math.exp(float(np.mean(apart or [0.0]))) <= BY
