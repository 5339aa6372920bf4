"""The sections of a report, from the facts: what happened, the numbers behind it, who decided, what is left."""

from __future__ import annotations

from tidegate.judge.limits import shown
from tidegate.ports import Verdict
from tidegate.report import commands
from tidegate.report.blocks import Block, Cell, Column, Listing, Pairs, Picture, Section, Table, Text
from tidegate.report.cells import badge, columns, lit, standing
from tidegate.report.rate import rate_line
from tidegate.report.sections_people import people, rollback, summary
from tidegate.report.telling import left_to_do, step_result, who
from tidegate.report.timeline import timeline
from tidegate.report.values import ReleaseFacts
from tidegate.report.voice import Voice


def sections(facts: ReleaseFacts, voice: Voice) -> list[Section]:
    """All sections that have something to say, in reading order."""
    told: list[tuple[str, list[Block]]] = [
        ("next", [Listing(left_to_do(facts, voice))]),
        ("timeline", _timeline(facts, voice)),
        ("rollback", rollback(facts, voice)),
        ("summary", summary(facts, voice)),
        ("steps", _steps(facts, voice)),
        ("verdicts", _verdicts(facts, voice)),
        ("people", people(facts, voice)),
        ("checks", _checks(facts, voice)),
        ("backups", _backups(facts, voice)),
        ("slots", _slots(facts, voice)),
        ("acts", _acts(facts, voice)),
        ("log", _log(facts, voice)),
        ("chain", _chain(facts, voice)),
    ]
    return [Section(name, voice(f"section.{name}"), blocks) for name, blocks in told if blocks]


