"""The timetable as a page: one drawing of the whole release, and its rows as tables. It needs nothing but itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from tidegate.quantities import spoken
from tidegate.report.markup import esc
from tidegate.report.scale import TimeScale, time_scale
from tidegate.report.style import CSS
from tidegate.timetable.foresight import UNKNOWN, as_cells
from tidegate.timetable.rows import Row, Timetable
from tidegate.timetable.text import day, ways_back, zone_of

LEFT, RIGHT, LANE, TOP = 170.0, 980.0, 26.0, 30.0
WEIGHT = 90.0  # height of the lane that shows the share of traffic
SHOWN = 60  # ticks drawn of one schedule


def page(told: Timetable, missing: Collection[str] = ()) -> str:
    """One HTML document, without scripts and without addresses."""
    title = f"{told.spec.system} {told.version}: plan {told.plan}"
    over = "Tidegate: what a release will do. Nothing has been done."
    body = [f"<header><p class='over'>{over}</p><h1>{esc(title)}</h1>",
            f"<p>{esc(told.spec.description)} Times in {esc(told.spec.timezone)}.</p></header><main>",
            f"<h2>The whole of it</h2><div class='scroll'>{drawing(told)}</div>"]  # fmt: skip
    names = {"before": "Before traffic", "traffic": "Traffic", "after": "Afterwards", "scheduled": "Scheduled runs",
             "in force": "In force all the time"}  # fmt: skip
    for phase, heading in names.items():
        rows = [row for row in told.rows if row.phase == phase]
        if rows:
            body += [f"<h2>{heading}</h2>", _table(told, rows, missing)]
        body += _foreseen(told) if phase == "traffic" else []
    back = "".join(f"<dt>{esc(when)}</dt><dd>{esc(how)}</dd>" for when, how in ways_back(told).items())
    body += [f"<h2>The way back</h2><dl class='card grid'>{back}</dl></main>"]
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{esc(title)}</title>"
    head += f"<style>{CSS}{SHEET}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(body)}</body></html>\n"


SHEET = """
.plan{min-width:1000px;width:100%;height:auto;font-size:12px}
.plan text{fill:var(--ink)}.plan .dim{fill:var(--soft);font-size:11px}
.plan .step{fill:var(--accent);opacity:.75}.plan .shut{fill:var(--line);opacity:.6}
.plan .ask{fill:var(--wait)}.plan .act{fill:var(--busy)}.plan .run{stroke:var(--pass);stroke-width:2}
.plan .axis{stroke:var(--line)}.plan .end{stroke:var(--back);stroke-dasharray:4 3}
td.ids{font-size:12px;color:var(--soft);max-width:220px}td.says{white-space:pre-line}
.lacks{color:var(--fail)}
"""


def _table(told: Timetable, rows: list[Row], missing: Collection[str]) -> str:
    zone = zone_of(told.spec)
    dated = any(row.at for row in rows)
    head = ["When", "What", "Says", "Serves"] if dated else ["What", "Says", "Serves"]
    lines = []
    for row in rows:
        when = day(row.at, zone) + (f" to {day(row.last, zone)}, {row.runs} runs" if row.runs > 1 else "")
        if row.lasting:
            when += f" ({spoken(row.lasting)})"
        lacks = ", ".join(use for use in row.uses if use in missing)
        says = esc(row.says) + "".join(f" <strong>[{esc(note)}]</strong>" for note in row.notes)
        says += f" <span class='lacks'>not built here: {esc(lacks)}</span>" if lacks else ""
        cells = ([f"<td>{esc(when)}</td>"] if dated else []) + [
            f"<td>{esc(row.step)}</td><td class='says'>{says}</td><td class='ids'>{esc(' '.join(row.serves))}</td>"
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    names = "".join(f"<th scope='col'>{one}</th>" for one in head)
    return f"<div class='scroll'><table><thead><tr>{names}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"


def _foreseen(told: Timetable) -> list[str]:
    """What each step can find, one row a step; how to state the traffic where none is."""
    rows = ["<tr>" + "".join(f"<td class='says'>{esc(cell)}</td>" for cell in cells) + "</tr>"
            for cells in as_cells(told.spec, told.plan)]  # fmt: skip
    head = ("Step", "Finds, 95 times in 100", "Of these: chance, when, at what price", "Warning")
    names = "".join(f"<th scope='col'>{one}</th>" for one in head)
    table = f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    told_ = f"<div class='scroll'>{table}</div>" if rows else f"<p>{esc(UNKNOWN)}</p>"
    return ["<h2>What each step can see</h2>", told_]


def drawing(told: Timetable) -> str:
    """SVG: the share of traffic over time, acts, questions, one lane for each schedule; long nights are cut short."""
    steps = [row for row in told.of("traffic") if row.what.endswith("%") and row.at]
    dated = [row for row in told.rows if row.at is not None]
    if not dated:
        return ""
    moments = [at for row in dated if row.at is not None for at in (row.at, row.at + row.lasting)]
    moments += [at for at in (told.promoted_at, told.final_at) if at is not None]
    moments += [row.last for row in dated if row.last is not None]
    longest = max((row.lasting for row in steps), default=timedelta(hours=1))
    scale = time_scale(moments, LEFT, RIGHT, max(longest, timedelta(hours=1)))
    lanes = [*_lanes(told)]
    height = TOP + WEIGHT + 20 + LANE * len(lanes) + 30
    parts = [_axis(told, scale, height), _weights(steps, scale, told.promoted_at)]
    y = TOP + WEIGHT + 30
    for name, rows, kind in lanes:
        parts.append(f'<text x="8" y="{y + 4:.0f}">{esc(name)}</text>')
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{RIGHT}" y1="{y}" y2="{y}"/>')
        parts += _marks(told, rows, kind, scale, y)
        y += LANE
    label = f"Timeline of {told.spec.system} by plan {told.plan}"
    return (
        f'<svg class="plan" viewBox="0 0 1000 {height:.0f}" role="img" aria-label="{esc(label)}">{"".join(parts)}</svg>'
    )


def _lanes(told: Timetable) -> Iterator[tuple[str, list[Row], str]]:
    acts = [row for row in told.rows if row.at and row.phase in ("before", "traffic", "after")]
    yield "acts", [row for row in acts if not row.deadline and not row.what.endswith("%")], "act"
    yield "people are asked", [row for row in acts if row.deadline], "ask"
    for row in told.of("scheduled"):
        if row.at is not None:
            yield row.step, [row], "run"


def _axis(told: Timetable, scale: TimeScale, height: float) -> str:
    zone = zone_of(told.spec)
    parts = []
    for stretch in scale.cuts:
        width = max(0.0, stretch.right - stretch.left)
        parts.append(
            f'<rect class="shut" x="{stretch.left:.1f}" y="{TOP}" width="{width:.1f}" height="{height - TOP:.0f}"/>'
        )
    offset = told.begins.astimezone(zone).utcoffset() or timedelta(0)
    for x, at in scale.ticks(95, offset):
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height:.0f}"/>')
        parts.append(f'<text class="dim" x="{x + 3:.1f}" y="{TOP - 8}">{at.astimezone(zone):%a %m-%d %H:%M}</text>')
    if told.final_at is not None:
        x = scale.x(told.final_at)
        parts.append(f'<line class="end" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height:.0f}"/>')
        parts.append(
            f'<text class="dim" text-anchor="end" x="{x - 3:.1f}" y="{height - 6:.0f}">way back by traffic ends</text>'
        )
    return "".join(parts)


def _weights(steps: list[Row], scale: TimeScale, promoted: datetime | None) -> str:
    base, parts = TOP + WEIGHT, [f'<text x="8" y="{TOP + WEIGHT / 2:.0f}">share of traffic</text>']
    for row, after in zip(steps, [*steps[1:], None], strict=False):
        assert row.at is not None
        until = after.at if after is not None and after.at else max(row.at + row.lasting, promoted or row.at)
        weight = float(row.what.split()[0])
        x, width = scale.x(row.at), max(2.0, scale.x(until) - scale.x(row.at))
        high = WEIGHT * weight / 100
        told = f"<title>{esc(row.what)}: {esc(row.says)}</title>"
        place = f'x="{x:.1f}" y="{base - high:.1f}" width="{width:.1f}" height="{high:.1f}"'
        parts.append(f'<rect class="step" {place}>{told}</rect>')
        parts.append(f'<text x="{x + 3:.1f}" y="{max(TOP + 12, base - high - 4):.1f}">{esc(row.what)}</text>')
    return "".join(parts) + f'<line class="axis" x1="{LEFT}" x2="{RIGHT}" y1="{base}" y2="{base}"/>'


def _marks(told: Timetable, rows: list[Row], kind: str, scale: TimeScale, y: float) -> Iterator[str]:
    if kind == "run":
        row = rows[0]
        name = f"{row.step} "
        due = sorted(at for slot, at in told.slots.items() if slot.startswith(name)) or [at for at in (row.at,) if at]
        for at in due[:: max(1, len(due) // SHOWN)]:
            x = scale.x(at)
            yield f'<line class="run" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 7}" y2="{y + 7}"/>'
        counted = f"{len(due)} run" + ("s" if len(due) > 1 else "")
        yield f'<text class="dim" text-anchor="end" x="{RIGHT}" y="{y - 6}">{counted}</text>'
        return
    seen: dict[str, float] = {}
    for row in rows:
        assert row.at is not None
        x = scale.x(row.at)
        if row.step in seen and abs(seen[row.step] - x) < 3:
            continue
        seen[row.step] = x
        width = max(4.0, scale.x(row.at + row.lasting) - x if kind == "act" else 6.0)
        place = f'x="{x:.1f}" y="{y - 5}" width="{width:.1f}" height="10"'
        yield f'<rect class="{kind}" {place}><title>{esc(row.step)}: {esc(row.says)}</title></rect>'
