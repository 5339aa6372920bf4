"""
The watch's mind: one look, pure. `look(watching, sight) -> (watching, decisions)`.

It looks at every release with green traffic or a kept blue: bakes, limits, health, drift, holds, and what is overdue
(`tidegate/overdue.py`). It lowers, holds, pages and wakes; it never raises. Who reads the world and carries decisions
out: `tidegate/lookout.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tidegate.crossing import behind
from tidegate.gating import judged_gates
from tidegate.halfway import half_ways
from tidegate.holding import held_behind
from tidegate.judge.limits import Judged, worst
from tidegate.overdue import cancelled, dead_runs, kept_too_long, questions_and_rests, silent_slots
from tidegate.ports import Verdict
from tidegate.sight import NO_STEP, Decision, Health, Look, Sight, Watching, carries
from tidegate.spec import Spec
from tidegate.story import SUPERSEDABLE, State, Story
from tidegate.traffic import Seen
from tidegate.triggering import triggered

__all__ = ["Decision", "Health", "Look", "Sight", "Watching", "baking", "look"]
ASK_AGAIN = 5.0  # seconds between two wishes for the same rollback
PAGE_AFTER = 0.1  # of the hold's deadline: one odd look wakes nobody
FLAPS = 2  # more changes between PASS and FAIL in one step are a failure by themselves (I4b)


def look(spec: Spec, watching: Watching, sight: Sight) -> tuple[Watching, list[Decision], Look]:
    """One look at one release; behind a point of no return it holds and calls people where elsewhere it lowers."""
    watching, decisions, told = _looked(spec, watching, sight)
    beyond = behind(sight.story, sight.seen)
    if beyond is not None:
        watching, decisions = held_behind(spec, watching, sight, decisions, beyond)
    return watching, decisions, told


def _looked(spec: Spec, watching: Watching, sight: Sight) -> tuple[Watching, list[Decision], Look]:
    story, watching = sight.story, watching.older(sight.passed)
    if story.state in (State.DOWN, State.ROLLED_BACK, State.ABORTED):
        return _going_down(spec, watching, sight)
    if story.state in (State.SUPERSEDED, State.FINALIZED, State.CLOSED):
        told = f"{story.release} is {story.state}: nobody lowers for it any more"
        watching, booked = _booked_runs(spec, watching, sight)
        watching, woken = dead_runs(watching, sight)
        told_ = Look(Verdict.INCONCLUSIVE, told, told, {"state": story.state.value})
        return watching, _superseded(sight) + booked + woken, told_
    drift, held_before, pages_at = _drift(sight), watching.held, PAGE_AFTER * spec.hold.deadline.total_seconds()
    watching, judged, alerts = _judged(spec, watching, sight)
    watching, ill = _ill(spec, watching, sight)
    watching, fired = triggered(spec, watching, sight)
    watching = _bake(watching, sight)
    verdict = Verdict.FAIL if ill else worst(judged)
    watching, hold, shut = _hold(spec, watching, sight, judged, verdict, fired.holds)
    if any(_carries(sight, component) for component in story.claimed):
        shut = ill or _failed(judged) or fired.shut or shut
    else:
        shut = ill if story.had_traffic and story.parked_since else ""
    watching = _completed(watching, sight, verdict)
    watching, expired = questions_and_rests(spec, watching, sight)
    watching, booked = _booked_runs(spec, watching, sight)
    decisions = drift + _show_lowering(spec, watching, sight) + expired
    if shut:
        decisions.insert(0, Decision("down", shut))
    else:
        decisions += half_ways(spec, sight)
    if not shut and hold and held_before < pages_at <= watching.held:
        decisions.append(Decision("page", hold))
    watching, woken = dead_runs(watching, sight)
    over = "; ".join(one.sentence for one in judged if one.over and one.verdict is not Verdict.PASS)
    against = shut or ill or hold or fired.against or over or "; ".join(d.why for d in drift) or cancelled(sight)
    sentence = shut or hold or fired.against or _sentence(judged, verdict)
    return (
        watching,
        decisions + alerts + list(fired.told) + booked + woken,
        Look(verdict, sentence, against, _detail(spec, watching, sight, judged)),
    )


def _booked_runs(spec: Spec, watching: Watching, sight: Sight) -> tuple[Watching, list[Decision]]:
    """What became of the runs that were booked: slots that nobody answered, and blue that nobody removed."""
    watching, decisions = kept_too_long(spec, watching, sight)
    return watching, silent_slots(spec, sight) + decisions


# -- down: while story or mark says down and a weight is above 0, each look lowers ---------------------------------


def _going_down(spec: Spec, watching: Watching, sight: Sight) -> tuple[Watching, list[Decision], Look]:
    story, decisions = sight.story, list[Decision]()
    why = story.down.why if story.down else story.state.value
    mine = [seen for seen in sight.seen.values() if seen is not None and _is_mine(seen, story.release)]
    if story.down and any(seen.weight > 0 or (seen.mark and not seen.mark.stopped) for seen in mine):
        decisions.append(Decision("down", why))
    if story.state is not State.DOWN:
        decisions += silent_slots(spec, sight)
        watching, woken = dead_runs(watching, sight)
        return watching, decisions + woken, Look(Verdict.FAIL, why, why, {"state": story.state.value})
    working = sight.leased and sight.lease_dead_for is None
    watching = replace(watching, adrift=0.0 if working else watching.adrift + sight.passed)
    if watching.asked >= ASK_AGAIN:
        dead = watching.adrift > 2 * sight.grace  # whoever was asked has died, whatever its run's state says
        watching = replace(watching, asked=0.0, adrift=0.0 if dead else watching.adrift)
        decisions.append(Decision("ask-rollback", why, key="dead" if dead else ""))
    return watching, decisions, Look(Verdict.FAIL, why, why, {"state": story.state.value})


# -- drift: what the routers show against what the story tells (only on a quiet pair) -------------------------------


def _is_mine(seen: Seen, release: str) -> bool:
    return seen.mark is None or seen.mark.release == release


def _carries(sight: Sight, component: str) -> bool:
    """Whether green of this component has traffic, by the story or by what its route shows (a raise may be untold)."""
    return sight.story.weights.get(component, 0) > 0 or carries(sight.seen.get(component), sight.story.release)


def _drift(sight: Sight) -> list[Decision]:
    story, decisions = sight.story, list[Decision]()
    if story.state is State.PROMOTED and sight.newer:
        return _superseded(sight)
    if story.state not in (State.SHIFTING, State.PROMOTED):
        return decisions
    if sight.stop is not None:
        return [Decision("write-down", f"{sight.stop.who}: {sight.stop.why}")]
    for component, seen in sight.seen.items():
        if seen is None or component not in story.claimed or component in story.final or _is_final(seen, story.release):
            continue
        if seen.mark is not None and seen.mark.release != story.release:
            decisions.append(
                Decision("page", f"the route of {component} names {seen.mark.release or 'nobody'}", component)
            )
        elif sight.quiet and not story.explains(component, seen.weight):
            decisions.append(_unexplained(component, seen.weight, story.weights.get(component, 0)))
    return decisions


def _superseded(sight: Sight) -> list[Decision]:
    """A newer release has the route: told once, also of a release that had ended before."""
    if not sight.newer or sight.story.superseded or sight.story.state not in SUPERSEDABLE:
        return []
    return [Decision("supersede", f"{sight.newer} has claimed the route")]


def _is_final(seen: Seen, release: str) -> bool:
    """Green alone: this route has no weight any more, whether or not the chain says so yet."""
    return seen.mark is not None and seen.mark.final and seen.mark.release == release


def _unexplained(component: str, found: int, told: int) -> Decision:
    """Lower means that a person rolled back: it is obeyed (D7). Higher is repaired to the story's weight, and pages."""
    if found < told:
        return Decision("down", f"somebody lowered {component} by hand from {told} to {found} %", component)
    return Decision("repair", f"{component} stands at {found} %, the story tells {told} %", component, told)


