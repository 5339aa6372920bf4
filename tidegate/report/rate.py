"""How often the comparison rolls a good release back, as far as anybody has counted it: one sentence."""

from __future__ import annotations

from tidegate.judge.interval import interval
from tidegate.report.voice import Voice
from tidegate.spec import Spec


def rate_line(spec: Spec, voice: Voice) -> list[str]:
    """Nothing where limits alone decide."""
    how = spec.comparison
    if how.judge == "off":
        return []
    if how.judge in ("argo", "kayenta"):
        return [voice("rate.brought", judge=how.judge)]
    if how.rehearsed is None:
        return [voice("rate.nominal", most=f"{how.alpha * 100:g}")]
    good, back = how.rehearsed.good, how.rehearsed.rolled_back
    low, high = (f"{bound * 100:.2g}" for bound in interval(back, good))
    return [voice("rate.rehearsed", good=voice.number(good), back=voice.number(back), share=f"{back / good * 100:.2g}",
                  low=low, high=high)]  # fmt: skip
