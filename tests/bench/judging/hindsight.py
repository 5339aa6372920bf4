"""
The best peer with hindsight: among all settings that roll back at most 1 % of the good versions of a context.

Per fault: the setting that harms least for that fault, as if its owner had known which would come. Per site: the one
setting of a context that is best over all its faults (geometric mean of the multiples).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.bench.judging import grid
from tests.bench.judging.plans import Context
from tests.bench.judging.scoring import HALF, Cell

ALLOWED = 0.01  # of good versions rolled back


@dataclass(frozen=True, slots=True)
class Best:
    """The peer to beat in one cell: its mean harm when tuned for the fault, for the site; and which setting it is."""

    for_fault: float
    setting: str
    for_site: float
    site_setting: str


def best(cells: Sequence[Cell]) -> dict[tuple[str, str], Best]:
    """By context and fault as told; nothing for contexts without good versions or without hindsight."""
    made: dict[tuple[str, str], Best] = {}
    for good in cells:
        if good.fault is not None or good.tuned_rolled is None:
            continue
        some = [cell for cell in cells if cell.fault is not None and cell.context == good.context]
        allowed = np.flatnonzero(good.tuned_rolled <= ALLOWED)
        harm = [cell.tuned_harm[allowed] for cell in some if cell.tuned_harm is not None]
        if not harm:
            continue
        site = int(np.log(np.stack(harm) + HALF).mean(axis=0).argmin())
        for cell, one in zip(some, harm, strict=True):
            least = int(one.argmin())
            made[str(cell.context), str(cell.fault)] = Best(
                float(one[least]), grid.names()[allowed[least]], float(one[site]), grid.names()[allowed[site]]
            )
    return made


def known(told: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Best]:
    """The best peers of an earlier run's figures (the cells of its JSON), so that they need not be looked for again."""
    fields = [field.name for field in dataclasses.fields(Context)]
    return {
        (str(Context(**{name: cell[name] for name in fields if name in cell})), cell["fault"]): Best(
            **cell["best_peer"]
        )
        for cell in told
        if "best_peer" in cell
    }
