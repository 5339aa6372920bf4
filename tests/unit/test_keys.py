"""
The keys and event names that ledgers out there are full of.

A release under way is resumed by them, perhaps by a newer Tidegate than the one that began it. Add freely; a renamed or
moved key is a breaking change and needs a migration of the chains, or a version that reads both.
"""

from __future__ import annotations

import pytest

from tests.unit.answering import Died, GoodDay, answered
from tidegate.acts import HERE
from tidegate.finalizing import finalize
from tidegate.plan import drive
from tidegate.release import abort, release, shut
from tidegate.rollback import rollback
from tidegate.simulation import specs
from tidegate.spec import Spec

KEYS = """
main/1/release/run-check/before/ready/1              check-run
main/1/release/take-turn/-/-/1                       turn-taken
main/1/release/take-backup/-/orders/1                backup-taken
main/1/release/prove-backup/-/orders/1               backup-proven
main/1/release/push-artifact/-/api/1                 artifact-pushed
main/1/release/create-green/-/api/1                  green-created
main/1/release/await-healthy/-/api/1                 became-healthy
main/1/release/run-check/smoke/smoke:api/1           check-run
main/1/release/ask-approval/go/go/1                  answered
main/1/release/inspect-routes/claim/-/1              routes-inspected
main/1/release/claim/-/api/1                         claimed
main/1/canary/set-weight/5/api/1                     weight-set
main/1/canary/bake/5/5/1                             baked
main/1/canary/rest/5/5/1                             rested
main/1/canary/ask-approval/25/widen/1                answered
main/1/canary/park/park/-/1                          parked
main/1/canary/ask-approval/park/leave-park/1         answered
main/2/canary/set-weight/5/api/1                     weight-set
main/2/canary/bake/5/5/1                             baked
main/2/canary/ask-approval/25/widen/1                answered
main/2/canary/set-weight/25/api/1                    weight-set
main/2/canary/bake/25/25/1                           baked
main/2/canary/set-weight/100/api/1                   weight-set
main/2/canary/bake/100/100/1                         baked
main/2/release/promote/-/-/1                         promoted
main/2/release/book-slots/-/promoted/1               slots-booked
main/2/release/tell/-/promoted/1                     told
main/2/release/write-report/-/promoted/1             report-written
main/1/rollback/ensure-lowered/-/-/1                 lowered
main/1/rollback/verify-rollback/-/-/1                rollback-verified
main/1/rollback/stop-green/-/api/1                   green-stopped
main/1/rollback/cancel-slots/-/-/1                   slots-cancelled
main/1/rollback/close-rollback/-/-/1                 rolled-back
main/1/rollback/tell/-/rolled-back/1                 told
main/1/rollback/write-report/-/rolled-back/1         report-written
main/1/rollback/end-run/-/-/1                        run-ended
main/1/finalize/make-final/-/api/1                   made-final
main/1/finalize/remove-blue/-/api/1                  blue-removed
main/1/finalize/close/-/-/1                          closed
main/1/finalize/tell/-/closed/1                      told
main/1/finalize/write-report/-/closed/1              report-written
main/1/release/abort/-/-/1                           aborted
main/1/release/tell/-/aborted/1                      told
main/1/release/write-report/-/aborted/1              report-written
main/1/release/lower/-/-/1                           -
"""


def sample_spec() -> Spec:
    return specs.spec(
        checks=[
            {"name": "ready", "check": specs.NOWHERE, "says": "it can be released"},
            {"name": "smoke", "check": specs.NOWHERE, "says": "green answers", "component": "api"},
        ],
        backups=[{"name": "orders", "backup": specs.NOWHERE}],
        plans={"canary": specs.steps("15s", 5, 25, 100, approval=25)},
        readiness="go",
        approvals=[{"name": "go", "ask": "Open?"}, {"name": "widen", "ask": "More?"}],
    )


def told_by_this_version() -> dict[str, str]:
    """Every key of a release that rests, parks, is promoted, rolled back and finalized, with its event's name."""
    spec, day = sample_spec(), GoodDay({"main/1/canary/ask-approval/25/widen/1": answered("park")})
    for plan in (release(spec, stop_after=5), release(spec), rollback(spec, "bad"), finalize(spec)):
        drive(plan, day.answers, day.perform)
    for plan in (abort("bad"), shut(HERE, "bad")):
        drive(plan, {}, day.perform)
    return {key: str(day.answers.get(key, {}).get("event", "-")) for key in day.done}


def test_no_key_and_no_event_of_a_release_under_way_was_renamed() -> None:
    known = dict(line.split() for line in KEYS.strip().splitlines())
    now = told_by_this_version()
    gone = sorted(known.items() - now.items())
    new = sorted(now.items() - known.items())
    assert not gone, (
        f"{gone} stands in the chains of releases that are under way; this version tells {new or 'nothing'} instead: "
        "after the upgrade their next pass finds no answer, performs the act again, and where a weight comes after it, "
        "stops with LedgerMismatch. Keep the old name, or read both."
    )
    assert not new, f"new keys: add {new} to KEYS; from now on they are kept, too"


def test_a_release_begun_under_these_keys_goes_on_under_them() -> None:
    """The list is what a resume reads: cut off anywhere, the rest is performed and nothing twice."""
    spec = sample_spec()
    day = GoodDay(dies_after=11)
    with pytest.raises(Died):
        drive(release(spec), day.answers, day.perform)
    day.dies_after = 10_000
    drive(release(spec), day.answers, day.perform)
    assert len(day.done) == len(set(day.done))
