"""Broken rules of the scenarios: under each, its scenario must fail. More of them stand in tests/faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.broken_rules import objections
from tests.faults.planted import BUGS
from tidegate import actions as do
from tidegate import attempt as attempts
from tidegate import baking, gating, kernel, lookout, performing, plan, shifting, story, triggering, watch
from tidegate.errors import Fenced, Unreachable
from tidegate.events import Parked
from tidegate.judge import limits
from tidegate.ledger import Lease
from tidegate.memory_ledger import MemoryLedger
from tidegate.ports import Verdict
from tidegate.simulation import bodies
from tidegate.traffic import Change, Mark, Seen, Setting, Stop

Patch = pytest.MonkeyPatch


def any_routes_lowering(patch: Patch) -> None:
    """`lower()` is "always allowed", whoever the route belongs to by now (scenario 5)."""

    def lower(_release: str, stop: Stop, **_: Any) -> Change:
        def decide(seen: Seen) -> Setting:
            split, mark = seen.split, seen.mark or Mark()
            assert split is not None
            return Setting(split.at(0), replace(mark, stop=stop))

        return Change("lower", decide)

    patch.setattr(kernel, "lower", lower)


def nothing_explained(patch: Patch) -> None:
    patch.setattr(story.Story, "explains", lambda self, component, weight: self.weights.get(component, 0) == weight)


def the_bake_is_the_proof(patch: Patch) -> None:
    """I3 as it was first written: the PASS is the bake's, and at most 60 s old (scenario 8d)."""
    right = shifting.gather

    def gather(on: attempts.Attempt, action: do.SetWeight, intent_seq: int) -> kernel.Proof:
        proof = right(on, action, intent_seq)
        baked = [at for key, at in on.story.answered_at.items() if "/bake/" in key]
        age = (on.ledger.now() - max(baked)).total_seconds() if baked else 0.0
        return replace(proof, taken=proof.taken - max(0.0, age - 30.0))

    patch.setattr(shifting, "gather", gather)


def every_component_judged(patch: Patch) -> None:
    """A component that waits for its first raise has no samples, and is held for that (scenario 8e)."""
    patch.setattr(gating, "_carries", lambda sight, _component: sight.story.had_traffic)
    right = limits.judge
    patch.setattr(gating, "judge", lambda *given, **more: _held(right(*given, **more)))


def _held(judged: limits.Judged) -> limits.Judged:
    return replace(judged, hold=judged.hold or judged.verdict is Verdict.INCONCLUSIVE)


def too_few_hold_at_once(patch: Patch) -> None:
    right = limits.judge
    patch.setattr(gating, "judge", lambda *given, **more: _held(right(*given, **more)))


def a_park_always_acts(patch: Patch) -> None:
    """As every other lowering: never answered from the ledger (scenario 10)."""
    right = plan.drive

    def drive(telling: Any, answers: Mapping[str, Any], perform: Callable[[do.Action], Any]) -> Any:
        return right(telling, _WithoutParks(answers), perform)

    patch.setattr(bodies, "drive", drive)


class _WithoutParks(dict[str, Any]):
    def get(self, key: str, default: Any = None) -> Any:
        return None if "/park/park/" in key else super().get(key, default)


def a_park_recorded_afterwards(patch: Patch) -> None:
    def park(on: attempts.Attempt, action: do.Park) -> Any:
        for component in on.story.claimed:
            on.world.parts[component].router.write(kernel.park(on.row.id))
        on.begin(action)
        return on.end(action, Parked(at=on.world.clock.now(), why=action.why))

    patch.setitem(performing._ACTS, do.Park, park)


def a_lost_race_stops_the_flow(patch: Patch) -> None:
    right = attempts.Attempt.append

    def append(self: attempts.Attempt, *given: Any, **more: Any) -> Any:
        if self.ledger.seq(self.row.id) != self.story.seq:
            raise Fenced("somebody wrote in between")
        return right(self, *given, **more)

    patch.setattr(attempts.Attempt, "append", append)


def a_late_outcome_lifts_the_story(patch: Patch) -> None:
    right = story.Story._traffic

    def traffic(self: story.Story, entry: Any, body: Mapping[str, Any]) -> None:
        right(self, entry, body)
        if body.get("event") == "weight-set":
            self._weigh(entry, body["component"], int(body["weight"]))
            if self.down is not None:
                self.state, self.down = story.State.SHIFTING, None

    patch.setattr(story.Story, "_traffic", traffic)


def a_park_counts_as_half_way(patch: Patch) -> None:
    """What was raised before a Park goes on counting through it."""
    right = story.Story._stage

    def stage(self: story.Story, entry: Any, body: Mapping[str, Any]) -> None:
        kept = dict(self.raised_at)
        right(self, entry, body)
        self.raised_at.update(kept)

    patch.setattr(story.Story, "_stage", stage)


