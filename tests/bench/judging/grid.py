"""
Every setting of every family of peers, for the peer that was tuned with hindsight: a name and a decision for each.

Limits (guides, Argo, Flagger, alarms) by window, share of failures, p95 in units of the record's, requests wanted,
and the rule that counts bad windows; a limit of memory; mSPRT by alpha, tau and margin; Netflix's bands by alpha and
margin; Kayenta by minutes, confidence and effect. What each was told of latency or of failures alone is a setting of
its own.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from tests.bench.judging import kayenta, sequential
from tests.bench.judging.counting import bin_of, more_than, of_the_last, so_far
from tests.bench.judging.course import Course, earliest, first
from tests.bench.judging.driving import Meta
from tests.bench.judging.service import Counts
from tests.bench.judging.windows import interpolated

WINDOWS = (10.0, 60.0, 300.0)  # seconds
FAILING = (0.005, 0.01, 0.02, 0.05, 0.10, 0.20, 0.50, math.inf)
P95 = (1.15, 1.3, 1.5, 2.0, 3.0, math.inf)
WANTED = (1, 30, 200)  # requests in a window
COUNTED = (0, 1, 3, 5, 10)
LASTING = ((2, 2), (5, 5), (10, 10), (3, 5))
MEMORY = (0.6, 0.7, 0.8, 0.85, 0.9)
ALPHAS = (0.05, 0.01, 1e-3, 1e-5, 1e-8, 1e-12)
TAUS = (0.002, 0.01, 0.1)
MARGINS = (0.0, 0.002, 0.01, 0.05)  # difference of shares
RATIO_MARGINS = (1.0, 1.5, 2.0, 4.0)
GAPS = (0.0, 0.01, 0.02, 0.05, 0.10)  # of the distribution, 0-1
MINUTES, CONFIDENCE, EFFECT = (5, 10, 15, 30), (0.90, 0.98, 0.999), (1.0, 1.1, 1.25, 1.5, 2.0)


def _limits(course: Course, meta: Meta) -> list[Counts]:
    edges = np.asarray(meta["edges"])
    record = np.asarray(meta["history"]["latency"], dtype=np.float64)
    usual = interpolated(record.cumsum(), 0.95, meta["edges"])
    made = []
    for seconds in WINDOWS:
        bins = course.per(seconds)
        seen = course.new.windows(bins)
        failing, slow = seen.failing(), seen.quantile(0.95, edges) / usual
        with np.errstate(invalid="ignore"):
            bad = (failing[:, None] > np.array(FAILING))[:, :, None] | (slow[:, None] > np.array(P95))[:, None, :]
        bad = bad[..., None] & (seen.requests[:, None] >= np.array(WANTED))[:, None, None, :]
        total = so_far(bad)
        found = [more_than(total, count) for count in COUNTED] + [of_the_last(total, m, n) for m, n in LASTING]
        made.append(bin_of(np.stack(found, axis=-1).ravel(), bins))
    full = course.new.memory[:, None] > np.array(MEMORY) * meta["memory_limit"]
    return [*made, first(full)]


def _mixtures(seen: sequential.Cumulated) -> list[Counts]:
    limits = np.log(2.0 / np.array(ALPHAS))
    made = []
    for tau in TAUS:
        for margin in MARGINS:
            failing = first(sequential.mixture(seen.failures, tau, margin)[:, None] >= limits)
            slow = first(sequential.mixture(seen.slow, tau, margin)[:, None] >= limits)
            made += [failing, slow, earliest(failing, slow)]
    return made


def _bands(course: Course, seen: sequential.Cumulated) -> list[Counts]:
    limits = np.log(2.0 / np.array(ALPHAS))
    errors, bands = [], []
    for margin in RATIO_MARGINS:
        nats = sequential.average(sequential.landed(course, margin).cumsum(axis=0))
        errors.append(first(np.asarray(nats[:, None] >= limits)))
    _, n_new, _, n_stable = seen.failures
    widths = np.stack([sequential.band(n_new, a / 4) + sequential.band(n_stable, a / 4) for a in ALPHAS], axis=-1)
    for gap in GAPS:
        bands.append(first(np.asarray(seen.gap[:, None] - gap > widths)))
    return [*errors, *bands, *(earliest(one, other) for one in errors for other in bands)]


def _minutes(course: Course, meta: Meta) -> list[Counts]:
    made = []
    for minutes in MINUTES:
        new, stable = kayenta.looks(course, meta, minutes)
        found = first(kayenta.high(new, stable, CONFIDENCE, EFFECT))
        made.append(bin_of(found, minutes * course.per(60.0)))
    return made


def decisions(course: Course, meta: Meta) -> Counts:
    """The bin in which each setting rolls back (settings,), -1 for none; in the order of `names()`."""
    seen = sequential.cumulated(course, meta)
    parts = [*_limits(course, meta), *_mixtures(seen), *_bands(course, seen), *_minutes(course, meta)]
    return np.concatenate([np.atleast_1d(part) for part in parts])


@cache
def names() -> tuple[str, ...]:
    """What each setting is called, in the order of `decisions`."""
    rules = [f"more than {count}" for count in COUNTED] + [f"{m} of {n}" for m, n in LASTING]
    made = [
        f"limit {seconds:g} s, failing {failing:g}, p95 x{slow:g}, n {wanted}, {rule}"
        for seconds in WINDOWS for failing in FAILING for slow in P95 for wanted in WANTED for rule in rules
    ]  # fmt: skip
    made += [f"memory {share:g}" for share in MEMORY]
    made += [f"msprt {what} tau {tau:g} margin {margin:g} alpha {alpha:g}" for tau in TAUS for margin in MARGINS
             for what in ("failures", "slow", "either") for alpha in ALPHAS]  # fmt: skip
    made += [f"netflix errors x{margin:g} alpha {alpha:g}" for margin in RATIO_MARGINS for alpha in ALPHAS]
    made += [f"netflix bands {gap:g} alpha {alpha:g}" for gap in GAPS for alpha in ALPHAS]
    made += [f"netflix errors x{margin:g} or bands {gap:g} alpha {alpha:g}"
             for margin in RATIO_MARGINS for gap in GAPS for alpha in ALPHAS]  # fmt: skip
    made += [f"kayenta {minutes} min {confidence:g} effect {effect:g}"
             for minutes in MINUTES for confidence in CONFIDENCE for effect in EFFECT]  # fmt: skip
    return tuple(made)
