"""Rules of kernel, watch, judge and driver, each broken by one mutation of an attribute: no switch in the product."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tidegate import (
    claiming,
    finalizing,
    gating,
    halfway,
    kernel,
    ledger_rules,
    lookout,
    overdue,
    performing,
    plan,
    release,
    shifting,
    watch,
)
from tidegate.actions import Close, EnsureLowered, MakeFinal, RemoveBlue
from tidegate.attempt import Attempt
from tidegate.errors import Fenced, RollbackIncomplete
from tidegate.events import BlueRemoved, Closed, MadeFinal, RoutesInspected
from tidegate.judge import limits
from tidegate.ledger import Kind
from tidegate.plan import Outcome, ask
from tidegate.ports import Sample, Verdict
from tidegate.sight import Decision, Look
from tidegate.simulation import bodies
from tidegate.slots import Fate
from tidegate.traffic import Change, Mark, Seen, Setting, Split

Patch = pytest.MonkeyPatch


def mine(*, stop: bool = True, same: bool = True, number: bool = True) -> Callable[..., tuple[Split, Mark]]:
    def mine(seen: Seen, read: Seen, release: str, epoch: int) -> tuple[Split, Mark]:
        split, mark = kernel._whole(seen)
        kernel._named(mark, release)
        if number and mark.epoch != epoch:
            raise Fenced("number")
        if stop and mark.stop is not None:
            raise Fenced("stop")
        if same and seen != read:
            raise Fenced("changed")
        return split, mark

    return mine


def objections(*gone: str) -> Callable[[Patch], None]:
    """The kernel without some of its objections, known by a word of their sentence."""

    def plant(patch: Patch) -> None:
        right = kernel.objections

        def fewer(proof: kernel.Proof, elapsed: float) -> list[str]:
            return [said for said in right(proof, elapsed) if not any(word in said for word in gone)]

        patch.setattr(kernel, "objections", fewer)

    return plant


def lower_without_a_stop(patch: Patch) -> None:
    patch.setattr(kernel, "lower", lambda release, _stop, **_: Change("lower", kernel.park(release).decide))


def lower_only_for_the_right_number(patch: Patch) -> None:
    """A rollback that the fence refuses (scenario 1): the record's number is older than the route's."""
    right, first = kernel.lower, dict[str, int]()

    def lower(release: str, stop: Any, **more: Any) -> Change:
        change = right(release, stop, **more)

        def decide(seen: Seen) -> Setting:
            if seen.mark is not None and seen.mark.epoch > first.setdefault(stop.token, 2):
                raise Fenced("an older mark is refused")
            return change.decide(seen)

        return Change("lower", decide)

    patch.setattr(kernel, "lower", lower)


def final_over_a_stop(patch: Patch) -> None:
    def final(release: str, _epoch: int, _read: Seen) -> Change:
        def decide(seen: Seen) -> Setting:
            split, mark = kernel._whole(seen)
            kernel._named(mark, release)
            assert split.canary is not None
            return Setting(Split(split.canary), replace(mark, final=True))

        return Change("final", decide)

    patch.setattr(kernel, "final", final)


def claim_anything(patch: Patch) -> None:
    right = kernel.claim

    def claim(release: str, epoch: int, canary: Any, **_: Any) -> Change:
        def decide(seen: Seen) -> Setting:
            token = {seen.mark.stop.token} if seen.mark and seen.mark.stop else set()
            named = {seen.mark.release} if seen.mark else set()
            return right(release, epoch, canary, found=token, over=named).decide(seen)

        return Change("claim", decide)

    patch.setattr(kernel, "claim", claim)
    patch.setattr(claiming, "inspect_routes", _nothing_found)


def _nothing_found(on: Attempt) -> RoutesInspected:
    return RoutesInspected(at=on.world.clock.now())


def ledger_first(patch: Patch) -> None:
    """A lowering that waits for the ledger (I6)."""
    right = shifting.decide_down

    def decide(world: Any, release: str, who: str, why: str, **more: Any) -> dict[str, int]:
        stop = shifting.new_stop(who, why, world.clock.now())
        while not shifting.write_down(world, release, stop):
            world.clock.sleep(5.0)
        return right(world, release, who, why, **more)

    patch.setattr(shifting, "decide_down", decide)


def lower_once(patch: Patch) -> None:
    """One try, then content."""
    right = shifting.lower_routes

    def lower(world: Any, release: str, stop: Any, **more: Any) -> Any:
        try:
            return right(world, release, stop, **{**more, "patience": 0.0})
        except RollbackIncomplete:
            return {}, {}

    patch.setattr(shifting, "lower_routes", lower)
    patch.setattr(watch, "_going_down", _only_watching)


def _only_watching(_: Any, watching: Any, *__: Any) -> Any:
    return watching, [], Look(Verdict.FAIL, "", "down", {})


def no_stamp(patch: Patch) -> None:
    def stamp(_release: str, _epoch: int) -> Change:
        return Change("stamp", lambda seen: Setting(kernel._whole(seen)[0], seen.mark or Mark()))

    patch.setattr(kernel, "stamp", stamp)


def sight(**changes: Any) -> Callable[[Patch], None]:
    """The watch with one of its eyes shut."""

    def plant(patch: Patch) -> None:
        right = watch.look
        patch.setattr(lookout, "look", lambda spec, memory, sight: right(spec, memory, replace(sight, **changes)))

    return plant


def drift(kept: Callable[[Decision], bool]) -> Callable[[Patch], None]:
    def plant(patch: Patch) -> None:
        right = watch._drift
        patch.setattr(watch, "_drift", lambda sight: [found for found in right(sight) if kept(found)])

    return plant


def judge(spoil: Callable[[Sample], bool]) -> Callable[[Patch], None]:
    """A judge that lets pass what this says."""

    def plant(patch: Patch) -> None:
        right = limits.judge

        def judge(gate: Any, sample: Sample, over_for: timedelta, *more: Any, **how: Any) -> limits.Judged:
            judged = right(gate, sample, over_for, *more, **how)
            if spoil(sample):
                return replace(judged, verdict=Verdict.PASS, hold=False, over=False)
            return judged

        patch.setattr(gating, "judge", judge)

    return plant


def stale_passes(patch: Patch) -> None:
    right = limits.judge
    patch.setattr(gating, "judge", lambda gate, sample, over_for, *_, **__: right(gate, sample, over_for))


def complete_anyhow(patch: Patch) -> None:
    """Two guards at once: a hold would keep such a bake from counting."""
    right = watch._completed
    patch.setattr(watch, "_completed", lambda watching, sight, _: right(watching, sight, Verdict.PASS))
    patch.setattr(watch, "_hold", lambda _spec, watching, *_: (watching, "", ""))


def bake_by_the_wall(patch: Patch) -> None:
    def bake(watching: Any, sight: Any) -> Any:
        now = watch.baking(sight.story)
        if now is None:
            return watching
        begun = next(intent.at for intent in sight.story.open.values() if intent.body.get("bake"))
        return replace(watching, bake=now[0], baked=(sight.at - begun).total_seconds())

    patch.setattr(watch, "_bake", bake)


def hold_for_ever(patch: Patch) -> None:
    right = watch._hold

    def hold(*given: Any) -> Any:
        watching, why, _ = right(*given)
        return watching, why, ""

    patch.setattr(watch, "_hold", hold)


def expiry_once(patch: Patch) -> None:
    """Expired and recorded, and then nothing follows if the first try failed."""
    right = overdue.questions_and_rests

    def once(spec: Any, watching: Any, sight: Any) -> Any:
        kept = {k: q for k, q in sight.story.questions.items() if k not in sight.story.expired}
        if len(kept) == len(sight.story.questions):
            return right(spec, watching, sight)
        return watching, []

    patch.setattr(watch, "questions_and_rests", once)


def no_restart(patch: Patch) -> None:
    patch.setattr(watch, "dead_runs", lambda watching, _: (watching, []))


def never_woken(patch: Patch) -> None:
    patch.setattr(watch, "questions_and_rests", lambda _spec, watching, _sight: (watching, []))


def row_kept(patch: Patch) -> None:
    patch.setattr(lookout.Lookout, "_give_row_back", lambda *_: None)


def rollback_mismatch(patch: Patch) -> None:
    patch.setattr(plan, "RESERVED", frozenset({"release"}))


def any_approval_of_the_first_leg(patch: Patch) -> None:
    """The kernel's gate as it was first written: the first answer of a gate's name counts."""

    def gate(story: Any, place: Any, name: str) -> kernel.Gate:
        for key, body in story.answers.items():
            if body.get("event") == "answered" and body["gate"] == name and key.split("/")[1] in ("1", str(place.leg)):
                return kernel.Gate(name, body["decision"] == "approve")
        return kernel.Gate(name, granted=False)

    patch.setattr(shifting, "_gate", gate)


def blue_before_final(patch: Patch) -> None:
    def finalize(spec: Any) -> Any:
        for component in spec.components:
            yield from ask(RemoveBlue(finalizing.HERE, component), BlueRemoved)
        for component in spec.components:
            yield from ask(MakeFinal(finalizing.HERE, component), MadeFinal)
        yield from ask(Close(finalizing.HERE), Closed)
        return Outcome.FINAL

    def remove(on: Attempt, action: RemoveBlue) -> Any:
        blue = str(on.story.claimed[action.component]["stable"])

        def gone() -> Any:
            on.world.parts[action.component].platform.remove(blue, timedelta(0))
            return BlueRemoved(at=on.world.clock.now(), component=action.component, side=blue)

        return on.once(action, gone)

    patch.setattr(bodies, "finalize", finalize)
    patch.setitem(performing._ACTS, RemoveBlue, remove)


def green_stopped_in_traffic(patch: Patch) -> None:
    """A rollback that stops green first and lowers afterwards."""
    right = performing._ACTS[EnsureLowered]

    def ensure(on: Attempt, action: EnsureLowered) -> Any:
        for component in on.story.claimed:
            split = on.world.parts[component].router.read().split
            if split is not None and split.canary is not None:
                on.world.parts[component].platform.remove(split.canary.name, timedelta(0))
        return right(on, action)

    patch.setitem(performing._ACTS, EnsureLowered, ensure)
    patch.setattr(shifting, "decide_down", lambda *_, **__: {})
    patch.setattr(bodies, "decide_down", lambda *_, **__: {})


def slots_twice(patch: Patch) -> None:
    patch.setattr(ledger_rules, "ONCE", frozenset({Kind.OUTCOME, Kind.EXPIRY}))
    patch.setattr(bodies, "fate", lambda *_: Fate.RUN)


def one_stop_only(patch: Patch) -> None:
    """A stop counts for its own route alone (scenario 25)."""

    def write(_: lookout.Lookout, watched: Any, decision: Decision) -> None:
        route = watched.seen.get(decision.component)
        stop = route.mark.stop if route and route.mark else None
        if stop is not None:
            shifting.write_down(watched.world, watched.row.id, stop)

    patch.setattr(lookout.Lookout, "_write_down", write)
    patch.setattr(watch, "_going_down", _only_watching)


def watch_dies_of_a_silent_router(patch: Patch) -> None:
    """The watch as it was first written: RollbackIncomplete went through it and ended the process."""

    class Other(Exception):
        """What nobody raises."""

    patch.setattr(lookout, "RollbackIncomplete", Other)
    patch.setattr(lookout, "TidegateError", Other)


def skips_a_step(patch: Patch) -> None:
    right = release.release

    def shorter_plan(spec: Any, *given: Any) -> Any:
        steps = spec.plans[spec.plan].steps
        shorter = spec.plans[spec.plan].model_copy(update={"steps": (steps[0], *steps[2:])})
        return right(spec.model_copy(update={"plans": {**spec.plans, spec.plan: shorter}}), *given)

    patch.setattr(bodies, "release", shorter_plan)
    patch.setattr(shifting, "allowed", lambda _world, _story, action: action.weight)


def proof_never_ages(patch: Patch) -> None:
    patch.setattr(kernel, "PROOF_LASTS", math.inf)
    patch.setattr(kernel, "HEALTH_LASTS", math.inf)


def any_number(patch: Patch) -> None:
    """Two guards at once: before a lease has died and another has it, a proof is too old by far."""
    patch.setattr(kernel, "_mine", mine(number=False, same=False))
    proof_never_ages(patch)


def nothing_is_behind(patch: Patch) -> None:
    """Points of no return are noted, and then nobody minds them."""
    patch.setattr(kernel, "_way_back", lambda *_: None)


def the_watch_minds_no_point(patch: Patch) -> None:
    """The watch lowers as it does elsewhere, and the kernel lets it."""
    nothing_is_behind(patch)
    patch.setattr(watch, "behind", lambda *_: None)


def crosses_unnoted(patch: Patch) -> None:
    patch.setattr(shifting, "crossing_of", lambda *_: None)


def half_way_for_ever(patch: Patch) -> None:
    patch.setattr(watch, "half_ways", lambda *_: [])


def half_way_too_early(patch: Patch) -> None:
    """The limit is carried out when people should only be told of it."""
    right = halfway.limits
    patch.setattr(halfway, "limits", lambda *given: ((step, at, limit / 2) for step, at, limit in right(*given)))
