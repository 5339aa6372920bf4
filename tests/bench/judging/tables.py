"""Plain tables of what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from tests.bench.judging.measuring import rolled_back
from tests.bench.judging.plans import TRAFFIC
from tests.bench.judging.scoring import Cell, geometric, wilson, within

RATES = ("good rolled back", "at most")  # mean and highest of the contexts


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they need to be; the first one to the left, figures to the right."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    made = []
    for line in lines:
        first, *others = (text.ljust(width) if not i else text.rjust(width)
                          for i, (text, width) in enumerate(zip(line, widths, strict=True)))  # fmt: skip
        made.append("  ".join((first, *others)).rstrip())
    made.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(made)


def figure(value: float) -> str:
    """Three significant digits at most, '-' where there is none."""
    if math.isnan(value):
        return "-"
    if value == 0 or 0.01 <= abs(value) < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if abs(value) < 99.95 else f"{value:,.0f}"


def policies_of(cells: Sequence[Cell]) -> list[str]:
    """In the order in which they were asked for; the oracle is the measure, not a policy."""
    return [name for name in dict.fromkeys(name for cell in cells for name in cell.outcomes) if name != "oracle"]


def false_rollbacks(cells: Sequence[Cell]) -> str:
    """Good versions rolled back, per context, with the 95 % interval; and the time lost to holding."""
    good = [cell for cell in cells if cell.fault is None]
    names = policies_of(good)
    rows = []
    for cell in good:
        row = [str(cell.context)]
        for name in names:
            hits, of = rolled_back(cell.outcomes[name]), len(cell.outcomes[name])
            low, high = wilson(hits, of)
            held = cell.held(name)
            row.append(f"{hits / of:.1%} ({low:.1%}-{high:.1%})" + (f" h{held:.1%}" if held else ""))
        rows.append(row)
    return table(("good versions rolled back", *names), rows)


def multiples(cells: Sequence[Cell]) -> str:
    """Harm as a multiple of the oracle: geometric means over the cells and by traffic; cells within 2 and 5 times."""
    bad = [cell for cell in cells if cell.fault is not None]
    good = [cell for cell in cells if cell.fault is None]
    traffic = [rate for rate in TRAFFIC if any(cell.context.traffic == rate for cell in bad)]
    rows = []
    for name in policies_of(bad):
        every = [cell.multiple(name) for cell in bad]
        rows.append([name, figure(geometric(every)),
                     *(figure(geometric(one.multiple(name) for one in bad if one.context.traffic == rate))
                       for rate in traffic),
                     f"{within(every, 2):.0%}", f"{within(every, 5):.0%}", *_rolled(good, name)])  # fmt: skip
    return table(
        ("harm, times the oracle", "all", *(f"{rate:g}/s" for rate in traffic), "<= 2x", "<= 5x", *RATES), rows
    )


def _rolled(good: Sequence[Cell], name: str) -> tuple[str, str]:
    """Without it a multiple says little: every rule is quick that cries wolf."""
    shares = [rolled_back(cell.outcomes[name]) / len(cell.outcomes[name]) for cell in good]
    return (f"{sum(shares) / len(shares):.1%}", f"{max(shares):.1%}") if shares else ("-", "-")


def by_fault(cells: Sequence[Cell]) -> str:
    """Harm as a multiple of the oracle for each fault, geometric mean over contexts, beside the oracle's own harm."""
    bad = [cell for cell in cells if cell.fault is not None]
    names = policies_of(bad)
    rows = []
    for fault in dict.fromkeys(cell.fault for cell in bad):
        some = [cell for cell in bad if cell.fault == fault]
        best = figure(geometric(cell.harmed("oracle") + 0.5 for cell in some) - 0.5)
        rows.append([str(fault), best, *(figure(geometric(cell.multiple(name) for cell in some)) for name in names)])
    return table(("fault", "oracle harms", *names), rows)


def details(cells: Sequence[Cell]) -> str:
    """Every cell and policy: found, harmed (mean, p95), median delay in seconds, times the oracle."""
    rows = []
    for cell in cells:
        if cell.fault is None:
            continue
        for name in (*policies_of([cell]), "oracle"):
            rows.append([f"{cell.context}, {cell.fault}", name, f"{cell.found(name):.0%}", figure(cell.harmed(name)),
                         figure(cell.harmed_p95(name)), figure(cell.delay(name)), figure(cell.delay(name, 0.8)),
                         figure(cell.multiple(name))])  # fmt: skip
    return table(("cell", "policy", "found", "harmed", "p95", "delay s", "p80 s", "x oracle"), rows)


def profile(cells: Sequence[Cell]) -> str:
    """Milliseconds a decision, over all cells."""
    rows = []
    for name in policies_of(cells):
        outcomes = [one for cell in cells for one in cell.outcomes[name]]
        steps, cpu = sum(one.steps for one in outcomes), sum(one.cpu for one in outcomes)
        rows.append([name, f"{steps:,}", f"{cpu / max(steps, 1) * 1e3:.4f}"])
    return table(("policy", "decisions", "ms each"), rows)
