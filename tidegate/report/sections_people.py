"""Sections about people and decisions: the summary, the rollback, who decided what and when."""

from __future__ import annotations

from tidegate.report.blocks import Badge, Block, Cell, Pairs, Table, Text
from tidegate.report.cells import badge, columns, identity
from tidegate.report.crossed import beyond_line
from tidegate.report.telling import Tone, blue, worst
from tidegate.report.values import Measured, ReleaseFacts
from tidegate.report.voice import Voice


def summary(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    rows: list[tuple[str, Cell]] = [
        (voice("release"), Text(facts.release, code=True)),
        (voice("versions"), f"{blue(facts, voice)} → {facts.version}"),
        (voice("requested_by"), identity(voice, facts.requester, facts.requester_proved)),
        (voice("reason"), facts.reason or voice("unknown")),
        (voice("kind"), voice(f"request.{facts.kind}") if voice.has(f"request.{facts.kind}") else facts.kind),
        (voice("plan"), facts.plan),
        (voice("opened"), voice.instant(facts.opened_at)),
        (voice("ended"), voice.instant(facts.ended_at) if facts.ended_at else voice("under_way")),
        (voice("took"), voice.span((facts.ended_at or facts.as_of) - facts.opened_at)),
        (voice("exposed"), voice("exposed.value", span=voice.span(facts.exposed), weight=facts.highest)),
        *((voice("beyond"), told) for told in beyond_line(facts, voice)),
    ]
    harm = worst(facts)
    if harm is not None:
        rows.append((voice("worst"), _reading(voice, harm)))
    rows += [(voice("restarts"), str(facts.restarts)), (voice("attempts"), str(facts.attempts))]
    rows.append((voice("spec_digest"), Text(facts.spec_digest, code=True) if facts.spec_digest else voice("unknown")))
    for part in facts.components:
        digest: Cell = Text(part.digest, code=True) if part.digest else voice("unknown")
        rows.append((f"{part.name}: {voice('digest')}", digest))
    return [Pairs(rows)]


def _reading(voice: Voice, gate: Measured) -> str:
    told = f"{gate.component} {voice.metric(gate.metric)} {voice.value(gate.metric, gate.value)}"
    return f"{told} ({voice('with', n=voice.number(gate.count))})" if gate.count is not None else told


def rollback(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    down = facts.down
    if down is None:
        return []
    weights = ", ".join(f"{component} {weight} %" for component, weight in sorted(down.weights.items()))
    stopped = ", ".join(part.name for part in facts.components if part.stopped)
    verified: Cell = voice("rollback.not_verified")
    if down.verified is not None:
        after = voice("rollback.after", span=voice.span(down.verified_seconds))
        verified = (badge(voice, str(down.verified)), f"{after}: {voice.recorded(down.evidence)}")
    seconds = voice.span(down.seconds) if down.seconds is not None else voice("unknown")
    return [
        Pairs(
            [
                (
                    voice("col.who"),
                    identity(voice, down.who, down.proved),
                ),
                (voice("col.at"), voice.instant(down.at)),
                (voice("col.sentence"), voice.recorded(down.why)),
                (voice("rollback.from"), weights or voice("none")),
                (voice("rollback.seconds"), seconds),
                (voice("rollback.verified"), verified),
                (voice("rollback.undone"), stopped or voice("none")),
            ]
        )
    ]


def people(facts: ReleaseFacts, voice: Voice) -> list[Block]:
    """Request, answers and rollback, in the order in which they were made."""
    found: list[tuple[object, list[Cell]]] = [
        (
            facts.opened_at,
            [
                voice.instant(facts.opened_at),
                identity(voice, facts.requester, facts.requester_proved),
                voice("requested"),
                "",
                facts.reason,
            ],
        )
    ]
    for asked in facts.approvals:
        at = asked.answered_at or asked.asked_at
        name: Cell = "—"
        if asked.decision and asked.decision != "expired":
            name = identity(voice, asked.approver, asked.proved)
        told = voice("asked", at=voice.instant(asked.asked_at), deadline=voice.instant(asked.deadline))
        found.append(
            (
                at,
                [
                    voice.instant(at),
                    name,
                    (voice("approval", gate=asked.gate), Text(told, small=True)),
                    badge(voice, asked.decision or "waiting"),
                    asked.note,
                ],
            )
        )
    if facts.down is not None:
        down = facts.down
        name = identity(voice, down.who, down.proved)
        found.append(
            (
                down.at,
                [
                    voice.instant(down.at),
                    name,
                    voice("down"),
                    Badge(Tone.BACK, voice("down")),
                    voice.recorded(down.why),
                ],
            )
        )
    named = columns(voice, "at/t", "who", "what/w", "answer/t", "note/w")
    return [Table(voice("section.people"), named, [row for _, row in sorted(found, key=lambda pair: str(pair[0]))])]
