"""What each mode of the benchmark measures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from tests.bench.judging.faults import FAULTS, REDUCED
from tests.bench.judging.plans import REDUCED as CONTEXTS
from tests.bench.judging.plans import TRAFFIC, Context

S3 = tuple(Context("S3", traffic) for traffic in TRAFFIC)
TEN_DAYS = tuple(Context("S0", traffic, bin_seconds=60.0) for traffic in TRAFFIC[:4])
FEW = ("err+1pp", "err+5pp", "err+50pp", "lat x1.5", "lat x2", "lat x4")


def _under(noise: str) -> tuple[Context, ...]:
    return tuple(context.under(noise) for context in S3)


# Each: contexts, good rollouts a context, bad ones a cell, faults.
MODES: dict[str, tuple[tuple[Context, ...], int, int, tuple[str, ...]]] = {
    "smoke": (S3[1:4:2], 20, 4, ("err+5pp", "err+50pp", "lat x2")),
    "reduced": (CONTEXTS, 400, 80, REDUCED),
    "all": (CONTEXTS, 800, 80, tuple(FAULTS)),
    "ten-days": (TEN_DAYS, 300, 10, ("err+0.5pp", "lat x1.25")),
    "one-second": (
        tuple(Context("S3", traffic, bin_seconds=1.0) for traffic in (100.0, 1000.0)), 40, 20, (*FEW, "err+20pp watch")
    ),
    "probes": (tuple(Context("S3", traffic, probes=True) for traffic in (0.1, 1.0)), 100, 40, (*FEW, "err+20pp")),
    "outage": (_under("outage"), 200, 0, ()),
    "outage-hold-back": (tuple(replace(context, hold_back=0.04) for context in _under("outage")), 200, 0, ()),
    "slow-start": (_under("slow-start"), 200, 0, ()),
    "wander-doubled": (_under("wander-doubled"), 200, 0, ()),
    "bursty": (_under("bursty"), 200, 0, ()),
    "cold-start": (_under("cold-start"), 200, 0, ()),
    "independent": (_under("independent"), 200, 20, REDUCED),
    "diurnal": (_under("diurnal"), 200, 0, ()),
}  # fmt: skip

WITH_HINDSIGHT = ("reduced", "all")


def contexts_of(
    mode: str,
    plan: str | None = None,
    traffic: Collection[float] = (),
    looks: float | None = None,
    hold_back: float | None = None,
    noise: str | None = None,
    missing: float = 0.0,
) -> tuple[Context, ...]:
    """The mode's contexts, only those of a plan and of some traffic, with other looks, hold-back, noise, gaps."""
    made = []
    for context in MODES[mode][0]:
        if (plan is None or context.plan == plan) and (not traffic or context.traffic in traffic):
            made.append(replace(
                context,
                bin_seconds=looks or context.bin_seconds,
                hold_back=context.hold_back if hold_back is None else hold_back,
                noise=noise or context.noise,
                missing=missing,
            ))  # fmt: skip
    return tuple(made)
