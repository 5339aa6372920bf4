"""Headline, reason and what is left to do, in words: shared by every renderer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tidegate.ports import Verdict
from tidegate.report import commands
from tidegate.report.live import Live
from tidegate.report.values import ApprovalFact, Condition, DownFact, Measured, ReleaseFacts, StepFact
from tidegate.report.voice import Voice

MACHINES = frozenset({"watch", "release", "rollback", "verify", "finalize"})


class Tone(StrEnum):
    """How a thing stands; told by word and icon, and by colour only besides."""

    GOOD = "pass"
    BAD = "fail"
    BACK = "back"  # rolled back: over and safe
    WAIT = "wait"
    BUSY = "busy"
    CALM = "calm"


ICONS: dict[Tone, str] = {
    Tone.GOOD: "✓",
    Tone.BAD: "✗",
    Tone.BACK: "↩",
    Tone.WAIT: "?",
    Tone.BUSY: "▶",
    Tone.CALM: "·",
}
PLAIN_ICONS: dict[Tone, str] = {
    Tone.GOOD: "+",
    Tone.BAD: "x",
    Tone.BACK: "<",
    Tone.WAIT: "?",
    Tone.BUSY: ">",
    Tone.CALM: "-",
}
_TONES = {
    "PASS": Tone.GOOD, "approve": Tone.GOOD, "done": Tone.GOOD,
    "FAIL": Tone.BAD, "reject": Tone.BAD, "expired": Tone.BAD, "ERROR": Tone.BAD, "never": Tone.BAD,
    "shut": Tone.BACK, "park": Tone.WAIT, "INCONCLUSIVE": Tone.WAIT, "MISSED": Tone.WAIT, "dropped": Tone.WAIT,
    "waiting": Tone.WAIT, "open": Tone.BUSY,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Headline:
    """The one line at the top."""

    tone: Tone
    text: str


def tone_of(result: str) -> Tone:
    return _TONES.get(result, Tone.CALM)


def result_word(voice: Voice, result: str) -> str:
    """The word of a result; one that is not known stays as it was recorded."""
    return voice(f"result.{result}") if voice.has(f"result.{result}") else result


def blue(facts: ReleaseFacts, voice: Voice) -> str:
    return facts.blue or voice("before")


def who(voice: Voice, name: str) -> str:
    """A person's name, or which part of Tidegate it was."""
    if name in MACHINES:
        return voice("who.machine", who=name)
    return name or voice("nobody")


def headline(facts: ReleaseFacts, voice: Voice, now: Live | None = None) -> Headline:
    """How the release stands, in one sentence that names versions and numbers."""
    condition, version = facts.condition, facts.version
    match condition:
        case Condition.WAITING if facts.waiting and not facts.unanswered:
            return Headline(Tone.BUSY, noted_line(facts.waiting[0], voice))
        case Condition.WAITING:
            gates = ", ".join(asked.gate for asked in facts.unanswered)
            return Headline(Tone.WAIT, voice("headline.waiting", gate=gates))
        case Condition.SHIFTING:
            return _shifting(facts, voice, now)
        case Condition.DOWN | Condition.ROLLED_BACK:
            return _back(facts, voice, now)
        case Condition.RESTING | Condition.PROMOTED:
            tone = Tone.WAIT if condition is Condition.RESTING else Tone.GOOD
            return Headline(tone, voice(f"headline.{condition}", version=version, weight=facts.weight))
        case _:
            return Headline(_BY_CONDITION[condition], voice(f"headline.{condition}", version=version))


def noted_line(asked: ApprovalFact, voice: Voice) -> str:
    """An answer that was noted: whose, which, and by when the release acts on it."""
    noted = asked.noted
    if noted is None:
        return ""
    by = voice.clock(noted.acts_by)
    return voice("noted", who=noted.who or voice("nobody"), decision=noted.decision, gate=asked.gate, by=by)


_BY_CONDITION = {
    Condition.PREPARING: Tone.BUSY,
    Condition.PARKED: Tone.WAIT,
    Condition.SUPERSEDED: Tone.CALM,
    Condition.FINALIZED: Tone.GOOD,
    Condition.CLOSED: Tone.GOOD,
    Condition.ABORTED: Tone.BAD,
}


def _shifting(facts: ReleaseFacts, voice: Voice, now: Live | None) -> Headline:
    if facts.step is None:
        return Headline(Tone.BUSY, voice("headline.begun", version=facts.version))
    held = now is not None and now.hold_left is not None
    key = "headline.held" if held else "headline.shifting"
    told = voice(key, version=facts.version, weight=facts.weight, n=facts.step_number, m=facts.step_count)
    return Headline(Tone.WAIT if held else Tone.BUSY, told)


def _back(facts: ReleaseFacts, voice: Voice, now: Live | None) -> Headline:
    down, name = facts.down, blue(facts, voice)
    seconds = down.seconds if down else None
    if facts.condition is Condition.DOWN:
        if seconds is None or (now is not None and any((now.weights or {}).values())):
            return Headline(Tone.BUSY, voice("headline.lowering", blue=name))
        return Headline(Tone.BUSY, voice("headline.down", blue=name, span=voice.span(seconds)))
    if seconds is None:
        return Headline(Tone.BACK, voice("headline.returned", blue=name))
    return Headline(Tone.BACK, voice("headline.rolled_back", blue=name, span=voice.span(seconds)))


