"""A replay as one page: shares, failure rates of both versions, and how near each judge was to a rollback."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tidegate.judge.replay.measurements import Measurements
from tidegate.judge.replay.replaying import Replay, clock
from tidegate.report.markup import esc
from tidegate.report.style import CSS

LEFT, WIDTH, HEIGHT, GAP = 60.0, 900.0, 110.0, 44.0
LOWEST = 1e-4  # of what a rollback needs: below it nothing is drawn
POINTS = 600  # drawn of a curve: their extremes are kept
STYLES = ("new", "old")

SHEET = """
.re{width:100%;height:auto;font-size:12px}.re text{fill:var(--ink)}.re .axis{stroke:var(--line)}
.re .new{stroke:var(--accent);fill:none;stroke-width:1.8}
.re .old{stroke:var(--soft);fill:none;stroke-width:1.4;stroke-dasharray:5 3}
.re .limit{stroke:var(--fail);stroke-dasharray:2 4}.re .share{fill:var(--accent);fill-opacity:.18}
.re .end{stroke:var(--fail);stroke-width:1.5}
"""


def page(told: Measurements, replays: Sequence[Replay], lines: Sequence[str], title: str) -> str:
    """One HTML document, without scripts and addresses."""
    body = [f"<header><p class='over'>Tidegate: measurements judged again.</p><h1>{esc(title)}</h1></header><main>",
            f"<div class='scroll'>{drawing(told, replays)}</div>",
            "<ul>", *(f"<li>{esc(line)}</li>" for line in lines), "</ul></main>"]  # fmt: skip
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{esc(title)}</title>"
    head += f"<style>{CSS}{SHEET}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(body)}</body></html>\n"


def drawing(told: Measurements, replays: Sequence[Replay]) -> str:
    """Three lanes over one time axis."""
    end = max(float(told.samples[-1]["t"]), 1.0)

    def x(t: float) -> float:
        return LEFT + (WIDTH - LEFT - 10) * t / end

    shares = [(float(s["t"]), float(s["share"])) for s in told.samples]
    rates = [[(float(s["t"]), _rate(s, side)) for s in told.samples] for side in ("new", "stable")]
    top_rate = max((v for curve in rates for _, v in _smoothed(curve)), default=0.0) or 0.01
    lanes = [
        ("share of the new version, %", 0.0, _lane(x, [shares], lambda v: v, ("share",)), ("0", "100")),
        ("failures, % (new version: line, stable: dashes)", 1.0,
         _lane(x, [_smoothed(c) for c in rates], lambda v: min(v / top_rate, 1.0), STYLES),
         ("0", f"{top_rate * 100:.2g}")),
        ("how near a rollback (logarithmic; 1 is one)", 2.0,
         _lane(x, [[(p.t, p.strength) for p in one.points if p.strength is not None] for one in replays], _log, STYLES)
         + _ends(x, replays), ("", "1")),
    ]  # fmt: skip
    body = []
    for name, n, drawn, (low, high) in lanes:
        y = 20 + n * (HEIGHT + GAP)
        body.append(
            f'<g transform="translate(0 {y})"><text x="{LEFT}" y="-6">{esc(name)}</text>'
            f'<text x="{LEFT - 6}" y="10" text-anchor="end">{high}</text>'
            f'<text x="{LEFT - 6}" y="{HEIGHT}" text-anchor="end">{low}</text>'
            f'<line class="axis" x1="{LEFT}" x2="{WIDTH - 10}" y1="{HEIGHT}" y2="{HEIGHT}"/>{drawn}</g>'
        )
    tall = 20 + 3 * (HEIGHT + GAP)
    ticks = "".join(
        f'<text x="{x(end * n / 6):.0f}" y="{tall - GAP + 18}" text-anchor="middle">{clock(end * n / 6)}</text>'
        for n in range(7)
    )
    return (f'<svg class="re" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {tall}" role="img" '
            f'aria-label="shares, failure rates and evidence over time">{"".join(body)}{ticks}</svg>')  # fmt: skip


Curve = list[tuple[float, float]]


def _rate(sample: Mapping[str, Any], side: str) -> float:
    told = sample.get(side) or {}
    asked = sum(told.get("requests", ()))
    return float(sum(told.get("failures", ())) / asked) if asked else 0.0


def _smoothed(curve: Curve) -> Curve:
    """Means of neighbours, so that a quiet service's single failures do not fill the lane."""
    width = max(1, len(curve) // 120)
    parts = [curve[at : at + width] for at in range(0, len(curve), width)]
    return [(part[len(part) // 2][0], math.fsum(v for _, v in part) / len(part)) for part in parts]


def _log(value: float) -> float:
    return min(1.0, max(0.0, math.log(max(value, LOWEST) / LOWEST) / math.log(1 / LOWEST)))


def _lane(x: Callable[[float], float], curves: Sequence[Curve], height: Callable[[float], float],
          styles: Sequence[str]) -> str:  # fmt: skip
    drawn = []
    for curve, style in zip(curves, styles, strict=False):
        kept = curve[:: max(1, len(curve) // POINTS)] + curve[-1:]
        points = [(x(t), HEIGHT - (HEIGHT - 8) * height(v)) for t, v in kept]
        if style == "share" and points:
            steps = " ".join(f"H{px:.1f}V{py:.1f}" for px, py in points)
            drawn.append(f'<path class="share" d="M{points[0][0]:.1f},{HEIGHT} {steps} V{HEIGHT}Z"/>')
        elif points:
            drawn.append(f'<polyline class="{style}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>')
    return "".join(drawn)


def _ends(x: Callable[[float], float], replays: Sequence[Replay]) -> str:
    marks = [(x(one.ended.t), one.policy) for one in replays if one.ended is not None]
    lines = f'<line class="limit" x1="{LEFT}" x2="{WIDTH - 10}" y1="8" y2="8"/>'
    for n, (at, policy) in enumerate(marks):
        side = "end" if at > WIDTH / 2 else "start"
        lines += f'<line class="end" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{HEIGHT}"/>'
        lines += f'<text x="{at + (-4 if side == "end" else 4):.1f}" y="{24 + 14 * n}" text-anchor="{side}">'
        lines += f"{esc(policy)}: rollback</text>"
    return lines
