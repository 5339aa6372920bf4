"""
Values that people enter or programs push, each with who told it and when (`tidegate metrics push`).

They lie in the ledger, beside the chains: whoever can write there can tell a value.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

from pydantic import Field, PrivateAttr

from blocks.connector import Connector, Measuring
from tidegate.errors import NotUnderstood
from tidegate.measuring import statistic
from tidegate.ports import Sample
from tidegate.quantities import Duration
from tidegate.traffic import Side


class PushedMetrics(Connector):
    """
    The values of the gate's window, by the metric's `statistic`; without one, the newest.

    A value that is older than the window is none: what was entered last week says nothing of now.
    """

    _block_type_name = "Pushed values"
    _block_type_slug = "pushed-metrics"
    _description = "Values that people entered or programs pushed, with author and time."
    sided: ClassVar[bool] = False

    metric: str = Field("", title="Metric", description="The name under which it is pushed; empty: the metric's own.")
    every: Duration = Field(timedelta(seconds=5), title="Every", description="How often the ledger is asked.")

    _how: Measuring = PrivateAttr(default_factory=Measuring)

    def measuring(self, how: Measuring) -> Self:
        self._how = how
        return self

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        """`count` stays None: how many requests are behind an entered value is not known."""
        if self._how.pushes is None:
            raise NotUnderstood("pushed values lie in a release's ledger; here is none")
        name, now = self.metric or metric, datetime.now(UTC)
        found = [one for one in self._how.pushes(window) if one.name == name and one.value is not None]
        how = self._how.metric.statistic if self._how.metric else None
        figure = statistic([one.value for one in found if one.value is not None], how)
        at = found[-1].at if found else None
        return Sample(metric, figure, None, None, window, at or now)
