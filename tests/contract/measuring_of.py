"""A metric as a spec says it, and a side, for the tests of sources."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from blocks.connector import Measuring
from tidegate.language.judging import Metric
from tidegate.traffic import Side

MINUTE = timedelta(minutes=1)
GREEN, BLUE = Side("api-green", ("http://127.0.0.1:9",)), Side("api-blue", ("http://127.0.0.1:8",))
VERSIONS = {"api-green": "2.1.0", "api-blue": "2.0.0"}


def of(name: str = "error_rate", **says: Any) -> Measuring:
    metric = Metric.model_validate({"name": name, "sources": [{"use": "any-metrics"}], **says})
    return Measuring(metric, lambda side: {"side": side.name, "version": VERSIONS[side.name], "system": "shop"})
