"""
What a person reads above the form of an approval in Prefect's UI: at most 35 lines, everything needed to decide.

Question, versions, digests, checks, weights, both versions' numbers, who may answer until when, and what yes, no and
silence do. English carries the question and its answers in Korean below; `language="ko"` tells all of it in Korean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo

from tidegate.crossing import FORWARD
from tidegate.finalizing import KEEP
from tidegate.ledger import Entry, LookRow, Reading
from tidegate.ports import Verdict
from tidegate.report import commands
from tidegate.report.blocks import Cell
from tidegate.report.cells import badge, standing
from tidegate.report.facts import facts_of
from tidegate.report.live import Live, live
from tidegate.report.markdown import banners, table_lines
from tidegate.report.markup import md, md_code, md_link
from tidegate.report.telling import ICONS, blue, expiry
from tidegate.report.values import Measured, ReleaseFacts, StepFact
from tidegate.report.voice import Voice
from tidegate.report.words import Language
from tidegate.spec import Approval, Spec
from tidegate.traffic import Beyond

MOST_LINES = 35
FEW = 4  # components, failed checks, backups or break-glass lines told one by one; the rest is counted
TABLE_HEAD = 3  # lines: an empty one, the names, the rule


def approval_text(
    spec: Spec,
    entries: Sequence[Entry],
    readings: Sequence[Reading],
    look: LookRow | None,
    gate: str,
    deadline: datetime,
    on_expiry: str,
    traffic: bool,
    links: Mapping[str, str] | None = None,
    by_hand: Mapping[str, str] | None = None,
    language: Language = "en",
    zone: tzinfo = UTC,
    beyond: Beyond | None = None,
) -> str:
    """
    The description of one question; `traffic` says whether the new version has had any by then, `beyond` the point of
    no return that lies behind it.
    """
    facts = facts_of(entries, readings, spec)
    found: Mapping[str, str] = next(
        (e.body["strangers"] for e in entries if e.body.get("event") == "routes-inspected"), {}
    )
    asked = next((approval for approval in spec.approvals if approval.name == gate), None)
    question = _Question(facts, live(facts, look), gate, asked, deadline, on_expiry, traffic, found, beyond)
    return question.text(Voice(language, zone), links or {}, by_hand or {})


class _Question:
    """One question and the facts around it."""

    def __init__(
        self,
        facts: ReleaseFacts,
        watch: Live,
        gate: str,
        asked: Approval | None,
        deadline: datetime,
        on_expiry: str,
        traffic: bool,
        strangers: Mapping[str, str],
        beyond: Beyond | None,
    ) -> None:
        self.facts, self.watch, self.gate, self.asked = facts, watch, gate, asked
        self.deadline, self.on_expiry, self.traffic = deadline, on_expiry, traffic
        self.strangers, self.beyond = strangers, beyond

    def text(self, voice: Voice, links: Mapping[str, str], by_hand: Mapping[str, str]) -> str:
        """The table of figures gets the room that the rest leaves."""
        above = [f"## {md(self.ask(voice))}", "", *self.versions(voice), *_without_blanks(banners(self.facts, voice))]
        above += self.done(voice)
        below = ["", *self.answers(voice)]
        if self.traffic and self.beyond is None:
            below.append(f"- {voice('ask.park')}")
        below.append(f"- {md(self.may_answer(voice))}")
        below += ["", f"{md(voice('ask.terminal', command=''))} {md_code(commands.approve(self.facts, self.gate))}  "]
        below += _links(voice, links)
        hand = [f"{md(voice('by_hand', line=''))} {md(name)}: {md_code(line)}  " for name, line in by_hand.items()]
        below += _few(voice, hand, 2)
        if voice.language == "en":
            below += self.korean(Voice("ko", voice.zone))
        figures = self.numbers(voice, MOST_LINES - len(above) - len(below) - TABLE_HEAD)
        return "\n".join([*above, *figures, *below]) + "\n"

    def ask(self, voice: Voice) -> str:
        if self.gate == "take-over":
            told = "; ".join(f"{name}: {said}" for name, said in self.strangers.items())
            return voice("take_over", found=told)
        if self.gate == FORWARD:
            return voice("forward", version=self.facts.version)
        if self.asked is None:
            return voice("leave_park", version=self.facts.version) if self.gate == "leave-park" else self.gate
        return (self.asked.ask_ko if voice.language == "ko" else "") or self.asked.ask

    def versions(self, voice: Voice) -> list[str]:
        facts = self.facts
        names = {"system": md(facts.system), "blue": md(blue(facts, voice)), "version": md(facts.version)}
        digests = [f"{md(part.name)} {md_code(part.digest[:19])}" for part in facts.components if part.digest]
        told = [voice("ask.versions", **names)]
        if digests:
            more = f" · {voice('more', n=len(digests) - FEW)}" if len(digests) > FEW else ""
            told.append(f"{md(voice('digest'))}: {' · '.join(digests[:FEW])}{more}")
        return [f"{line}  " for line in told]

    def done(self, voice: Voice) -> list[str]:
        """Checks and backups: how many passed, and every one that did not."""
        facts, told = self.facts, list[str]()
        if facts.checks:
            passed = sum(check.verdict is Verdict.PASS for check in facts.checks)
            told.append(f"- {md(voice('ask.checks', passed=passed, n=len(facts.checks)))}")
            wrong = [check for check in facts.checks if check.verdict is not Verdict.PASS]
            lines = [
                f"- {_marked(voice, c.verdict)} {md(c.name)}: {md(voice.recorded(c.evidence)[:160])}" for c in wrong
            ]
            told += _few(voice, lines, 2)
        for backup in facts.backups[:2]:
            result = badge(voice, str(backup.verdict)).word if backup.verdict else voice("backup.unproven")
            evidence = voice.recorded(backup.evidence)[:160]
            told.append(f"- {md(voice('ask.backup', name=backup.name, result=result))}: {md(evidence)}")
        following = self.following
        weights = (
            voice("ask.weights", now=facts.weight, next=following.asked)
            if following
            else voice("ask.last", now=facts.weight)
        )
        return ["", *told, f"- {md(weights)}"]

    @property
    def following(self) -> StepFact | None:
        return self.facts.following

    def numbers(self, voice: Voice, room: int) -> list[str]:
        """Both versions' figures, as the watch measured them last; those that did not pass come first."""
        step = self.facts.step
        gates: Sequence[Measured] = self.watch.gates or (step.gates if step else ())
        if not gates or not self.traffic:
            return []
        room = room if len(gates) <= room else room - 1
        gates = sorted(gates, key=lambda gate: gate.verdict is Verdict.PASS)
        more = [md(voice("more", n=len(gates) - room))] if len(gates) > room else []
        names = [voice(f"col.{name}") for name in ("metric", "canary", "stable", "count", "limit", "verdict")]
        rows: list[list[Cell]] = [
            [
                f"{gate.component}: {voice.metric(gate.metric)}",
                _with_interval(voice, gate),
                voice.value(gate.metric, gate.stable),
                voice.number(gate.count),
                voice.value(gate.metric, gate.rollback),
                standing(voice, gate),
            ]
            for gate in gates[:room]
        ]
        return ["", *table_lines(names, rows, ("", "n", "n", "n", "n", "")), *more]

    def answers(self, voice: Voice) -> list[str]:
        """What yes, no and silence do."""
        step, facts = self.following, self.facts
        yes = voice("yes.go")
        if step is not None:
            yes = voice("yes.weight", version=facts.version, weight=step.asked, bake=voice.span(step.bake))
        no = expiry(facts, voice, "rollback" if self.traffic else "abort")
        silence = expiry(facts, voice, self.on_expiry)
        if self.on_expiry == KEEP:
            yes, no = voice("yes.remove", blue=blue(facts, voice)), silence
        if self.beyond is not None:
            no = voice("stays", way=self.beyond.way, says=self.beyond.says, command=commands.roll_back(facts))
            silence = voice("asked_again")
        silence = f"{silence} ({voice('ask.until', deadline=self._deadline(voice))})"
        return [
            f"- {voice('ask.yes', what=md(yes))}",
            f"- {voice('ask.no', what=md(no))}",
            f"- {voice('ask.silence', what=md(silence))}",
        ]

    def may_answer(self, voice: Voice) -> str:
        names = ", ".join(self.asked.approvers) if self.asked and self.asked.approvers else voice("anybody")
        return voice("may_answer", who=names)

    def korean(self, voice: Voice) -> list[str]:
        return ["", f"**{md(voice('ask.korean'))}**: {md(self.ask(voice))}", *self.answers(voice)]

    def _deadline(self, voice: Voice) -> str:
        return f"{voice.instant(self.deadline)} {voice.zone_name}"


def _with_interval(voice: Voice, gate: Measured) -> str:
    value = voice.value(gate.metric, gate.value)
    if gate.interval is None:
        return value
    low, high = (voice.value(gate.metric, bound) for bound in gate.interval)
    return f"{value} ({low} ~ {high})"


def _marked(voice: Voice, verdict: Verdict) -> str:
    mark = badge(voice, str(verdict))
    return f"{ICONS[mark.tone]} {md(mark.word)}"


def _few(voice: Voice, lines: list[str], most: int) -> list[str]:
    if len(lines) <= most:
        return lines
    return [*lines[:most], f"- {md(voice('more', n=len(lines) - most))}"]


def _links(voice: Voice, links: Mapping[str, str]) -> list[str]:
    shown = [md_link(voice(f"link.{n}") if voice.has(f"link.{n}") else n, url) for n, url in list(links.items())[:6]]
    return [f"{md(voice('label.links'))}: {' · '.join(shown)}"] if shown else []


def _without_blanks(lines: list[str]) -> list[str]:
    return [line for line in lines if line]
