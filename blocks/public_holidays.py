"""Public holidays by country, from the `holidays` library: dates, frozen into a release when it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from tidegate.errors import SpecError


def public_holidays(countries: Sequence[str], since: date, days: int = 120) -> dict[date, str]:
    """
    Every public holiday of these countries (ISO 3166, with a subdivision: `DE-BE`) in so many days, with its name.

    SpecError names a country that the library does not know.
    """
    if not countries:
        return {}
    import holidays  # noqa: PLC0415  # half a second of every flow's start, and most systems ask for none

    until = since + timedelta(days=days)
    found: dict[date, str] = {}
    for code in countries:
        country, _, part = code.partition("-")
        try:
            known = holidays.country_holidays(country, subdiv=part or None, years=range(since.year, until.year + 1))
        except NotImplementedError:
            known_as = "write ISO 3166, e.g. KR or DE-BE"
            raise SpecError(f"calendar.holidays: no holidays known of {code!r}", known_as) from None
        for day, name in known.items():
            if since <= day <= until:
                found.setdefault(day, f"{name} ({code})")
    return found


def of_calendar(countries: Sequence[str], since: date, days: int = 120) -> frozenset[date]:
    return frozenset(public_holidays(countries, since, days))
