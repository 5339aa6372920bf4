"""A judge that learns a site from release to release, let loose on some good releases before it is measured."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tests.bench.judging.driving import drive
from tests.bench.judging.plans import Context
from tests.bench.judging.policies import POLICIES
from tests.bench.judging.rollout import Rollout
from tests.bench.judging.site import meta

EARLIER = 9_000_000  # added to the seed: none of the releases that are measured


@lru_cache(maxsize=64)
def learnt(name: str, context: Context, seed: int, releases: int) -> Mapping[str, Any] | None:
    """What a judge knows of the site after so many good releases, as `meta` takes it; None where nothing is learnt."""
    profile: Mapping[str, Any] | None = None
    for number in range(releases):
        rollout = Rollout(context, None, seed + EARLIER, number)
        judge = POLICIES[name](meta(rollout) | {"profile": profile})
        if not hasattr(judge, "learnt"):
            return None
        drive(rollout, judge)
        profile = judge.learnt().to_body()
    return profile