def _timeline(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    drawn = timeline(facts, voice)
    return [Picture(drawn)] if drawn else [Listing([voice("timeline.empty")])]


def _steps(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    named = columns(
        voice, "asked/n", "measured/t", "planned/t", "actual/t", "bake/t", "judged/t", "verdict/t", "sentence/w"
    )
    rows: list[list[Cell]] = []
    for step in facts.steps:
        measured = ", ".join(f"{component} {weight} %" for component, weight in sorted(step.measured.items()))
        rows.append(
            [
                Text(f"{step.asked} %" if step.leg == 1 else f"{step.asked} % ({step.leg})", strong=True),
                measured or "—",
                voice.clock(step.planned, facts.opened_at),
                voice.clock(step.set_at, facts.opened_at),
                voice.span(step.bake),
                voice.clock(step.judged_at, facts.opened_at),
                badge(voice, step_result(facts, step)),
                voice.recorded(step.sentence) if step.verdict is not Verdict.PASS else "",
            ]
        )
    return [Table(voice("section.steps"), named, rows)]


def _verdicts(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    named = columns(voice, "step/n", "metric", "canary/n", "stable/n", "count/n", "target/n", "limit/n", "verdict/t")
    rows: list[list[Cell]] = []
    for step in facts.steps:
        for gate in step.gates:
            value: Cell = voice.value(gate.metric, gate.value)
            if gate.interval is not None:
                low, high = (voice.value(gate.metric, bound) for bound in gate.interval)
                value = (str(value), Text(voice("likely", low=low, high=high), small=True))
            rows.append(
                [
                    f"{step.asked} %",
                    f"{gate.component}: {voice.metric(gate.metric)}",
                    value,
                    voice.value(gate.metric, gate.stable),
                    voice.number(gate.count),
                    voice.value(gate.metric, gate.target),
                    voice.value(gate.metric, gate.rollback),
                    standing(voice, gate),
                ]
            )
    rate: list[Block] = [Listing(told)] if (told := rate_line(facts.spec, voice)) else []
    return [Table(voice("section.verdicts"), named, rows), *rate] if rows else []


def _checks(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    rows: list[list[Cell]] = []
    for check in facts.checks:
        name: list[Text | str] = [Text(check.name, strong=True)]
        if check.component:
            name.append(Text(check.component, small=True))
        if not check.blocking:
            name.append(Text(voice("optional"), small=True))
        evidence: list[Text | str] = [voice.recorded(check.evidence)]
        if check.remedy and check.verdict is not Verdict.PASS:
            evidence.append(Text(voice("remedy", text=check.remedy), strong=True))
        rows.append(
            [
                tuple(name),
                check.says,
                badge(voice, str(check.verdict)),
                tuple(evidence),
                voice.span(check.seconds),
            ]
        )
    named = columns(voice, "check/w", "what/w", "result/t", "evidence/w", "took/n")
    return [Table(voice("section.checks"), named, rows)] if rows else []


def _backups(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    told: list[Block] = []
    for backup in facts.backups:
        proof: Cell = voice("backup.unproven")
        if backup.verdict is not None:
            proof = (badge(voice, str(backup.verdict)), voice.recorded(backup.evidence))
        told.append(
            Pairs(
                [
                    (voice("section.backups"), Text(backup.name, strong=True)),
                    (voice("backup.proof"), proof),
                    (voice("col.at"), voice.instant(backup.taken_at)),
                    (voice("col.took"), voice.span(backup.seconds)),
                    (voice("backup.size"), voice.size(backup.size)),
                    (voice("backup.location"), Text(backup.location, code=True)),
                ]
            )
        )
        if backup.tables:
            named = [Column(voice("col.table")), Column(voice("col.rows"), "n")]
            rows = [[name, voice.number(count)] for name, count in sorted(backup.tables.items())]
            told.append(Table(f"{voice('section.backups')}: {backup.name}", named, rows))
    return told


def _slots(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    rows: list[list[Cell]] = []
    for slot in facts.slots:
        late = voice.span(slot.at - slot.due) if slot.at and (slot.at - slot.due).total_seconds() >= 1 else "—"
        rows.append(
            [
                Text(slot.slot, strong=True),
                voice.instant(slot.due),
                late,
                badge(voice, slot.outcome or "planned"),
                voice.recorded(slot.sentence),
            ]
        )
    named = columns(voice, "step/t", "due/t", "late/n", "result/t", "evidence/w")
    return [Table(voice("section.slots"), named, rows), *_figures(facts, voice)] if rows else []


def _figures(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    """What the runs measured besides their verdicts, with the lights of KPIs; nothing where none was asked to."""
    rows: list[list[Cell]] = []
    for slot in facts.slots:
        for one in slot.figures:
            value = voice("standing.none") if one.value is None else shown(one.metric, one.value, one.unit)
            name = voice.metric(one.name) if one.name == one.metric else one.name
            rows.append([slot.slot, Text(name, strong=True), value, one.target or "—", lit(voice, one.light)])
    named = columns(voice, "step/t", "figure/w", "measured_value/n", "target/t", "light/t")
    return [Table(voice("table.figures"), named, rows)] if rows else []


def _acts(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    rows: list[list[Cell]] = []
    for act in facts.acts:
        kind = voice(f"kind.{act.kind}") if voice.has(f"kind.{act.kind}") else act.kind
        step = f"{act.step} %" if act.step.isdigit() else ""
        what = act.what if act.what != act.step else ""
        took = voice.span(act.ended - act.begun) if act.ended and act.begun else "—"
        rows.append(
            [
                " ".join(part for part in (kind, what, step) if part),
                voice.clock(act.planned, facts.opened_at),
                voice.clock(act.begun or act.ended, facts.opened_at),
                took,
                badge(voice, act.result),
                voice.recorded(act.sentence),
            ]
        )
    named = columns(voice, "act/w", "planned/t", "actual/t", "took/n", "result/t", "evidence/w")
    return [Table(voice("section.acts"), named, rows)]


def _log(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    rows: list[list[Cell]] = [
        [voice.instant(note.at), who(voice, note.who), note.key, voice.recorded(note.text)] for note in facts.notes
    ]
    return [Table(voice("section.log"), columns(voice, "at/t", "who", "what", "note/w"), rows)] if rows else []


def _chain(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    chain = facts.chain
    if not chain.head:
        return [Listing([voice("chain.unhashed", n=chain.length)])]
    holds: Cell = voice("chain.holds", n=chain.length)
    if chain.broken_at is not None:
        holds = Text(voice("broken", n=chain.broken_at), flag=True)
    return [
        Pairs([(voice("chain.head"), Text(chain.head, code=True)), (voice("col.result"), holds)]),
        Listing([voice("chain.verify", command=commands.verify_report())]),
    ]
