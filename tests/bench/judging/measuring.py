"""Rollouts by the hundred: each is drawn once and met by every policy, so that policies differ and luck does not."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench.judging import grid
from tests.bench.judging.course import course
from tests.bench.judging.driving import Outcome, drive
from tests.bench.judging.faults import FAULTS
from tests.bench.judging.learning import learnt
from tests.bench.judging.oracle import oracle
from tests.bench.judging.plans import Context
from tests.bench.judging.policies import POLICIES, WHOLE
from tests.bench.judging.rollout import Rollout
from tests.bench.judging.scoring import Cell
from tests.bench.judging.site import meta


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured: how many rollouts of which faults in which contexts, by which policies."""

    contexts: tuple[Context, ...]
    good: int
    bad: int
    faults: tuple[str, ...]
    policies: tuple[str, ...]
    seed: int = 1
    hindsight: bool = False  # every setting of every peer, too
    stepwise: bool = False  # every policy bin by bin, so that its decisions are timed
    learnt: int = 0  # good releases of the site before, for a judge that learns from them


def rollouts(context: Context, fault: str | None, count: int, seed: int) -> Iterator[Rollout]:
    """The same ones for the same context, fault and seed, in any order of cells."""
    named = zlib.crc32(f"{context} {context.bin_seconds} {fault}".encode())
    for number in range(count):
        yield Rollout(context, FAULTS[fault] if fault else None, seed, named, number)


def cell(context: Context, fault: str | None, count: int, asked: Asked) -> Cell:
    """Every policy on the same rollouts."""
    made = Cell(context, fault, onset=FAULTS[fault].begins(context) if fault else 0.0)
    rolled, harm = np.zeros(len(grid.names())), np.zeros(len(grid.names()))
    for rollout in rollouts(context, fault, count, asked.seed):
        told = meta(rollout)
        whole = course(rollout) if asked.hindsight or not WHOLE.keys().isdisjoint(asked.policies) else None
        for name in asked.policies:
            at_once = WHOLE.get(name)
            if asked.stepwise or context.missing or at_once is None or whole is None:
                profile = learnt(name, context, asked.seed, asked.learnt)
                outcome = drive(rollout, POLICIES[name](told | {"profile": profile} if profile else told))
            else:
                outcome = whole.outcome(at_once(whole, told))
            made.outcomes.setdefault(name, []).append(outcome)
        if asked.hindsight and whole is not None:
            decided = grid.decisions(whole, told)
            rolled += decided >= 0
            harm += whole.harm[decided]
        if fault:
            made.outcomes.setdefault("oracle", []).append(oracle(rollout))
    if asked.hindsight:
        made.tuned_rolled, made.tuned_harm = rolled / count, harm / count
    return made


def measure(asked: Asked) -> list[Cell]:
    """All cells, good versions first in each context; says on stderr where it is."""
    cells: list[Cell] = []
    for context in asked.contexts:
        print(f"  {context}", file=sys.stderr, flush=True)
        for fault in (None, *asked.faults):
            count = asked.bad if fault else asked.good
            if count:
                cells.append(cell(context, fault, count, asked))
    return cells


def rolled_back(outcomes: Sequence[Outcome]) -> int:
    return sum(one.at is not None for one in outcomes)
