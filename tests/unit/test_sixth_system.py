"""A spec that was written with the documents alone, for a service that is none of the six."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import pytest

from blocks.public_holidays import of_calendar
from blocks.yaml_spec import load_yaml
from tests.house.tree import ROOT
from tidegate.clockwork.moments import planned_start
from tidegate.rehearsal.options import Options
from tidegate.rehearsal.stage import Rehearsed, rehearse
from tidegate.spec import Spec
from tidegate.story import State
from tidegate.timetable.walk import timetable

FILE = ROOT / "examples" / "mastodon.yaml"


@cache
def spec() -> Spec:
    return Spec.model_validate(load_yaml(FILE.read_bytes(), FILE.name))


def played(bad_from: int | None = None) -> Rehearsed:
    begins = planned_start(spec())
    assert begins is not None
    holidays = of_calendar(spec().calendar.holidays, begins.date() - timedelta(days=5), 120)
    return rehearse(spec(), Options(begins, bad_from=bad_from), holidays)


@pytest.mark.timeout(120)
def test_it_is_planned_on_its_own_days_and_played_to_its_end() -> None:
    begins = planned_start(spec())
    assert begins is not None
    told = timetable(spec(), begins, "v", holidays=of_calendar(spec().calendar.holidays, begins.date(), 120))
    raised = [row.at for row in told.of("traffic") if row.what.endswith("%") and row.at]
    assert [(at - begins).days for at in raised] == [0, 0, 1, 2]
    assert played().story.state is State.CLOSED


@pytest.mark.timeout(120)
def test_a_bad_version_of_it_is_rolled_back() -> None:
    assert played(bad_from=25).story.state is State.ROLLED_BACK
