"""One verification slot: what it looks at, and its one outcome in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from tidegate.actions import Place, RunCheck
from tidegate.errors import ConnectorError, Fenced, LedgerUnavailable
from tidegate.events import CheckRun, Figure, Slotted
from tidegate.indicators import binding, figures
from tidegate.judge.limits import Judged, judge, worst
from tidegate.ledger import Draft, Kind, Ledger
from tidegate.measuring import measured
from tidegate.ports import Sample, Verdict
from tidegate.preparing import run_check, unwell
from tidegate.slots import schedule_of
from tidegate.spec import Spec
from tidegate.story import State, Story
from tidegate.telling import tell_all, written
from tidegate.traffic import Seen
from tidegate.world import World

TRIES_FOR_DATA = 20  # half seconds: a fresh process has no history of counters yet
HERE = Place(plan="verify")


@dataclass(frozen=True, slots=True)
class Verified:
    """An outcome, and the sentence that says why."""

    outcome: Literal["PASS", "FAIL", "MISSED", "SUPERSEDED", "INCONCLUSIVE"]
    sentence: str
    figures: tuple[Figure, ...] = ()


def verify(world: World, story: Story, slot: str = "") -> Verified:
    """
    Instances, limits and the slot's own checks of what carries the traffic now; no data is never a PASS.

    While the release is still shifting, the watch judges the new version: such a slot looks at its checks alone.
    """
    problems, unsure, judged = list[str](), list[str](), list[Judged]()
    schedule = schedule_of(world.spec, slot)
    if story.state is not State.SHIFTING and story.state is not State.PREPARING:
        for component, part in world.parts.items():
            problems += _instances(world, story, component, part.router.read())
        judged = _judged(world, story) if schedule is None or schedule.gates == "all" else []
    problems += [one.sentence for one in judged if one.verdict is Verdict.FAIL]
    unsure += [one.sentence for one in judged if one.verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR)]
    for name in schedule.checks if schedule is not None else world.spec.verification.checks:
        component = world.spec.check(name).component or ""
        ran = run_check(world, story, RunCheck(HERE, name, component))
        assert isinstance(ran, CheckRun)
        if ran.verdict is not Verdict.PASS and not ran.waived:
            problems.append(f"check {name}: {ran.evidence}")
    numbers = figures(world, story, schedule)
    red, dark = binding(world.spec, numbers)
    if problems + red:
        return Verified("FAIL", "; ".join(problems + red), numbers)
    if unsure + dark:
        return Verified("INCONCLUSIVE", "; ".join(unsure + dark), numbers)
    return Verified("PASS", "; ".join(one.sentence for one in judged) or "instances healthy", numbers)


def gone(spec: Spec, story: Story, slot: str) -> bool:
    """Whether nobody needs this slot any more: its release was rolled back, aborted or superseded."""
    alive = {State.PROMOTED, State.FINALIZED, State.CLOSED}
    if schedule_of(spec, slot) is not None:
        alive |= {State.PREPARING, State.SHIFTING}  # booked at an anchor before promotion
    return bool(story.superseded) or story.state not in alive


def on_fail(spec: Spec, slot: str) -> str:
    """`rollback` (while that is possible) or `page`."""
    schedule = schedule_of(spec, slot)
    return schedule.on_fail if schedule is not None else spec.verification.on_fail


def _instances(world: World, story: Story, component: str, seen: Seen) -> list[str]:
    split = seen.split
    if split is None or split.serving is None:
        return [f"{component}: no side carries everything"]
    digest = next(
        (
            str(b["digest"])
            for b in story.answers.values()
            if b.get("event") == "green-created" and b["component"] == component
        ),
        "",
    )
    state = world.parts[component].platform.status(split.serving.name)
    problem = unwell(state, world.spec.components[component].instances, digest)
    return [f"{component}: {problem}"] if problem else []


def _judged(world: World, story: Story) -> list[Judged]:
    """Limits over a window that this process measured itself; asked again until there are samples enough."""
    judged: list[Judged] = []
    for _ in range(TRIES_FOR_DATA):
        judged = [
            judge(
                gate,
                _sample(world, gate.component, gate.metric, gate.window),
                timedelta.max,
                baseline=story.baselines.get(gate.metric),
            )
            for gate in world.spec.gates
        ]
        if worst(judged) in (Verdict.PASS, Verdict.FAIL):
            break
        world.clock.sleep(0.5)
    return judged


def _sample(world: World, component: str, metric: str, window: timedelta) -> Sample:
    split = world.parts[component].router.read().split
    serving = split.serving if split else None
    if serving is None:
        return Sample(metric, None, None, None, window, world.clock.now(), "no side carries everything")
    return measured(world, component, metric, serving, window)


def record(ledger: Ledger, release: str, slot: str, due: datetime, verified: Verified, who: str) -> None:
    """The slot's outcome under its unique key; Fenced when it has one already (I26)."""
    told = {"slot": slot, "outcome": verified.outcome, "sentence": verified.sentence, "due": due}
    event = Slotted.model_validate({"at": ledger.now(), "figures": verified.figures, **told})
    ledger.append(release, Draft(Kind.SLOT, f"slot/{slot}", event.to_body(), who))


def answer(
    ledger: Ledger, story: Story, slots: Sequence[str], outcome: Literal["MISSED", "SUPERSEDED"], why: str, who: str
) -> list[str]:
    """
    The slots that get this outcome now, whatever became of their runs; one that has been answered keeps its own.

    Without the ledger it stops; whoever asked asks again.
    """
    written = list[str]()
    for slot in slots:
        due = datetime.fromisoformat(story.booked[slot])
        try:
            record(ledger, story.release, slot, due, Verified(outcome, f"{why} (due {due:%Y-%m-%d %H:%M:%S} UTC)"), who)
        except Fenced:
            continue
        except LedgerUnavailable:
            break
        written.append(slot)
    return written


def tell_and_report(world: World, story: Story, slot: str, verified: Verified) -> None:
    """
    What its schedule tells when the run passes (a failure calls people by itself), and the report that it writes.

    The outcome stands in the ledger, told or not: what is not delivered is a note, and nothing is tried again.
    """
    schedule = schedule_of(world.spec, slot)
    if schedule is None:
        return
    lost = list[str]()
    if verified.outcome == "PASS":
        for name in schedule.tell:
            told = tell_all(world, written(world, story, name, "info", f"verification {slot}: {verified.sentence}"))
            lost += [f"{name}: {told}"] if told else []
    if schedule.report is not None and world.reports is not None:
        try:
            world.reports.write(story.release)
        except (ConnectorError, LedgerUnavailable) as why:
            lost.append(f"report {schedule.report}: {why}")
    if lost:
        body = {"why": f"verification {slot}: {'; '.join(lost)}"}
        world.ledger.append(story.release, Draft(Kind.NOTE, "not-delivered", body, f"verification {slot}"))


def call_people(world: World, story: Story, slot: str, verified: Verified) -> None:
    """What a run found and nobody can mend by lowering: in the chain, and to everybody who is told anything."""
    why = f"verification {slot}: {verified.outcome}, {verified.sentence}; the release is {story.state}"
    tell_all(world, written(world, story, "page", "critical", why))  # the outcome stands in the ledger, told or not
    world.ledger.append(story.release, Draft(Kind.NOTE, "paged", {"why": why}, f"verification {slot}"))
