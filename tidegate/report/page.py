"""
The release page: Markdown for one artifact in Prefect that is updated in place while the release is under way.

It answers what a person asks in between: how far, how well, how much longer, who is waited for, what was decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo

from tidegate.ledger import Entry, LookRow, Reading
from tidegate.report import commands
from tidegate.report.blocks import Cell
from tidegate.report.cells import badge, standing
from tidegate.report.crossed import beyond_line, halfway_line
from tidegate.report.facts import facts_of
from tidegate.report.live import Live, live, plan_left
from tidegate.report.markdown import banners, table_lines
from tidegate.report.markup import md, md_code, md_link
from tidegate.report.telling import ICONS, blue, headline, lead, left_to_do, noted_line, question_of, who
from tidegate.report.values import ReleaseFacts
from tidegate.report.voice import Voice
from tidegate.report.words import Language
from tidegate.spec import Spec

NEWEST = 12  # decisions shown; the report has all


def page_text(
    spec: Spec,
    entries: Sequence[Entry],
    readings: Sequence[Reading],
    look: LookRow | None,
    now: datetime,
    by_hand: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
    language: Language = "en",
    zone: tzinfo = UTC,
) -> str:
    """The page as of `now` (the ledger's clock); `by_hand` has the break-glass line of each component."""
    facts = facts_of(entries, readings, spec)
    return page_of(facts, live(facts, look), Voice(language, zone), now, by_hand or {}, links or {})


def page_of(
    facts: ReleaseFacts,
    watch: Live,
    voice: Voice,
    now: datetime,
    by_hand: Mapping[str, str],
    links: Mapping[str, str],
) -> str:
    """The page from facts that are at hand already."""
    top = headline(facts, voice, watch)
    lines = [f"# {ICONS[top.tone]} {md(top.text)}", "", md(lead(facts, voice)), *banners(facts, voice), ""]
    lines += [f"- **{md(name)}**: {value}" for name, value in _state(facts, watch, voice, now)]
    lines += _waiting(facts, voice, links)
    lines += _gates(watch, voice)
    lines += _decisions(facts, voice)
    lines += ["", f"## {md(voice('section.next'))}", "", *(f"- {md(told)}" for told in left_to_do(facts, voice))]
    lines += ["", *_ways_out(facts, voice, by_hand, links)]
    at = voice("as_of", at=voice.instant(facts.as_of), n=facts.chain.length)
    return "\n".join([*lines, "", md(f"{at} {voice('times', zone=voice.zone_name)}"), ""])


def weight_lines(facts: ReleaseFacts, watch: Live, voice: Voice) -> list[str]:
    """Asked by the chain and measured at the router, for each component."""
    told = list[str]()
    for part in facts.components:
        if not part.canary:
            continue
        found = (watch.weights or {}).get(part.name)
        if found is not None:
            told.append(voice("weights", component=part.name, asked=part.weight, measured=found))
        elif watch.weights is not None:
            told.append(voice("weights.unread", component=part.name, asked=part.weight))
        else:
            told.append(f"{part.name}: {part.weight} %")
    return told


def time_left(facts: ReleaseFacts, watch: Live, voice: Voice) -> list[str]:
    """What is known of it, the nearest first."""
    if facts.ended_at is not None:
        return [voice("left.none")]
    if facts.down is not None:
        return []
    told = list[str]()
    if watch.hold_left is not None:
        told.append(voice("left.hold", span=voice.span(watch.hold_left)))
    if watch.left is not None and watch.bake is not None:
        told.append(voice("left.bake", span=voice.span(watch.left), bake=voice.span(watch.bake)))
    told += [voice("left.people", at=voice.instant(asked.deadline)) for asked in facts.unanswered]
    whole = plan_left(facts, watch)
    if whole:
        told.append(voice("left.all", span=voice.span(whole)))
    return told or [voice("left.unknown")]


def step_of(facts: ReleaseFacts, voice: Voice) -> str:
    return voice("step.of", n=facts.step_number, m=facts.step_count)


def _state(facts: ReleaseFacts, watch: Live, voice: Voice, now: datetime) -> list[tuple[str, str]]:
    rows = [
        (voice("versions"), md(f"{blue(facts, voice)} → {facts.version}")),
        (voice("label.step"), md(step_of(facts, voice))),
        (voice("weight"), md("; ".join(weight_lines(facts, watch, voice))) or "—"),
        (voice("label.left"), md("; ".join(time_left(facts, watch, voice))) or "—"),
        (voice("took"), md(voice.span((facts.ended_at or max(now, facts.as_of)) - facts.opened_at))),
    ]
    rows += [(voice("beyond"), md(told)) for told in beyond_line(facts, voice)]
    rows += [(voice("halfway"), md(told)) for told in halfway_line(facts, voice)]
    if watch.verdict is not None:
        mark = badge(voice, str(watch.verdict))
        rows.append(
            (voice("label.verdict"), f"{ICONS[mark.tone]} {md(mark.word)}: {md(voice.recorded(watch.sentence))}")
        )
    if watch.against and facts.down is None:
        rows.append((voice("label.look"), md(voice("against", why=voice.recorded(watch.against)))))
    return rows


def _waiting(facts: ReleaseFacts, voice: Voice, links: Mapping[str, str]) -> list[str]:
    lines = [f"\n> ✓ {md(noted_line(asked, voice))}" for asked in facts.waiting if asked.noted]
    for asked in facts.unanswered:
        may = ", ".join(asked.approvers) or voice("anybody")
        lines += [
            "",
            f"## {ICONS[headline(facts, voice).tone]} {md(voice('section.waiting'))}: {md(asked.gate)}",
            "",
            f"> {md(question_of(asked, voice))}",
            "",
            f"- {md(voice('may_answer', who=may))}",
            f"- {md(voice('ask.deadline', deadline=voice.instant(asked.deadline)))}",
            f"- {md(voice('ask.terminal', command=''))} {md_code(commands.approve(facts, asked.gate))}",
        ]
        if "run" in links:
            lines.append(f"- {md_link(voice('link.resume'), links['run'])}")
    return lines


def _gates(watch: Live, voice: Voice) -> list[str]:
    if not watch.gates:
        return []
    names = [voice(f"col.{name}") for name in ("metric", "canary", "stable", "count", "target", "limit", "verdict")]
    rows: list[list[Cell]] = [
        [
            f"{gate.component}: {voice.metric(gate.metric)}",
            voice.value(gate.metric, gate.value),
            voice.value(gate.metric, gate.stable),
            voice.number(gate.count),
            voice.value(gate.metric, gate.target),
            voice.value(gate.metric, gate.rollback),
            standing(voice, gate),
        ]
        for gate in watch.gates
    ]
    return ["", f"## {md(voice('section.gates'))}", "", *table_lines(names, rows, ("", "n", "n", "n", "n", "n", ""))]


def _decisions(facts: ReleaseFacts, voice: Voice) -> list[str]:
    """Newest last; answers, verdicts, notes and the rollback."""
    told: list[tuple[datetime, str]] = []
    for asked in facts.approvals:
        if asked.answered_at is not None:
            mark = badge(voice, asked.decision)
            name = (
                f"{who(voice, asked.approver)} ({voice('proved' if asked.proved else 'unproved')}): "
                if asked.approver
                else ""
            )
            note = f" ({asked.note})" if asked.note else ""
            text = f"{voice('approval', gate=asked.gate)}: {name}{mark.word}{note}"
            told.append((asked.answered_at, f"{ICONS[mark.tone]} {md(text)}"))
    for step in facts.steps:
        if step.judged_at is not None and step.verdict is not None:
            mark = badge(voice, str(step.verdict))
            told.append((step.judged_at, f"{ICONS[mark.tone]} {step.asked} %: {md(mark.word)}"))
    told += [
        (note.at, f"{md(who(voice, note.who))}: {md(note.key)}: {md(voice.recorded(note.text))}")
        for note in facts.notes
    ]
    if facts.down is not None:
        why = f"{who(voice, facts.down.who)}: {voice.recorded(facts.down.why)}"
        told.append((facts.down.at, f"↩ {md(voice('down'))}: {md(why)}"))
    if not told:
        return []
    told.sort(key=lambda pair: pair[0])
    lines = ["", f"## {md(voice('section.decisions'))}", ""]
    if len(told) > NEWEST:
        lines.append(f"- {md(voice('more', n=len(told) - NEWEST))}")
    return lines + [f"- {md(voice.instant(at))} {text}" for at, text in told[-NEWEST:]]


def _ways_out(facts: ReleaseFacts, voice: Voice, by_hand: Mapping[str, str], links: Mapping[str, str]) -> list[str]:
    lines = list[str]()
    if links:
        shown = (md_link(voice(f"link.{n}") if voice.has(f"link.{n}") else n, address) for n, address in links.items())
        lines.append(f"{md(voice('label.links'))}: {' · '.join(shown)}")
    if facts.down is None and facts.condition not in ("aborted", "superseded", "finalized", "closed"):
        lines += ["", f"{md(voice('rollback_with', command=''))} {md_code(commands.roll_back(facts))}"]
        lines += [f"- {md(voice('by_hand', line=''))} {md(name)}: {md_code(line)}" for name, line in by_hand.items()]
    return lines