# -- limits and health ------------------------------------------------------------------------------------------------


def _judged(spec: Spec, watching: Watching, sight: Sight) -> tuple[Watching, list[Judged], list[Decision]]:
    watching, judged, told = judged_gates(spec, watching, sight)
    judged += [one for component, one in sight.compared.items() if _carries(sight, component)]
    return watching, judged, told


def _failed(judged: Sequence[Judged]) -> str:
    return "; ".join(one.sentence for one in judged if one.verdict is Verdict.FAIL)


def _ill(spec: Spec, watching: Watching, sight: Sight) -> tuple[Watching, str]:
    """Instant trigger: green instances that should serve and do not, for a few looks in a row (F62, F65)."""
    sick, why = dict(watching.sick), ""
    for component, health in sight.health.items():
        if health is None:
            continue
        if health.green_ready >= health.green_wanted and health.right_digest:
            sick.pop(component, None)
            continue
        sick[component] = sick.get(component, 0) + 1
        if sick[component] >= spec.looking.unhealthy_looks:
            what = "healthy" if health.right_digest else "running the release's digest"
            why = f"{health.green_ready} of {health.green_wanted} green {component} instances are {what}"
            why += f" ({health.detail})" if health.detail else ""
    return replace(watching, sick=sick) if sick != watching.sick else watching, why


# -- bake and hold ----------------------------------------------------------------------------------------------------


def baking(story: Story) -> tuple[str, float, int] | None:
    """The open bake of a story: its id (leg/plan/step), seconds wanted, weight."""
    return story.derived("baking", None, lambda: _baking(story))


def _baking(story: Story) -> tuple[str, float, int] | None:
    for intent in story.open.values():
        bake = intent.body.get("bake")
        if bake:
            return str(bake["id"]), float(bake["seconds"]), int(bake["weight"])
    return None


