"""Ranks of two samples together, ties sharing the mean of their ranks."""

from __future__ import annotations

from collections.abc import Sequence


def rank_sum(first: Sequence[float], second: Sequence[float]) -> tuple[float, list[int]]:
    """
    The sum of the first sample's ranks among both, and how many values share each place.

    Ranks begin at 1. The sizes of the groups of equal values come back in rising order of the value; ones without a
    double have size 1.
    """
    both = sorted([(value, 1) for value in first] + [(value, 0) for value in second])
    total, sizes, start = 0.0, list[int](), 0
    while start < len(both):
        end = start
        of_first = 0
        while end < len(both) and both[end][0] == both[start][0]:
            of_first += both[end][1]
            end += 1
        total += of_first * (start + 1 + end) / 2
        sizes.append(end - start)
        start = end
    return total, sizes
