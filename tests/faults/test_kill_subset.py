"""A part of the kill matrix in every test run: `kill -9` from outside, and nothing is done by hand afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.kill_cells import Cell, Point
from tests.faults.kill_matrix import Matrix, flow_points, paired, spread
from tests.faults.sampler import Sampler
from tests.faults.standing_shop import Line, StandingShop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]  # four minutes: with the whole matrix, by hand

BACKUP = "main/1/release/take-backup/-/orders/1"
GREEN = "main/1/release/create-green/-/frontend/1"
CLAIM = "main/1/release/claim/-/api/1"
HALF, ALL = "main/1/halves/set-weight/50/api/1", "main/1/halves/set-weight/100/frontend/1"
BAKE, LAST_BAKE = "main/1/halves/bake/50/50/1", "main/1/halves/bake/100/100/1"
PROMOTE = "main/1/release/promote/-/-/1"


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """One shop for all releases of this page; the first one runs undisturbed, the others are compared with it."""
    home = tmp_path_factory.mktemp("kill")
    sampler = Sampler(home)
    with StandingShop(home) as shop:
        sampler.start()
        try:
            standing = Matrix(shop, sampler)
            standing.undisturbed()
            assert not standing.cells[0].problems, standing.cells[0]
            yield standing
        finally:
            sampler.stop()


def struck(matrix: Matrix, *points: Point) -> Cell:
    """The release that was struck there; every condition of the matrix held."""
    cell = matrix.cell(points)
    assert not cell.problems, "\n".join([str(cell), *matrix.shop.log_tails()])
    assert len(cell.struck) == len(points)
    return cell


@pytest.mark.proves("I12", "I13")
def test_a_flow_killed_after_its_backup_was_taken_and_after_a_weight_stood_repeats_neither(matrix: Matrix) -> None:
    cell = struck(matrix, Point("flow", "effect", BACKUP), Point("flow", "effect", HALF))
    assert cell.state == "promoted"
    assert cell.restarts == 2, "each death costs one restart, and a slow start costs none"


@pytest.mark.proves("I12", "I13")
def test_a_flow_killed_while_green_starts_and_after_its_promotion_ends_with_everything_done(matrix: Matrix) -> None:
    cell = struck(matrix, Point("flow", "effect", GREEN), Point("flow", "outcome", PROMOTE))
    assert cell.state == "promoted"


@pytest.mark.proves("I11")
def test_a_frozen_flow_that_wakes_after_another_took_over_writes_nothing_more(matrix: Matrix) -> None:
    cell = struck(matrix, Point("zombie", "intent", CLAIM))
    assert cell.state == "promoted"
    assert cell.restarts == 1


@pytest.mark.proves("I6", "I27")
def test_a_watch_and_a_server_killed_during_bakes_cost_the_release_nothing_but_time(matrix: Matrix) -> None:
    cell = struck(matrix, Point("watch", "intent", BAKE), Point("server", "intent", LAST_BAKE))
    assert cell.state == "promoted"


# -- the matrix itself -------------------------------------------------------------------------------------------------


def test_the_matrix_strikes_every_act_before_and_after_its_effect_two_points_a_release() -> None:
    lines = [Line(n, kind, key, {}, 1) for n, (kind, key) in enumerate(
        [("intent", HALF), ("outcome", HALF), ("note", "paged"), ("intent", PROMOTE), ("outcome", PROMOTE)]
    )]  # fmt: skip
    points = flow_points(lines)
    assert [(p.when, p.key) for p in points] == [
        ("intent", HALF), ("effect", HALF), ("outcome", HALF), ("intent", PROMOTE), ("outcome", PROMOTE)
    ]  # fmt: skip
    assert [len(pair) for pair in paired(points)] == [2, 2, 1]
    assert [p for pair in paired(points) for p in pair if p not in points] == []
    assert spread(points, 2) == [points[0], points[-1]]
    assert spread(points, 0) == points