def nobody_asks_for_the_rollback(patch: Patch) -> None:
    right = watch._going_down

    def going_down(*given: Any) -> Any:
        watching, decisions, told = right(*given)
        return watching, [decision for decision in decisions if decision.kind != "ask-rollback"], told

    patch.setattr(watch, "_going_down", going_down)


def a_rest_counts_as_dead(patch: Patch) -> None:
    right = lookout.look  # type: ignore[attr-defined]

    def look(spec: Any, memory: Any, sight: Any) -> Any:
        sight.story.resting_since = None
        return right(spec, memory, sight)

    patch.setattr(lookout, "look", look)


def answers_not_read(patch: Patch) -> None:
    right = plan.drive
    patch.setattr(bodies, "drive", lambda telling, _, perform: right(telling, {}, perform))


def expiry_at_once(patch: Patch) -> None:
    right = watch.questions_and_rests  # type: ignore[attr-defined]

    def decided(spec: Any, watching: Any, sight: Any) -> Any:
        return right(spec, watching, replace(sight, at=sight.at + timedelta(seconds=60)))

    patch.setattr(watch, "questions_and_rests", decided)


def a_dropped_notice_has_no_outcome(patch: Patch) -> None:
    def tell(on: attempts.Attempt, action: do.Tell) -> Any:
        raise Unreachable(f"{on.row.id}: nobody listens to {action.name}")

    patch.setitem(performing._ACTS, do.Tell, tell)


def a_bake_waits_for_ever(patch: Patch) -> None:
    right = baking.bake

    def bake(on: attempts.Attempt, action: do.Bake, *more: Any) -> Any:
        patient = on.world.spec.hold.model_copy(update={"deadline": timedelta(days=99)})
        on.world = replace(on.world, spec=on.world.spec.model_copy(update={"hold": patient}))
        return right(on, action, *more)

    patch.setattr(performing, "bake", bake)


def no_claim_over_a_stop(patch: Patch) -> None:
    """A stop stands for ever: old news cannot be told from a no of a minute ago (scenario 15)."""
    right = kernel.claim

    def claim(*given: Any, **named: Any) -> Change:
        change = right(*given, **named)

        def decide(seen: Seen) -> Setting:
            if seen.mark is not None and seen.mark.stop is not None:
                raise Fenced("a stop stands on the route")
            return change.decide(seen)

        return Change("claim", decide)

    patch.setattr(kernel, "claim", claim)


def numbers_of_its_own(patch: Patch) -> None:
    """Each release counts from 1: its numbers cannot be compared with the mark of another one (scenario 16)."""
    taken: dict[str, int] = {}
    right = MemoryLedger.take

    def take(self: MemoryLedger, release: str, run_id: str, seconds: float, _: int = 0, **more: bool) -> Lease:
        system = release.split("/")[0]
        taken[release] = taken.get(release, 0) + 1
        self._epochs[system] = taken[release] - 1
        return right(self, release, run_id, seconds, 0, **more)

    patch.setattr(MemoryLedger, "take", take)


def events_are_not_read(patch: Patch) -> None:
    patch.setattr(lookout, "events_of", lambda *_: {})


def nobody_can_say_that_it_was_nothing(patch: Patch) -> None:
    patch.setattr(triggering, "OVER", "-is-something-else")


def a_rollback_knows_no_list(patch: Patch) -> None:
    patch.setattr(bodies, "list_of", lambda _story: "")


OWN: dict[str, Callable[[Patch], None]] = {
    "a park counts as half-way": a_park_counts_as_half_way,
    "a lowering takes any release's route": any_routes_lowering,
    "intents explain nothing": nothing_explained,
    "a claim takes no route with a stop": no_claim_over_a_stop,
    "numbers begin anew with each release": numbers_of_its_own,
    "a raise ignores the way-back record": objections("way-back record"),
    "a raise ignores whether the watch can lower": objections("can lower"),
    "the bake itself is the proof": the_bake_is_the_proof,
    "a component without traffic is judged": every_component_judged,
    "too few samples hold at once": too_few_hold_at_once,
    "a park always acts": a_park_always_acts,
    "a park is recorded afterwards": a_park_recorded_afterwards,
    "a lost race stops the flow": a_lost_race_stops_the_flow,
    "a late outcome lifts the story": a_late_outcome_lifts_the_story,
    "nobody asks for the rollback": nobody_asks_for_the_rollback,
    "a rest counts as dead": a_rest_counts_as_dead,
    "answers are not read": answers_not_read,
    "expiry is decided at once": expiry_at_once,
    "a dropped notice has no outcome": a_dropped_notice_has_no_outcome,
    "pushed events are not read": events_are_not_read,
    "nobody can say that it was nothing": nobody_can_say_that_it_was_nothing,
    "a rollback knows no list of the spec": a_rollback_knows_no_list,
    "a bake waits for ever": a_bake_waits_for_ever,
}
BROKEN: Mapping[str, Callable[[Patch], None]] = {**{name: bug.plant for name, bug in BUGS.items()}, **OWN}