def _bake(watching: Watching, sight: Sight) -> Watching:
    """Bake time is the sum of the looks' intervals: an outage of the watch does not count (I27)."""
    if watching.done.split("/")[0] not in ("", str(sight.story.leg)):
        watching = replace(watching, done=NO_STEP)  # a new leg begins with new evidence
    now = baking(sight.story)
    if now is None:
        return watching
    if now[0] != watching.bake:
        return replace(watching, bake=now[0], baked=0.0, held=0.0, hold_since="", flaps=0, last="")
    return replace(watching, baked=watching.baked + sight.passed)


def _completed(watching: Watching, sight: Sight, verdict: Verdict) -> Watching:
    now = baking(sight.story)
    if now is None or now[0] != watching.bake or watching.baked < now[1] or verdict is not Verdict.PASS:
        return watching
    if watching.done == now[0]:
        return watching
    return replace(watching, done=now[0])


def _hold(
    spec: Spec, watching: Watching, sight: Sight, judged: Sequence[Judged], verdict: Verdict, asking: Sequence[str] = ()
) -> tuple[Watching, str, str]:
    """
    What holds the weight now, and why it shuts when that lasts too long.

    The deadline runs from the bake's end, or from the first ERROR or hold-band look; too few samples before the bake's
    end are no hold. A router that cannot be read counts, too: green that cannot be judged is lowered.
    """
    watching = _flapped(watching, verdict)
    if watching.flaps > FLAPS and behind(sight.story, sight.seen) is None:
        return watching, "", f"the verdict changed {watching.flaps} times between PASS and FAIL in one step"
    reasons = [f"the router of {component} cannot be read" for component, seen in sight.seen.items() if seen is None]
    reasons += _no_mark_of_ours(sight)
    reasons += [f"the health of {component} cannot be read" for component, h in sight.health.items() if h is None]
    reasons += [*asking, *(one.sentence for one in judged if one.hold)]
    now = baking(sight.story)
    if now is not None and now[0] == watching.bake and watching.baked >= now[1]:
        reasons += [one.sentence for one in judged if one.verdict is Verdict.INCONCLUSIVE and not one.hold]
    if not reasons or not any(_carries(sight, component) for component in sight.story.claimed):
        return replace(watching, hold_since="", held=0.0) if watching.hold_since else watching, "", ""
    held = watching.held + sight.passed
    watching = replace(watching, held=held, hold_since=watching.hold_since or sight.at.isoformat())
    why = "; ".join(reasons)
    if held >= spec.hold.deadline.total_seconds() and spec.hold.on_expiry == "rollback":
        return (
            watching,
            why,
            f"held for {held:.0f} s, longer than {spec.hold.deadline.total_seconds():.0f} s: {why}",
        )
    return watching, why, ""


def _no_mark_of_ours(sight: Sight) -> list[str]:
    """Routes where nothing can be raised and a person has to look: the mark is lost, or names another release."""
    return [
        f"the mark of {component} {f'names {seen.mark.release or None}' if seen.mark else 'cannot be read'}"
        for component, seen in sight.seen.items()
        if seen is not None and (seen.mark is None or seen.mark.release != sight.story.release)
    ]


def _flapped(watching: Watching, verdict: Verdict) -> Watching:
    if verdict not in (Verdict.PASS, Verdict.FAIL) or watching.last == verdict.value:
        return watching
    return replace(watching, last=verdict.value, flaps=watching.flaps + bool(watching.last))


def _show_lowering(spec: Spec, watching: Watching, sight: Sight) -> list[Decision]:
    """
    Before the first raise the watch itself writes weight 0 on every route: it has shown that it can lower.

    A watch that takes over later writes what stands there already: another's credentials prove nothing about its own.
    """
    readable = sum(seen is not None for seen in sight.seen.values())
    if watching.lowered_once or sight.story.state is not State.SHIFTING or readable < len(spec.components):
        return []
    return [Decision("show-lowering", "to show that lowering works")]


# -- for people -------------------------------------------------------------------------------------------------------


def _sentence(judged: Sequence[Judged], verdict: Verdict) -> str:
    told = [one.sentence for one in judged if one.verdict is verdict]
    return "; ".join(told) or "no green traffic yet"


def _detail(spec: Spec, watching: Watching, sight: Sight, judged: Sequence[Judged]) -> dict[str, Any]:
    now = baking(sight.story)
    shown: dict[str, Any] = {
        "state": sight.story.state.value,
        "gates": [one.shown for one in judged],
    }
    if now is not None and now[0] == watching.bake:
        shown["bake"] = {"id": now[0], "seconds": now[1], "passed": round(min(watching.baked, now[1]), 2)}
    if watching.hold_since:
        left = spec.hold.deadline.total_seconds() - watching.held
        shown["hold"] = {"since": watching.hold_since, "seconds_left": round(max(0.0, left), 1)}
    return shown
