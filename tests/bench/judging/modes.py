"""What each mode of the benchmark measures."""

from __future__ import annotations

from dataclasses import replace

from tests.bench.judging.faults import FAULTS, REDUCED
from tests.bench.judging.measuring import Asked
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


def asked(
    mode: str,
    policies: tuple[str, ...],
    seed: int,
    good: int | None = None,
    bad: int | None = None,
    faults: tuple[str, ...] = (),
    traffic: tuple[float, ...] = (),
    *,
    hindsight: bool = False,
    stepwise: bool = False,
) -> Asked:
    """The mode, with the caller's own counts, faults and traffic levels where given."""
    contexts, usual_good, usual_bad, usual_faults = MODES[mode]
    chosen = tuple(context for context in contexts if not traffic or context.traffic in traffic)
    return Asked(
        chosen,
        usual_good if good is None else good,
        usual_bad if bad is None else bad,
        faults or usual_faults,
        policies,
        seed,
        hindsight,
        stepwise,
    )
