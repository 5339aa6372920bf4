"""Plots as SVG, without anything else: harm over traffic, harm by fault, good versions rolled back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.bench.judging.measuring import rolled_back
from tests.bench.judging.plans import TRAFFIC
from tests.bench.judging.scoring import HALF, Cell, geometric, wilson
from tests.bench.judging.tables import policies_of
from tidegate.report.markup import esc

Line = Sequence[tuple[str, float]]  # a name on the x axis, a value; NaN leaves a gap
COLOURS = ("#0b6fa4", "#c2410c", "#15803d", "#7c3aed", "#b91c1c", "#a16207", "#0f766e", "#be185d", "#475569", "#111827")
LEFT, TOP, WIDTH, HEIGHT, RIGHT, BELOW = 60.0, 44.0, 620.0, 300.0, 190.0, 110.0


def plot(title: str, lines: Mapping[str, Line], *, joined: bool = True, logarithmic: bool = True) -> str:
    """One SVG with a line (or dots) for each name over common places on the x axis."""
    places = list(dict.fromkeys(place for line in lines.values() for place, _ in line))
    values = [value for line in lines.values() for _, value in line if math.isfinite(value)]
    low, high = (0.5, max(values, default=10.0) * 1.3) if logarithmic else (0.0, max([*values, 0.02]) * 1.1)

    def x(place: str) -> float:
        return LEFT + WIDTH * (places.index(place) + 0.5) / len(places)

    def y(value: float) -> float:
        held = min(max(value, low), high)
        part = math.log(held / low) / math.log(high / low) if logarithmic else (held - low) / (high - low)
        return TOP + HEIGHT * (1 - part)

    body = [*_frame(title, places, x), *_scale(low, high, y, logarithmic=logarithmic)]
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        aside = 0.0 if joined else (number - (len(lines) - 1) / 2) * min(5.0, 0.8 * WIDTH / len(places) / len(lines))
        dots = [(x(place) + aside, y(value)) for place, value in line if math.isfinite(value)]
        if joined:
            path = " ".join(f"{a:.1f},{b:.1f}" for a, b in dots)
            body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        body += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in dots]
        at = TOP + 10 + 17 * number
        body.append(f'<circle cx="{LEFT + WIDTH + 16}" cy="{at - 4}" r="4" fill="{colour}"/>')
        body.append(f'<text x="{LEFT + WIDTH + 26}" y="{at}">{esc(name)}</text>')
    wide, high_all = LEFT + WIDTH + RIGHT, TOP + HEIGHT + BELOW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high_all:.0f}" font-family="sans-serif" '
        f'font-size="12" role="img" aria-label="{esc(title)}"><rect width="100%" height="100%" fill="white"/>'
        f"{''.join(body)}</svg>\n"
    )


def _frame(title: str, places: Sequence[str], x: Callable[[str], float]) -> list[str]:
    body = [f'<text x="{LEFT}" y="22" font-size="15">{esc(title)}</text>']
    for place in places:
        at, base = x(place), TOP + HEIGHT + 16
        turned = f'text-anchor="end" transform="rotate(-40 {at:.1f} {base})"'
        body.append(f'<text x="{at:.1f}" y="{base}" {turned}>{esc(place)}</text>')
    return body


def _scale(low: float, high: float, y: Callable[[float], float], *, logarithmic: bool) -> list[str]:
    if logarithmic:
        ticks = [base * 10.0**power for power in range(-1, 7) for base in (1, 2, 5)]
    else:
        coarse = 10 ** math.floor(math.log10(high))
        step = next(coarse * part for part in (0.1, 0.2, 0.5, 1.0) if high / (coarse * part) <= 10)
        ticks = [part * step for part in range(11)]
    body = []
    for tick in ticks:
        if low <= tick <= high:
            told = f"{tick:g}" if logarithmic else f"{100 * tick:g} %"
            body.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ddd"/>')
            body.append(f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{told}</text>')
    return body


def draw(cells: Sequence[Cell], tuned: Mapping[tuple[str, str], float], folder: Path) -> list[Path]:
    """Write the plots that these cells allow; `tuned`: the best peer's harm by context and fault."""
    folder.mkdir(parents=True, exist_ok=True)
    good, bad = [c for c in cells if c.fault is None], [c for c in cells if c.fault is not None]
    pictures: dict[str, str] = {}
    if bad:
        pictures["harm-by-traffic"] = plot("Harm, times the oracle", _harm(bad, tuned, by_fault=False))
        pictures["harm-by-fault"] = plot("Harm, times the oracle", _harm(bad, tuned, by_fault=True), joined=False)
    if good:
        lines = {
            name: [(str(c.context), rolled_back(c.outcomes[name]) / len(c.outcomes[name])) for c in good]
            for name in policies_of(good)
        }
        upper = [(str(c.context), wilson(0, len(next(iter(c.outcomes.values()))))[1]) for c in good]
        lines["95 % limit of none"] = upper
        pictures["false-rollbacks"] = plot("Good versions rolled back", lines, joined=False, logarithmic=False)
    made = []
    for name, drawn in pictures.items():
        path = folder / f"{name}.svg"
        path.write_text(drawn, encoding="utf-8")
        made.append(path)
    return made


def _harm(bad: Sequence[Cell], tuned: Mapping[tuple[str, str], float], *, by_fault: bool) -> dict[str, Line]:
    def place(cell: Cell) -> str:
        return str(cell.fault) if by_fault else f"{cell.context.traffic:g}/s"

    order = [p for p in (f"{rate:g}/s" for rate in TRAFFIC) if any(place(c) == p for c in bad)]
    places = list(dict.fromkeys(place(c) for c in bad)) if by_fault else order
    names = policies_of(bad)
    made: dict[str, Line] = {
        name: [(p, geometric(c.multiple(name) for c in bad if place(c) == p)) for p in places] for name in names
    }
    if tuned:

        def peer(cell: Cell) -> float:
            return (tuned[str(cell.context), str(cell.fault)] + HALF) / (cell.harmed("oracle") + HALF)

        known = [c for c in bad if (str(c.context), str(c.fault)) in tuned]
        made["best peer for the fault"] = [(p, geometric(peer(c) for c in known if place(c) == p)) for p in places]
    return made