def lead(facts: ReleaseFacts, voice: Voice) -> str:
    """The sentence below the headline: why."""
    if facts.down is not None:
        return _decided(facts.down, voice)
    if facts.condition is Condition.ABORTED:
        return voice("lead.why", why=voice.recorded(facts.why))
    if facts.unanswered:
        asked = facts.unanswered[0]
        question = question_of(asked, voice)
        deadline = voice.instant(asked.deadline)
        return voice("lead.asked", ask=question, deadline=deadline, expiry=expiry(facts, voice, asked.on_expiry))
    if facts.ended_at is not None:
        passed = sum(step.verdict is Verdict.PASS for step in facts.steps)
        return voice("lead.steps", n=passed, m=len(facts.steps))
    return voice("lead.under_way")


def _decided(down: DownFact, voice: Voice) -> str:
    told = {"at": voice.instant(down.at), "who": who(voice, down.who), "why": voice.recorded(down.why)}
    if down.late is not None:
        return voice("lead.late", span=voice.span(down.late), **told)
    return voice("lead.decided", **told)


def question_of(asked: ApprovalFact, voice: Voice) -> str:
    return (asked.ask_ko if voice.language == "ko" else "") or asked.ask or asked.gate


def expiry(facts: ReleaseFacts, voice: Voice, on_expiry: str) -> str:
    """What silence does."""
    key = f"expiry.{on_expiry}"
    return (
        voice(key, **({"blue": blue(facts, voice)} if on_expiry == "rollback" else {})) if voice.has(key) else on_expiry
    )


def step_result(facts: ReleaseFacts, step: StepFact) -> str:
    """A step's result as a key of the result words."""
    if step.verdict is not None:
        return str(step.verdict)
    if step.shut:
        return "shut"
    if step.set_at is not None:
        return "open"
    return "planned" if facts.ended_at is None and facts.down is None else "skipped"


def worst(facts: ReleaseFacts) -> Measured | None:
    """The reading of the new version that lay furthest above its target, over all steps: the harm in one number."""
    found = [gate for step in facts.steps for gate in step.gates if gate.value is not None and gate.target]
    return max(found, key=lambda gate: (gate.value or 0.0) / (gate.target or 1.0), default=None)


def left_to_do(facts: ReleaseFacts, voice: Voice) -> list[str]:
    """What is still to be done, by whom and how; never empty."""
    told = [*_now(facts, voice), *_afterwards(facts, voice)]
    told += [voice("next.tell", what=drop.what, why=voice.recorded(drop.why)) for drop in facts.dropped]
    return told or [voice("next.nothing")]


def _now(facts: ReleaseFacts, voice: Voice) -> list[str]:
    match facts.condition:
        case Condition.WAITING:
            return [
                voice(
                    "next.answer",
                    deadline=voice.instant(asked.deadline),
                    gate=asked.gate,
                    command=commands.approve(facts, asked.gate),
                )
                for asked in facts.unanswered
            ] or [voice("next.wait")]
        case Condition.PREPARING | Condition.SHIFTING:
            return [voice("next.wait")]
        case Condition.PARKED:
            return [voice("next.parked", command=commands.watch(facts))]
        case Condition.RESTING:
            return [voice("next.resting", command=commands.release(facts))]
        case Condition.DOWN:
            return [voice("next.rollback_runs", command=commands.watch(facts))]
        case Condition.ROLLED_BACK:
            return _after_rollback(facts, voice)
        case Condition.ABORTED:
            return [voice("next.mend", what=voice.recorded(facts.why), command=commands.release(facts))]
        case _:
            return []


def _after_rollback(facts: ReleaseFacts, voice: Voice) -> list[str]:
    down, told = facts.down, list[str]()
    if down and down.verified is not Verdict.PASS:
        evidence = voice.recorded(down.evidence) or voice("rollback.not_verified")
        told.append(voice("next.verify_by_hand", evidence=evidence))
    told += [voice("next.green_runs", component=c.name) for c in facts.components if c.canary and not c.stopped]
    if facts.beyond is not None:
        told.append(voice("next.by_hand", way=facts.beyond.way, says=facts.beyond.says, weight=facts.beyond.weight))
    told.append(voice("next.cause", why=voice.recorded(facts.why)))
    told.append(voice("next.again", version=facts.version))
    return told


def _afterwards(facts: ReleaseFacts, voice: Voice) -> list[str]:
    told = list[str]()
    for slot in facts.slots:
        if slot.outcome in ("FAIL", "INCONCLUSIVE"):
            told.append(voice("next.slot_failed", slot=slot.slot, sentence=voice.recorded(slot.sentence)))
        elif slot.outcome == "MISSED":
            told.append(voice("next.slot_missed", slot=slot.slot, sentence=voice.recorded(slot.sentence)))
    if facts.condition is not Condition.PROMOTED:
        return told
    coming = [slot for slot in facts.slots if not slot.outcome]
    if coming:
        first = coming[0]
        told.append(voice("next.slots", n=len(coming), slot=first.slot, at=voice.instant(first.due)))
    if facts.final_due:
        until = voice.instant(facts.final_due)
        told.append(voice("next.way_back", at=until, command=commands.roll_back(facts)))
    return told
