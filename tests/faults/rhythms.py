"""Release specs with random schedules: every form of a rhythm, three zones, promotions around changes of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from tidegate.simulation import specs
from tidegate.spec import Spec

ZONES = ("Asia/Seoul", "Europe/Berlin", "America/New_York")
CHANGES = (date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1))  # of the clock, in two zones
CLOCKS = ("00:00", "02:30", "09:00", "14:00", "18:00", "24:00")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LATE = ("5m", "30m", "2h", "12h")


def random_spec(random: Random) -> tuple[Spec, datetime]:
    """A spec, and the instant at which its release is promoted."""
    start = datetime.combine(random.choice(CHANGES), datetime.min.time(), UTC) - timedelta(days=random.randint(0, 7))
    start += timedelta(minutes=random.randint(0, 1439))
    schedules = [
        {"name": f"s{n}", "rhythm": _rhythm(random, start), "late": random.choice(LATE)}
        for n in range(random.randint(1, 3))
    ]
    plain = {"slots": random.choice((["1h", "6h", "12h", "24h"], ["10m"], [])), "late": random.choice(LATE)}
    changed: dict[str, Any] = {"timezone": random.choice(ZONES), "schedules": schedules, "verification": plain}
    changed["calendar"] = {"day_basis": random.choice(("calendar", "periods"))}
    return specs.spec(**changed), start


def _rhythm(random: Random, start: datetime) -> dict[str, Any]:
    """Each of the nine forms, alike often."""
    clock, until = random.choice(CLOCKS), [{"after": "promoted", "by": random.choice(("3d", "7d", "9d"))}]
    form = random.choice(("offsets", "every", "clocks", "dates", "days", "weeks", "months", "weekly", "monthly"))
    months = [{"after": "promoted", "by": "13w"}]
    told: dict[str, dict[str, Any]] = {
        "offsets": {"offsets": random.choice((["1h", "6h", "12h", "24h"], ["30m", "7d"]))},
        "every": {"every": random.choice(("30m", "1h", "6h")), "until": until},
        "clocks": {"clocks": sorted(random.sample(CLOCKS, random.randint(1, 3))), "until": until},
        "dates": {"dates": [f"{start.date() + timedelta(days=n)}" for n in (0, 2, 7)], "clock": clock},
        "days": {"days": [2, 5, 8], "clock": clock},
        "weeks": {"weeks": [1, 2]},
        "months": {"months": [1, 3], "clock": clock},
        "weekly": {"weekly": random.choice(WEEKDAYS), "clock": clock, "until": months},
        "monthly": {"monthly": random.choice((1, 15, 28)), "clock": clock, "until": months},
    }
    return {"anchor": "promoted", **told[form]}
