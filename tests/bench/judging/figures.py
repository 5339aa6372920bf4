"""What was measured as JSON: one entry a cell and policy, for whoever compares two runs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.judging.hindsight import Best
from tests.bench.judging.measuring import rolled_back
from tests.bench.judging.scoring import Cell, wilson


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _policy(cell: Cell, name: str) -> dict[str, Any]:
    hits, of = rolled_back(cell.outcomes[name]), len(cell.outcomes[name])
    made: dict[str, Any] = {"rolled_back": hits, "of": of, "held": _finite(cell.held(name))}
    made["ms"] = _finite(1e3 * cell.cpu(name))
    if cell.fault is None:
        made["interval"] = [_finite(end) for end in wilson(hits, of)]
        return made
    made |= {"harmed": _finite(cell.harmed(name)), "harmed_p95": _finite(cell.harmed_p95(name))}
    made |= {"delay": _finite(cell.delay(name)), "delay_p80": _finite(cell.delay(name, 0.8))}
    return made | {"times_oracle": _finite(cell.multiple(name))}


def entries(cells: Sequence[Cell], bests: Mapping[tuple[str, str], Best]) -> list[dict[str, Any]]:
    made = []
    for cell in cells:
        entry: dict[str, Any] = dataclasses.asdict(cell.context)
        entry |= {"fault": cell.fault, "policies": {name: _policy(cell, name) for name in cell.outcomes}}
        if (one := bests.get((str(cell.context), str(cell.fault)))) is not None:
            entry["best_peer"] = dataclasses.asdict(one)
        made.append(entry)
    return made


def write(path: Path, mode: str, seed: int, cells: Sequence[Cell], bests: Mapping[tuple[str, str], Best]) -> None:
    told = {"mode": mode, "seed": seed, "cells": entries(cells, bests)}
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
