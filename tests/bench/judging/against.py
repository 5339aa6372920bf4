"""Tables that compare: with the best peers tuned with hindsight, and with the docs' figures on judging a canary."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from tests.bench.judging.hindsight import Best
from tests.bench.judging.measuring import rolled_back
from tests.bench.judging.plans import FAILING, TRAFFIC, Context
from tests.bench.judging.scoring import HALF, Cell, geometric, within
from tests.bench.judging.service import FAILS, ROUTES, SHARES, row, slow_table, table
from tests.bench.judging.tables import figure, policies_of
from tests.bench.judging.tables import table as told

Bests = Mapping[tuple[str, str], Best]

# Good versions rolled back, %, S3 at 0.2 %, at 0.1 / 1 / 10 / 100 / 1,000 requests/s (the docs' section 3).
PUBLISHED: dict[str, dict[str, tuple[int, ...]]] = {
    "ordinary": {
        "guides": (70, 46, 8, 6, 6), "argo-5%": (68, 55, 2, 0, 0), "argo-1%": (1, 67, 22, 9, 9),
        "flagger": (96, 95, 38, 8, 7), "alarm": (0, 22, 14, 10, 12), "kayenta": (6, 6, 7, 13, 19),
        "msprt": (5, 25, 71, 99, 100), "netflix": (0, 1, 14, 76, 100),
    },
    "outage": {
        "guides": (91, 97, 100, 100, 100), "argo-5%": (87, 95, 100, 100, 100), "argo-1%": (6, 99, 94, 85, 85),
        "flagger": (98, 100, 94, 30, 19), "alarm": (5, 83, 100, 100, 100), "kayenta": (7, 4, 5, 11, 13),
        "msprt": (5, 62, 94, 100, 100), "netflix": (0, 2, 29, 89, 100),
    },
}  # fmt: skip

# Harm over the oracle's, all and by traffic (section 3, all plans, all faults, 800 good versions a context).
PUBLISHED_HARM = {
    "peer tuned for the site": (10.1, 3.1, 5.8, 7.6, 14.0, 53.0),
    "peer tuned for the fault": (4.6, 2.4, 3.6, 3.9, 4.5, 13.0),
}

# The limit: harmed requests of whoever knows both distributions, stable failing 0.05 / 0.2 / 1 % (section 2).
PUBLISHED_LIMIT: dict[tuple[str, float], tuple[float, ...]] = {
    ("failing", 0.001): (7, 21, 94), ("failing", 0.005): (2.8, 6.1, 21), ("failing", 0.01): (2.1, 4.0, 12),
    ("failing", 0.05): (1.2, 1.9, 3.9), ("failing", 0.50): (0.7, 0.9, 1.4),
    ("latency", 1.1): (4.5,), ("latency", 1.25): (2.3,), ("latency", 1.5): (1.6,), ("latency", 2.0): (1.2,),
    ("latency", 4.0): (1.3,),
}  # fmt: skip


def hindsight(cells: Sequence[Cell], bests: Bests) -> str:
    """
    Harm over the oracle's of the best peers and of each policy, and each policy's over the best peer's of each cell.

    The peers named here roll back at most 1 % of good versions in the context; the policies what they do.
    """
    bad = [cell for cell in cells if (str(cell.context), str(cell.fault)) in bests]
    if not bad:
        return ""
    traffic = [rate for rate in TRAFFIC if any(cell.context.traffic == rate for cell in bad)]

    def line(name: str, values: Mapping[int, float], last: Sequence[str]) -> list[str]:
        of = [figure(geometric(values[id(c)] for c in bad if c.context.traffic == rate)) for rate in traffic]
        return [name, figure(geometric(values.values())), *of, *last]

    def over(harm: Mapping[int, float]) -> dict[int, float]:
        return {id(c): (harm[id(c)] + HALF) / (c.harmed("oracle") + HALF) for c in bad}

    peer = {id(c): bests[str(c.context), str(c.fault)] for c in bad}
    none = ("", "", "")
    for_site = over({key: one.for_site for key, one in peer.items()})
    for_fault = over({key: one.for_fault for key, one in peer.items()})
    rows = [line("peer tuned for the site", for_site, none), line("peer tuned for the fault", for_fault, none)]
    for name in policies_of(bad):
        against = [(c.harmed(name) + HALF) / (peer[id(c)].for_fault + HALF) for c in bad]
        last = (figure(geometric(against)), f"{within(against, 1.0):.0%}", f"{within(against, 1.2):.0%}")
        rows.append(line(name, over({id(c): c.harmed(name) for c in bad}), last))
    for name, figures in PUBLISHED_HARM.items():
        by = dict(zip(TRAFFIC, figures[1:], strict=True))
        rows.append([f"({name}, as published)", figure(figures[0]), *(figure(by[rate]) for rate in traffic), *none])
    head = ("times the oracle", "all", *(f"{rate:g}/s" for rate in traffic), "times that peer", "<= 1x", "<= 1.2x")
    return told(head, rows)


def settings(cells: Sequence[Cell], bests: Bests) -> str:
    """Which peer it was, cell by cell."""
    rows = []
    for cell in cells:
        one = bests.get((str(cell.context), str(cell.fault)))
        if one is not None:
            rows.append([f"{cell.context}, {cell.fault}", figure(cell.harmed("oracle")), figure(one.for_fault),
                         one.setting, figure(one.for_site), one.site_setting])  # fmt: skip
    return told(("cell", "oracle", "for the fault", "setting", "for the site", "setting of the site"), rows)


def false_rollbacks(cells: Sequence[Cell]) -> str:
    """Ours beside the published share of good versions rolled back, %, where the context is one of the published."""
    usual = {Context("S3", rate, 0.002).under(noise): noise for rate in TRAFFIC for noise in PUBLISHED}
    good = [cell for cell in cells if cell.fault is None and cell.context in usual]
    rows = []
    for cell in good:
        published = PUBLISHED[usual[cell.context]]
        place = TRAFFIC.index(cell.context.traffic)
        row = [str(cell.context)]
        for name in published:
            seen = cell.outcomes.get(name)
            row.append(f"{100 * rolled_back(seen) / len(seen):.0f} ({published[name][place]})" if seen else "-")
        rows.append(row)
    return told(("% rolled back, ours (published)", *PUBLISHED["ordinary"]), rows) if rows else ""


def limit() -> str:
    """The harm nobody can do without, ours (published): ln(100) nats at KL(bad || good) a request, times the harm."""
    rows = []
    for (kind, size), published in PUBLISHED_LIMIT.items():
        name = f"failures +{100 * size:g} points" if kind == "failing" else f"latency x{size:g}"
        ours = [_least(kind, size, failing) for failing in FAILING[: len(published)]]
        both = [f"{figure(mine)} ({figure(theirs)})" for mine, theirs in zip(ours, published, strict=True)]
        rows.append([name, *both, *[""] * (len(FAILING) - len(both))])
    return told(("least harm, ours (published)", *(f"failing {share:.2%}" for share in FAILING)), rows)


def _least(kind: str, size: float, failing: float) -> float:
    needed = math.log(100.0)
    if kind == "failing":
        good = failing * FAILS
        bad = good + size
        each = bad * np.log(bad / good) + (1 - bad) * np.log((1 - bad) / (1 - good))
        return float(needed / (SHARES @ each) * size)
    place, usual = row(np.array([math.log(size)]))[0], row(np.zeros(1))[0]
    slowed, before = (sum(SHARES[route] * table()[route][at] for route in range(ROUTES)) for at in (place, usual))
    nats = float((slowed * np.log((slowed + 1e-12) / (before + 1e-12))).sum())
    slow = slow_table()
    return needed / nats * float(SHARES @ (slow[:, place] - slow[:, usual]))
