"""One page in Prometheus' text format, asked for once: what an application tells of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from tidegate.errors import NotUnderstood


def series(page: str, name: str) -> Iterator[tuple[Mapping[str, str], float]]:
    """Labels and value of every series of exactly this name; NotUnderstood when the page is no exposition."""
    try:
        for family in text_string_to_metric_families(page):
            for one in family.samples:
                if one.name == name:
                    yield one.labels, float(one.value)
    except (ValueError, KeyError, IndexError) as why:
        raise NotUnderstood(f"no page in Prometheus' format: {str(why)[:120]!a}") from None


def total(page: str, name: str) -> float | None:
    """The sum over all series of this name; None without any."""
    found = [value for _, value in series(page, name)]
    return sum(found) if found else None
