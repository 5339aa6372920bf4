"""Ranks of two samples together, ties sharing the mean of their ranks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain


def rank_sum(first: Sequence[float], second: Sequence[float]) -> tuple[float, Iterable[int]]:
    """
    The sum of the first sample's ranks among both, and how many values share each place, in no order.

    Ranks begin at 1: among its own a sample has m (m + 1) / 2, and each value of the other below one of it adds 1, each
    equal one a half. NaN has no rank and must not be in here.
    """
    ordered = sorted(second)
    doubled = sum(bisect_left(ordered, value) + bisect_right(ordered, value) for value in first)
    return doubled / 2 + len(first) * (len(first) + 1) / 2, Counter(chain(first, second)).values()
