"""The fold to facts: what happened, when it was due, who decided, and what a broken or foreign chain does to it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from tests.unit import report_samples as samples
from tests.unit.report_world import BEGAN, Script, Teller, shop_spec
from tidegate import actions as a
from tidegate.ledger import Entry, Kind, Reading
from tidegate.ports import Verdict
from tidegate.release import release
from tidegate.report.facts import ReleaseFacts, facts_of
from tidegate.report.figures import Readings, measured_at, wilson
from tidegate.report.telling import step_result
from tidegate.report.values import Condition, Standing
from tidegate.spec import compressed


def facts(sample: samples.Sample) -> ReleaseFacts:
    return facts_of(sample.entries, sample.readings, sample.spec)


def told_by(**script: Any) -> ReleaseFacts:
    teller = Teller(shop_spec(), Script(**script))
    teller.open()
    teller.tell(release(teller.spec))
    return facts_of(teller.entries, (), teller.spec)


@pytest.mark.proves("rep.release", "S2-141")
def test_a_promoted_release_tells_its_steps_with_planned_and_actual_times() -> None:
    told = facts(samples.promoted())
    assert (told.condition, told.version, told.blue, told.weight) == (Condition.PROMOTED, "1.1", "1.0", 100)
    assert [(s.asked, dict(s.measured), s.verdict) for s in told.steps] == [
        (w, {"api": w, "frontend": w}, Verdict.PASS) for w in (5, 25, 50, 100)
    ]
    first, second = told.steps[0], told.steps[1]
    assert first.planned is not None
    assert second.planned == first.planned + timedelta(minutes=20)
    assert second.set_at is not None
    assert second.set_at > second.planned  # acts take time; the plan has bakes alone
    promote = next(act for act in told.acts if act.kind == "promote")
    assert promote.planned == first.planned + timedelta(hours=2, minutes=20)


@pytest.mark.proves("rep.rollback", "S0-096", "E22")
def test_a_rollback_tells_who_why_and_the_seconds_until_all_traffic_was_back() -> None:
    told = facts(samples.rolled_back())
    assert told.condition is Condition.ROLLED_BACK
    assert told.down is not None
    assert (told.down.who, told.down.seconds, dict(told.down.weights)) == ("watch", 0.812, {"api": 25, "frontend": 25})
    assert told.down.late is None
    assert told.down.verified is Verdict.PASS
    assert told.weight == 0
    assert told.highest == 25
    assert [step_result(told, step) for step in told.steps] == ["PASS", "FAIL", "skipped", "skipped"]


def test_seconds_that_whoever_lowered_measured_win_over_those_between_two_clocks() -> None:
    teller = Teller(shop_spec(), Script())
    teller.script.stops_before = lambda action: isinstance(action, a.Bake)
    teller.open()
    teller.tell(release(teller.spec))
    decided = teller.now
    teller.now += timedelta(seconds=40)  # the watch wrote it later, from the stop in the mark
    body = {"why": "seen by kim", "token": "4c", "decided_at": decided.isoformat(), "seconds": 0.4}
    teller.append(Kind.DOWN, "down/4c", body, "kim")
    down = facts_of(teller.entries, (), teller.spec).down
    assert down is not None
    assert (down.at, down.seconds) == (decided, 0.4)


def test_a_decision_is_never_younger_than_its_entry_and_garbage_is_not_believed() -> None:
    teller = Teller(shop_spec(), Script())
    teller.open()
    later = (teller.now + timedelta(hours=1)).isoformat()
    for decided in (later, "yesterday", None, "2025-11-24T09:00:00"):
        entries = [*teller.entries, _entry(teller, {"why": "no", "token": "t", "decided_at": decided})]
        down = facts_of(entries, (), teller.spec).down
        assert down is not None
        assert down.at == teller.now


def _entry(teller: Teller, body: dict[str, Any]) -> Entry:
    entry = teller.append(Kind.DOWN, "down/t", body, "kim")
    teller.entries.pop()
    return entry


def test_a_late_rollback_says_how_long_after_promotion() -> None:
    told = facts(samples.rolled_back_late())
    assert told.down is not None
    assert told.down.late == timedelta(days=1, seconds=11, microseconds=570_000)
    assert [slot.outcome for slot in told.slots] == ["PASS", "PASS", "MISSED", "FAIL", "", "", ""]
    assert told.final_due is not None
    assert "finalize" not in [slot.slot for slot in told.slots]


def test_an_abort_has_no_traffic_and_names_the_backup_that_did_not_hold() -> None:
    told = facts(samples.aborted())
    assert (told.condition, told.exposed, told.highest) == (Condition.ABORTED, timedelta(0), 0)
    assert told.why.startswith("backup orders:")
    assert told.backups[0].verdict is Verdict.FAIL
    assert told.ended_at is not None


def test_a_question_without_an_answer_is_waiting_and_an_expired_one_is_not() -> None:
    sample = samples.waiting()
    told = facts(sample)
    assert [asked.gate for asked in told.waiting] == ["half"]
    assert told.waiting[0].approvers == ("kim", "lee")
    assert told.condition is Condition.WAITING
    key = next(e.key for e in reversed(sample.entries) if "question" in e.body)
    teller = Teller(sample.spec, Script(), entries=list(sample.entries))
    teller.append(Kind.EXPIRY, f"expired/{key}", {"why": "approval half: nobody answered in time"}, "watch")
    assert [asked.decision for asked in facts_of(teller.entries, (), sample.spec).approvals] == ["approve", "expired"]


@pytest.mark.proves("app.decision_record", "E17")
def test_approvals_keep_who_when_note_and_whether_the_identity_was_proved() -> None:
    go, half = facts(samples.promoted()).approvals
    assert (go.approver, go.proved, go.note) == ("kim", False, "All hands are here.")
    assert (half.approver, half.proved) == ("lee", True)
    assert go.answered_at is not None
    assert go.answered_at - go.asked_at == timedelta(hours=2, minutes=40)


def test_a_rejection_before_traffic_aborts_and_is_told_with_its_note() -> None:
    told = told_by(answers={"go": ("reject", "kim", False, "database is being moved")})
    assert told.condition is Condition.ABORTED
    assert "database is being moved" in told.why


@pytest.mark.proves("rep.checklist", "S1-052", "S1-055")
def test_checks_are_told_with_result_evidence_duration_and_remedy() -> None:
    told = told_by(checks={"env": (Verdict.FAIL, "DATABASE_URL is empty")})
    (check,) = told.checks
    assert (check.verdict, check.evidence, check.seconds) == (Verdict.FAIL, "DATABASE_URL is empty", 1.3)
    assert (check.says, check.remedy) == ("every required setting has a value", "fill in .env")


def test_dropped_notices_are_told() -> None:
    (drop,) = facts(samples.promoted()).dropped
    assert (drop.what, drop.why) == ("promoted", "Slack did not answer within 2 s")


@pytest.mark.proves("I23")
def test_a_changed_entry_is_told_as_a_broken_chain() -> None:
    sample = samples.promoted()
    entries = list(sample.entries)
    entries[9] = dataclasses.replace(entries[9], who="somebody else")
    assert facts(sample).chain.broken_at is None
    assert facts_of(entries, (), sample.spec).chain.broken_at == 10


def test_a_body_that_no_ledger_can_have_written_breaks_the_chain_where_it_stands() -> None:
    sample = samples.promoted()
    entries = [dataclasses.replace(e, body={**e.body, "x": "\ud800"}) if e.seq == 7 else e for e in sample.entries]
    assert facts_of(entries, (), sample.spec).chain.broken_at == 7


def test_a_chain_kept_without_hashes_is_not_called_broken() -> None:
    sample = samples.promoted()
    entries = [dataclasses.replace(entry, hash="", previous="") for entry in sample.entries]
    assert facts_of(entries, (), sample.spec).chain == dataclasses.replace(facts(sample).chain, head="")


def test_an_outcome_of_another_version_of_tidegate_stays_visible_and_fails_nothing() -> None:
    sample = samples.shifting()
    teller = Teller(sample.spec, Script(), entries=list(sample.entries))
    key = "main/1/release/dance/-/-/1"
    teller.append(Kind.OUTCOME, key, {"event": "danced", "at": BEGAN.isoformat(), "sentence": "a waltz"}, epoch=True)
    act = next(act for act in facts_of(teller.entries, (), sample.spec).acts if act.key == key)
    assert (act.kind, act.result, act.sentence) == ("dance", "done", "a waltz")


def test_an_empty_chain_has_nothing_to_tell() -> None:
    with pytest.raises(ValueError, match="at least the entry"):
        facts_of([], [], shop_spec())


def test_compressed_time_and_restarts_are_told() -> None:
    told = facts(samples.shifting(compressed(shop_spec(), 180)))
    assert told.compress == 180
    assert told.restarts == 1
    assert told.steps[0].bake == timedelta(minutes=20) / 180


def test_exposure_counts_traffic_only_and_ends_with_the_release() -> None:
    told = facts(samples.rolled_back())
    raised = next(at for at, weight in told.weights["api"] if weight)
    assert told.down is not None
    assert told.down.seconds is not None
    back = told.down.at + timedelta(seconds=told.down.seconds)
    assert told.exposed == back - raised


def test_a_reading_counts_only_within_its_step_and_only_of_its_own_side() -> None:
    spec = shop_spec()
    gate = spec.gates[0]
    at = BEGAN

    def reading(minute: int, side: str, value: float) -> Reading:
        return Reading(at + timedelta(minutes=minute), "api", side, "error_rate", value, 500)

    kept = Readings(
        [reading(9, "canary", 0.9), reading(1, "api-1-1", 0.02), reading(3, "stable", 0.001), reading(2, "else", 0.5)],
        {"api": {"api-1-1": "canary"}},
    )
    told = measured_at(gate, kept, at, at + timedelta(minutes=5))
    assert (told.value, told.stable, told.standing) == (0.02, 0.001, Standing.OVER)
    nothing = measured_at(gate, kept, at + timedelta(minutes=4), at + timedelta(minutes=5))
    assert (nothing.value, nothing.standing) == (None, Standing.NONE)


@pytest.mark.parametrize(
    ("value", "count", "standing"),
    [(0.0, 500, Standing.GOOD), (0.007, 500, Standing.BAND), (0.011, 500, Standing.OVER), (0.5, 3, Standing.FEW)],
)
def test_a_reading_lies_between_its_limits(value: float, count: int, standing: Standing) -> None:
    kept = Readings([Reading(BEGAN, "api", "canary", "error_rate", value, count)], {})
    assert measured_at(shop_spec().gates[0], kept, BEGAN, None).standing is standing


def test_no_number_is_no_reading() -> None:
    kept = Readings([Reading(BEGAN, "api", "canary", "error_rate", float("nan"), 500)], {})
    assert measured_at(shop_spec().gates[0], kept, BEGAN, None).standing is Standing.NONE


def test_the_interval_of_a_rate_is_wilsons() -> None:
    """Compared with Newcombe 1998, table I, case a (81 of 263)."""
    interval = wilson(81 / 263, 263)
    assert interval is not None
    assert [round(bound, 4) for bound in interval] == [0.2553, 0.3662]
    assert wilson(0.0, 0) is None
    assert wilson(None, 9) is None


def test_a_park_begins_a_new_leg_with_its_own_steps() -> None:
    teller = Teller(shop_spec(), Script(answers={"half": ("park", "lee", True, "after lunch")}))
    teller.script.stops_before = lambda action: action.place.leg == 2 and isinstance(action, a.Bake)
    teller.open()
    teller.tell(release(teller.spec))
    told = facts_of(teller.entries, (), teller.spec)
    assert [step.leg for step in told.steps] == [1] * 4 + [2] * 4
    second = [step for step in told.steps if step.leg == 2]
    assert second[0].set_at is not None
    assert [asked.gate for asked in told.approvals] == ["go", "half", "leave-park"]
    assert (told.weight, told.step_number, told.step_count) == (5, 1, 4)


def test_facts_are_the_same_each_time() -> None:
    for make in samples.ALL:
        assert facts(make()) == facts(make())


def test_times_are_aware() -> None:
    told = facts(samples.promoted())
    instants = [told.opened_at, told.as_of, *(act.ended for act in told.acts if act.ended)]
    assert all(at.tzinfo is not None for at in instants)
