"""
The peers that judge by limits, over a whole rollout at once: the same rules as in `limits`, which drive bin by bin.

Flagger holds the weight while a check fails, and so changes what comes after; here it is decided as if it did not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.bench.judging.course import Course, Flags, first
from tests.bench.judging.driving import Meta
from tests.bench.judging.limits import GUIDES, OFF, Limit, plan_of
from tests.bench.judging.service import Counts

Totals = npt.NDArray[np.int16]


def broken(course: Course, meta: Meta, limit: Limit) -> tuple[Flags, Flags]:
    """Whether each window is bad (windows,), and whether it has data at all (windows,)."""
    seen = course.new.windows(course.per(limit.every))
    with np.errstate(invalid="ignore"):
        bad = seen.failing() > limit.failing
        if limit.latency < OFF:
            bad |= seen.quantile(limit.quantile, np.asarray(meta["edges"])) > limit.latency
    full = seen.memory > limit.memory * meta["memory_limit"]
    return bad | full, (seen.requests > 0) | full


def so_far(bad: Flags) -> Totals:
    """How many windows are bad up to and with each (windows, ...)."""
    return bad.cumsum(axis=0, dtype=np.int16)


def more_than(total: Totals, count: int) -> Counts:
    """The window in which more than so many are bad in all (Argo), -1 for none."""
    return first(total > count)


def of_the_last(total: Totals, m: int, n: int) -> Counts:
    """The window in which m of the last n are bad (an alarm; m = n: a limit that lasts), -1 for none."""
    recent = total.copy()
    recent[n:] -= total[:-n]
    return first(recent >= m)


def bin_of(window: Counts, bins: int) -> Counts:
    """The bin at whose end a window of so many bins is full; -1 stays."""
    made: Counts = np.where(window >= 0, (window + 1) * bins - 1, -1)
    return made


def guide(course: Course, meta: Meta) -> int:
    return min((found for rule in GUIDES[plan_of(meta)] if (found := _lasting(course, meta, *rule)) >= 0), default=-1)


def _lasting(course: Course, meta: Meta, limit: Limit, windows: int) -> int:
    bad, there = broken(course, meta, limit)
    kept = np.flatnonzero(there)  # a window without data neither adds nor breaks the row
    found = int(of_the_last(so_far(bad[kept]), windows, windows))
    return int(bin_of(kept[found : found + 1].astype(np.int64), course.per(limit.every))[0]) if found >= 0 else -1


def argo(course: Course, meta: Meta, limit: Limit, failure_limit: int) -> int:
    bad, _ = broken(course, meta, limit)
    return int(bin_of(more_than(so_far(bad), failure_limit), course.per(limit.every)))


def alarm(course: Course, meta: Meta, limit: Limit, m: int, n: int) -> int:
    bad, _ = broken(course, meta, limit)
    return int(bin_of(of_the_last(so_far(bad), m, n), course.per(limit.every)))
