"""
Planted bugs by name: a broken rule each, the faults under which it shows soonest, and the invariants that may name it.

A bug that nobody catches means a fault that is missing, or an invariant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.faults import broken_rules as broken
from tidegate import kernel


@dataclass(frozen=True)
class Bug:
    """One broken rule: how it is planted, the faults that bring it out, and the invariants that may name it."""

    plant: Callable[[broken.Patch], None]
    faults: str
    breaks: str  # beginnings of the messages that count as caught, with commas
    plays: int = 150  # within so many plays it has to be caught


BUGS: Mapping[str, Bug] = {
    "a raise ignores a stop": Bug(
        lambda p: p.setattr(kernel, "_mine", broken.mine(stop=False, same=False)),
        "write-late,rollback-typed,hiccup,metric-bad",
        "I5,I14",
    ),
    "a raise ignores what changed since it was read": Bug(
        lambda p: p.setattr(kernel, "_mine", broken.mine(same=False)), "hand-lower,hiccup,write-late", "I5,I14"
    ),
    "a raise ignores a hand that lowered": Bug(broken.objections("by hand"), "hand-lower", "I5,I14"),
    "a raise ignores its number": Bug(broken.any_number, "freeze,write-late,crash", "I11,I5,I3"),
    "a raise ignores freezes": Bug(broken.objections("froze"), "freeze-set", "I28"),
    "a raise ignores green's instances": Bug(broken.objections("green instances", "health"), "green-dies", "I9"),
    "a raise ignores blue's instances": Bug(broken.objections("blue instances"), "blue-dies", "I8"),
    "a proof never ages": Bug(broken.proof_never_ages, "hiccup,freeze,write-late", "I3,I8,I9,I5,I28"),
    "a plan skips a step": Bug(broken.skips_a_step, "router-lags", "I2"),
    "a lowering leaves no stop": Bug(
        broken.lower_without_a_stop, "write-late,cancel,rollback-clicked,hiccup", "I5,I7,I15"
    ),
    "a lowering compares numbers": Bug(
        broken.lower_only_for_the_right_number, "rollback-typed,crash,ledger-down", "I7,I10,I20"
    ),
    "a lowering waits for the ledger": Bug(broken.ledger_first, "ledger-down,disk-full", "I10,I7,I15"),
    "a lowering tries once": Bug(broken.lower_once, "router-down,write-lost,cancel", "I7,I10,I15,I20"),
    "a stop counts for its own route only": Bug(broken.one_stop_only, "rollback-typed", "I7,I15"),
    "final ignores a stop": Bug(broken.final_over_a_stop, "rollback-typed,hiccup,hand-lower", "I8,I5", 600),
    "a claim takes whatever is there": Bug(broken.claim_anything, "second-release,rollback-typed", "I5,I11"),
    "an attempt does not stamp": Bug(broken.no_stamp, "crash", "I21,I15"),
    "approvals of another leg count": Bug(broken.any_approval_of_the_first_leg, "park,approve-twice", "I21,I3"),
    "blue goes before final": Bug(broken.blue_before_final, "router-lags", "I8,I13"),
    "green goes before the traffic": Bug(broken.green_stopped_in_traffic, "rollback-clicked", "I13,I7,I10"),
    "drift is judged without a quiet pair": Bug(
        broken.sight(quiet=True), "slow-look,park,approve-twice", "I21", plays=900
    ),
    "a hand that lowered is not obeyed": Bug(broken.drift(lambda d: d.kind != "down"), "hand-lower", "I14"),
    "a hand that raised is not repaired": Bug(broken.drift(lambda d: d.kind != "repair"), "hand-raise", "I14"),
    "a stop is never written down": Bug(
        broken.drift(lambda d: d.kind != "write-down"), "rollback-typed,ledger-down", "I7"
    ),
    "a newer claim supersedes nothing": Bug(broken.drift(lambda d: d.kind != "supersede"), "second-release", "I14"),
    "a bake is complete whatever the verdict": Bug(broken.complete_anyhow, "metric-few,metric-none,metric-nan", "I4"),
    "a bake ends by the wall clock": Bug(broken.bake_by_the_wall, "clock-jumps", "I27,I15"),
    "no data passes": Bug(broken.judge(lambda s: s.value is None), "metric-none", "I4"),
    "NaN passes": Bug(broken.judge(lambda s: s.value is not None and math.isnan(s.value)), "metric-nan", "I4"),
    "an unanswering source passes": Bug(broken.judge(lambda s: bool(s.error)), "metric-error", "I4"),
    "too few samples pass": Bug(broken.judge(lambda s: s.count == 3), "metric-few", "I4"),
    "an hour-old sample passes": Bug(broken.stale_passes, "metric-stale", "I4,I21"),
    "a bad version passes": Bug(broken.judge(lambda s: bool(s.value and s.value > 0.03)), "hiccup", "I4,I10,I21"),
    "a hold lasts for ever": Bug(broken.hold_for_ever, "hand-garbles,metric-none", "I15"),
    "questions never expire": Bug(broken.never_woken, "approve-never", "I15"),
    "an expiry is carried out once or never": Bug(broken.expiry_once, "approve-never,orchestrator-down", "I7,I15"),
    "dead runs are left alone": Bug(broken.no_restart, "crash", "I15"),
    "the row is kept by the dead": Bug(broken.row_kept, "crash,append-unheard", "I20"),
    "a rollback meets LedgerMismatch": Bug(broken.rollback_mismatch, "cancel", "I15"),
    "a silent router ends the watch": Bug(
        broken.watch_dies_of_a_silent_router, "router-down,cancel", "RollbackIncomplete"
    ),
    "points of no return bind nobody": Bug(broken.nothing_is_behind, "rollback-typed", "no return"),
    "the watch lowers behind a point of no return": Bug(
        broken.the_watch_minds_no_point, "green-dies,metric-bad", "no return"
    ),
    "a point of no return is crossed in silence": Bug(broken.crosses_unnoted, "hiccup", "no return"),
    # about 1 play in 190 brings it out
    "a half-way state has no limit": Bug(broken.half_way_for_ever, "approve-late", "half-way", 800),
    "a half-way limit comes too early": Bug(broken.half_way_too_early, "approve-late", "half-way,I21"),
    "a slot is answered twice": Bug(broken.slots_twice, "run-retried,router-lags", "I26"),
}
