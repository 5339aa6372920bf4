"""Error budgets and seasonal baselines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tidegate.errors import SpecError
from tidegate.judge.budget import Asked, alerts, budget, burn_rate
from tidegate.judge.seasonal import Seasons
from tidegate.ports import Verdict

NOW = datetime(2026, 3, 31, tzinfo=UTC)
MONTH = timedelta(days=30)


def probes(failing: float, hours: float, every: timedelta = timedelta(minutes=1)) -> list[Asked]:
    """A month of probes, each minute; in the last hours this share of them fails."""
    count = int(MONTH / every)
    return [
        Asked(NOW - at * every, 1, failing if at * every < timedelta(hours=hours) else 0.0)
        for at in range(count, -1, -1)
    ]


def test_99_5_percent_of_a_month_leaves_216_minutes() -> None:
    told = budget(probes(0.0, 0), 0.995, MONTH, NOW)
    assert told.left_minutes == pytest.approx(216)
    assert told.verdict() is Verdict.PASS


@pytest.mark.parametrize(("target", "used"), [(0.995, 60 / 216), (0.999, 60 / 43.2)])
def test_an_hour_of_outage_uses_its_part_of_the_budget(target: float, used: float) -> None:
    told = budget(probes(1.0, 1), target, MONTH, NOW)
    assert told.used == pytest.approx(used, rel=0.03)
    assert told.verdict() is (Verdict.PASS if used < 1 else Verdict.FAIL)


def test_the_workbook_s_rates_for_thirty_days() -> None:
    assert [(round(a.rate, 1), a.long, a.short) for a in alerts(MONTH)] == [
        (14.4, timedelta(hours=1), timedelta(minutes=5)),
        (6.0, timedelta(hours=6), timedelta(minutes=30)),
        (1.0, timedelta(hours=72), timedelta(hours=6)),
    ]


def test_a_fast_burn_calls_people_and_a_slow_one_writes_to_them() -> None:
    fast, slow = budget(probes(0.1, 2), 0.995, MONTH, NOW), budget(probes(0.006, 100), 0.995, MONTH, NOW)
    assert {alert.severity for alert, _ in fast.burning} == {"critical"}
    assert {alert.severity for alert, _ in slow.burning} == {"warning"}
    assert budget(probes(0.004, 100), 0.995, MONTH, NOW).burning == ()


def test_an_outage_that_is_over_calls_nobody_any_more() -> None:
    over = [one if NOW - one.at > timedelta(minutes=40) else Asked(one.at, 1, 0) for one in probes(0.3, 2)]
    assert not [1 for alert, _ in budget(over, 0.995, MONTH, NOW).burning if alert.severity == "critical"]


def test_strict_targets_and_no_probes() -> None:
    exactly = [Asked(NOW, 1000, 5)]
    assert budget(exactly, 0.995, MONTH, NOW).verdict() is Verdict.PASS
    assert budget(exactly, 0.995, MONTH, NOW).verdict(strict=True) is Verdict.FAIL
    assert budget([], 0.995, MONTH, NOW).verdict() is Verdict.INCONCLUSIVE
    assert burn_rate([], 0.995, MONTH, NOW) is None
    with pytest.raises(SpecError, match=r"1\.0 is no promise"):
        budget([], 1.0, MONTH, NOW)


def test_the_same_hour_of_the_same_weekday_comes_first() -> None:
    hours = [NOW - timedelta(hours=h) for h in range(24 * 7 * 6)]
    seasons = Seasons([(at, 100.0 + at.hour + (500 if at.weekday() == 6 else 0)) for at in hours])
    sunday, monday = datetime(2026, 4, 5, 14, tzinfo=UTC), datetime(2026, 4, 6, 3, tzinfo=UTC)
    assert seasons.usual(sunday).value == 614  # type: ignore[union-attr]
    assert seasons.usual(monday).value == 103  # type: ignore[union-attr]


def test_where_the_record_is_short_the_band_is_wider_and_says_of_what() -> None:
    days = [NOW - timedelta(hours=h) for h in range(24 * 5)]
    short = Seasons([(at, float(at.hour)) for at in days])
    told = short.usual(datetime(2026, 4, 5, 14, tzinfo=UTC))
    assert told is not None
    assert (told.alike, told.value) == ("hour", 14)
    assert Seasons([(NOW, 5.0)]).usual(NOW) is not None
    assert Seasons([]).usual(NOW) is None


def test_hours_are_the_zone_s() -> None:
    seasons = Seasons([(NOW - timedelta(hours=h), float((NOW - timedelta(hours=h)).hour)) for h in range(24 * 8)],
                      "Asia/Seoul")  # fmt: skip
    told = seasons.usual(datetime(2026, 4, 5, 0, 30, tzinfo=UTC))  # 09:30 in Seoul
    assert told is not None
    assert told.value == 0
