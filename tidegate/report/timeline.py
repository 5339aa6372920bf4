"""
The picture of a release over time, as SVG: weights, readings of both versions, and what was decided when.

It needs nothing beside itself, follows the reader's light or dark, and says everything by shape and word, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidegate.report.markup import esc
from tidegate.report.scale import TimeScale, thinned, time_scale
from tidegate.report.telling import Tone, result_word, tone_of
from tidegate.report.values import ReleaseFacts, Series
from tidegate.report.voice import Voice
from tidegate.spec import Gate

WIDTH, LEFT, RIGHT = 900, 52.0, 884.0
ROW, TITLE, LANE, CURVE, GAP = 17, 20, 54, 62, 12
LETTER = 6.7  # width of an average letter of the labels
WIDE = 11.5  # of a Korean one
CURVES = 6  # metrics drawn at most; the table of verdicts has all

STYLE = """
.tg{--tg-new:#0b6b5d;--tg-old:#5b6472;--tg-limit:#b42318;--tg-wait:#8a5a00;font:12px system-ui,sans-serif;color:inherit}
.tg text{fill:currentColor;paint-order:stroke;stroke:var(--paper,Canvas);stroke-width:3px;stroke-linejoin:round}
.tg .b{font-weight:600}.tg .dim{opacity:.78}
.tg .grid{stroke:currentColor;stroke-opacity:.16}.tg .hair{stroke:currentColor;stroke-opacity:.42;stroke-dasharray:2 3}
.tg .new{stroke:var(--tg-new);fill:none;stroke-width:2}.tg .area{fill:var(--tg-new);fill-opacity:.16;stroke:none}
.tg .old{stroke:var(--tg-old);fill:none;stroke-width:1.4;stroke-dasharray:5 3}
.tg .limit{stroke:var(--tg-limit);stroke-width:1.2;stroke-dasharray:1 4;stroke-linecap:round;fill:none}
.tg .cut{fill:currentColor;fill-opacity:.06}.tg .pass{fill:var(--tg-new)}.tg .fail,.tg .back{fill:var(--tg-limit)}
.tg .wait,.tg .busy,.tg .calm{fill:var(--tg-wait)}.tg .mark{stroke:none}
.tg .glyph{stroke:#fff;stroke-width:1.6;fill:none}
@media (prefers-color-scheme:dark){.tg{--tg-new:#4fd1b8;--tg-old:#a3adba;--tg-limit:#ff8a7a;--tg-wait:#e3b341}
.tg .glyph{stroke:#10151b}}
@media print{.tg{--tg-new:#0b6b5d;--tg-old:#5b6472;--tg-limit:#b42318;--tg-wait:#8a5a00}.tg .glyph{stroke:#fff}}
""".strip().replace("\n", "")


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened at one instant, with a word for it."""

    at: datetime
    tone: Tone
    text: str


def timeline(facts: ReleaseFacts, voice: Voice) -> str:
    """The picture; "" for a release in which nothing had a weight."""
    if not any(facts.weights.values()):
        return ""
    moments = moments_of(facts, voice)
    scale = _scale(facts, moments)
    rows, marks = _marks(moments, scale)
    y = 6 + rows * ROW + 6
    top, body = y, list[str]()
    for component in facts.spec.components:
        if facts.weights.get(component):
            body.append(_weight_lane(facts, voice, scale, component, y))
            y += TITLE + LANE + GAP
    for n, gate in enumerate(_drawn(facts)):
        body.append(_curve_lane(facts, voice, scale, gate, y) + (_legend(voice, y) if n == 0 else ""))
        y += TITLE + CURVE + GAP
    hairs = [f'<line class="hair" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 4}" y2="{y - 2}"/>' for x in marks.places]
    axis = _axis(voice, scale, top, y)
    title, desc = voice("timeline.title", release=facts.release), voice("timeline.desc")
    return (
        f'<svg class="tg" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 24}" role="img" '
        f'aria-labelledby="tg-title tg-desc" lang="{voice.language}"><title id="tg-title">{esc(title)}</title>'
        f'<desc id="tg-desc">{esc(desc)} {esc(_told(moments, voice))}</desc><style>{STYLE}</style>'
        f"{axis}{''.join(hairs)}{''.join(body)}{marks.drawn}</svg>"
    )


def moments_of(facts: ReleaseFacts, voice: Voice) -> list[Moment]:
    """Answers, verdicts, the end and the rollback, in their order."""
    found = list[Moment]()
    for asked in facts.approvals:
        word = result_word(voice, asked.decision or "waiting")
        at = asked.answered_at or asked.asked_at
        name = f" ({asked.approver})" if asked.approver and asked.decision != "expired" else ""
        found.append(Moment(at, tone_of(asked.decision or "waiting"), f"{asked.gate}: {word}{name}"))
    for step in facts.steps:
        if step.judged_at is not None and step.verdict is not None:
            told = voice("timeline.baked", weight=step.asked, verdict=result_word(voice, step.verdict))
            found.append(Moment(step.judged_at, tone_of(step.verdict), told))
    if facts.beyond is not None:
        found.append(Moment(facts.beyond.at, Tone.WAIT, voice("beyond.crossed", way=facts.beyond.way)))
    if facts.promoted_at is not None:
        found.append(Moment(facts.promoted_at, Tone.GOOD, voice("timeline.promoted")))
    if facts.down is not None:
        found.append(Moment(facts.down.at, Tone.BACK, voice("timeline.down", who=facts.down.who)))
    return sorted(found, key=lambda moment: moment.at)


def _told(moments: Iterable[Moment], voice: Voice) -> str:
    return " ".join(f"{voice.instant(moment.at)} {moment.text}." for moment in moments)


def _scale(facts: ReleaseFacts, moments: Sequence[Moment]) -> TimeScale:
    changes = [at for told in facts.weights.values() for at, _ in told]
    end = facts.ended_at or facts.as_of
    if facts.down is not None:
        end = max(facts.down.at, changes[-1]) if facts.ended_at is None else facts.ended_at
    points = [moment.at for moment in moments] + changes + [end]
    usual = max([step.bake for step in facts.steps if step.set_at] or [timedelta(minutes=10)])
    whole = max(points) - min(points)
    edge = max(timedelta(seconds=1), min(usual / 8, whole / 20))
    return time_scale([*points, min(points) - edge, max(points) + edge], LEFT, RIGHT, usual)


@dataclass(frozen=True, slots=True)
class _Marks:
    places: list[float]
    drawn: str


def _width(text: str) -> float:
    return sum(WIDE if ord(letter) > 0x1100 else LETTER for letter in text)


def _marks(moments: Sequence[Moment], scale: TimeScale) -> tuple[int, _Marks]:
    """Labels above the lanes, each in the first row where it does not touch another."""
    ends, places, drawn = list[float](), list[float](), list[str]()
    for moment in moments:
        x, text = scale.x(moment.at), moment.text if len(moment.text) <= 44 else moment.text[:43] + "…"
        width = 14 + _width(text)
        left = x + width > WIDTH - 4
        start, end = (x - width, x + 8) if left else (x - 8, x + width)
        row = next((n for n, taken in enumerate(ends) if start > taken + 6), len(ends))
        ends[row : row + 1] = [end]
        y = 6 + row * ROW + 8
        anchor = f'x="{x - 10:.1f}" text-anchor="end"' if left else f'x="{x + 10:.1f}"'
        drawn.append(f'{_shape(x, y, moment.tone)}<text {anchor} y="{y + 4}">{esc(text)}</text>')
        places.append(x)
    return max(1, len(ends)), _Marks(places, "".join(drawn))


def _shape(x: float, y: float, tone: Tone) -> str:
    """Round and ticked is good, square and crossed is bad, a triangle points back or down, a diamond asks."""
    at = f'transform="translate({x:.1f} {y})"'
    shape, glyph = {
        Tone.GOOD: ('<circle r="6"/>', "M-3 0 -1 2.4 3-2.4"),
        Tone.BAD: ('<rect x="-5.5" y="-5.5" width="11" height="11" rx="1"/>', "M-2.6-2.6 2.6 2.6M2.6-2.6-2.6 2.6"),
        Tone.BACK: ('<path d="M-6.5-5.5H6.5L0 6z"/>', "M0-4V2"),
    }.get(tone, ('<path d="M0-7 7 0 0 7-7 0z"/>', "M-2-1.5Q0-4 2-1.5 1 .5 0 1.2M0 3V3.6"))
    return f'<g {at} class="mark {tone}">{shape}<path class="glyph" d="{glyph}"/></g>'


def _weight_lane(facts: ReleaseFacts, voice: Voice, scale: TimeScale, component: str, top: float) -> str:
    """The staircase of one component."""
    title = voice("timeline.weight", component=component, version=facts.version)
    y0, y1 = top + TITLE, top + TITLE + LANE

    def y(weight: float) -> float:
        return y1 - (y1 - y0) * weight / 100

    changes, path, labels = facts.weights[component], "", list[str]()
    end = scale.stretches[-1].right
    for n, (at, weight) in enumerate(changes):
        x = scale.x(at)
        path += f"{'M' if n == 0 else 'H'}{x:.1f}" + (f" {y(weight):.1f}" if n == 0 else f"V{y(weight):.1f}")
        until = scale.x(changes[n + 1][0]) if n + 1 < len(changes) else end
        if weight and until - x > 30:
            below = y(weight) - 5 if weight < 80 else y(weight) + 13
            labels.append(f'<text x="{x + 5:.1f}" y="{below:.1f}" class="b">{weight} %</text>')
    path += f"H{end:.1f}"
    first = scale.x(changes[0][0])
    area = f'<path class="area" d="{path}V{y1}H{first:.1f}z"/>'
    return (
        _lane(title, top, y0, y1, (("0 %", y1), ("100 %", y0)))
        + f'{area}<path class="new" d="{path}"/>{"".join(labels)}'
    )


def _lane(title: str, top: float, y0: float, y1: float, ticks: Iterable[tuple[str, float]]) -> str:
    lines = [f'<text x="{LEFT}" y="{top + 13}" class="b">{esc(title)}</text>']
    for text, y in ticks:
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        place = min(max(y + 4, y0 + 9), y1)
        lines.append(f'<text x="{LEFT - 6}" y="{place:.1f}" text-anchor="end" class="dim">{esc(text)}</text>')
    return "".join(lines)


def _drawn(facts: ReleaseFacts) -> list[Gate]:
    """Error rates, then latencies; another metric only where the new version went past its target."""
    highest = {(s.component, s.metric): _highest(s) for s in facts.series if s.side == "canary"}
    found: dict[tuple[str, str], Gate] = {}
    for gate in facts.spec.gates:
        most = highest.get((gate.component, gate.metric))
        if most is not None and (_order(gate) < 2 or not gate.passes(most)):
            found.setdefault((gate.component, gate.metric), gate)
    return sorted(found.values(), key=_order)[:CURVES]


def _order(gate: Gate) -> int:
    return 0 if gate.metric == "error_rate" else 1 if gate.metric.startswith("latency") else 2


def _highest(series: Series) -> float | None:
    return max((value for _, value in series.points if value is not None), default=None)


def _curve_lane(facts: ReleaseFacts, voice: Voice, scale: TimeScale, gate: Gate, top: float) -> str:
    """Readings of both versions against the limit."""
    y0, y1 = top + TITLE, top + TITLE + CURVE
    series = {s.side: s for s in facts.series if (s.component, s.metric) == (gate.component, gate.metric)}
    highest = max(_highest(one) or 0.0 for one in series.values())
    most = max(gate.worst * 1.2, highest * 1.08) or 1.0

    def y(value: float) -> float:
        return y1 - (y1 - y0) * value / most

    limit = y(gate.worst)
    ticks = [(voice.value(gate.metric, 0.0), y1)] + ([(voice.value(gate.metric, most), y0)] if limit - y0 > 14 else [])
    parts = [_lane(f"{gate.component}: {voice.metric(gate.metric)}", top, y0, y1, ticks)]
    parts.append(f'<line class="limit" x1="{LEFT}" x2="{RIGHT}" y1="{limit:.1f}" y2="{limit:.1f}"/>')
    told = esc(voice("timeline.limit", value=voice.value(gate.metric, gate.worst)))
    parts.append(f'<text x="{LEFT + 4}" y="{limit + (12 if limit - y0 < 14 else -3):.1f}" class="dim">{told}</text>')
    parts += [
        f'<path class="{kind}" d="{_curve(series[side], scale, y)}"/>'
        for side, kind in (("stable", "old"), ("canary", "new"))
        if side in series
    ]
    return "".join(parts)


def _curve(series: Series, scale: TimeScale, y: Callable[[float], float]) -> str:
    points = list[tuple[float, float | None]]()
    first, last = scale.stretches[0].since, scale.stretches[-1].until
    for at, value in series.points:
        if first <= at <= last:
            stretch = scale.stretch(at)
            points.append((stretch.x(at), None if stretch.cut else value))
    path, pen = "", "M"
    for x, value in thinned(points, 3.0):
        if value is None:
            pen = "M"
            continue
        path += f"{pen}{x:.1f} {y(value):.1f}"
        pen = "L"
    return path or "M0 0"


def _legend(voice: Voice, top: float) -> str:
    """Words beside the kinds of line, at the lane's right."""
    x, told = RIGHT, list[str]()
    for kind, text in (("old", voice("timeline.stable")), ("new", voice("timeline.canary"))):
        told.append(f'<text x="{x:.1f}" y="{top + 13}" text-anchor="end" class="dim">{esc(text)}</text>')
        x -= _width(text) + 10
        told.append(f'<line class="{kind}" x1="{x - 22:.1f}" x2="{x:.1f}" y1="{top + 9}" y2="{top + 9}"/>')
        x -= 40
    return "".join(told)


def _axis(voice: Voice, scale: TimeScale, top: float, bottom: float) -> str:
    """Times below, and the stretches that were cut."""
    parts, before = list[str](), None
    for cut in scale.cuts:
        middle, span = (cut.left + cut.right) / 2, voice.span(cut.until - cut.since)
        size = f'width="{cut.right - cut.left:.1f}" height="{bottom - top}"'
        parts.append(f'<rect class="cut" x="{cut.left:.1f}" y="{top}" {size}/>')
        parts.append(f'<text x="{middle:.1f}" y="{bottom + 14}" text-anchor="middle" class="dim">⋯ {esc(span)}</text>')
    offset = scale.stretches[0].since.astimezone(voice.zone).utcoffset() or timedelta(0)
    ticks = scale.ticks(72, offset)
    if 2 * len({at.astimezone(voice.zone).date() for _, at in ticks}) > len(ticks):
        ticks = scale.ticks(100, offset)  # nearly every one shows its date: they need more room
    to_the_second = any(at.second for _, at in ticks)
    for x, at in ticks:
        if any(cut.left - 34 < x < cut.right + 34 for cut in scale.cuts) or not LEFT + 4 < x < RIGHT - 12:
            continue
        here = at.astimezone(voice.zone)
        day = before is None or before.date() != here.date()
        text = f"{here:%m-%d %H:%M}" if day else f"{here:%H:%M:%S}" if to_the_second else f"{here:%H:%M}"
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{text}</text>')
        before = here
    return "".join(parts)
