"""How a canary is judged: by the spec's own limits (limits.py) and against the stable version (comparing.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.judge.comparing import Judge


def make_judge(
    meta: Mapping[str, Any],
    profile: Mapping[str, float] | None = None,
    state: Mapping[str, Any] | None = None,
) -> Judge:
    """
    A judge for one rollout: `step(sample)` answers "continue", "hold" or "rollback", `reasons` says why.

    `meta` and samples as in docs/judgement.md; `profile`: what the site has taught (Profile); `state`: of a judge that
    was interrupted. SpecError when something cannot be read. Loads numpy: the rollback half never asks for it.
    """
    from tidegate.judge.comparing import make  # noqa: PLC0415  # numpy costs 0.1 s, and only this needs it

    return make(meta, profile, state)
