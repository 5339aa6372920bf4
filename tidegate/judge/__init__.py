"""How a canary is judged: by the spec's own limits (limits.py) and against the stable version (comparing.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tidegate.judge.profile import ALPHA

if TYPE_CHECKING:
    from tidegate.judge.comparing import Judge


def make_judge(
    meta: Mapping[str, Any],
    profile: Mapping[str, float] | None = None,
    state: Mapping[str, Any] | None = None,
    alpha: float = ALPHA,
) -> Judge:
    """
    A judge for one rollout: `step(sample)` answers "continue", "hold" or "rollback", `reasons` says why.

    `meta` and samples as in docs/judgement.md; `profile`: what the site has taught (Profile); `state`: of a judge that
    was interrupted; `alpha`: its nominal rate of false rollbacks, e.g. a rehearsed one. SpecError when something cannot
    be read. Loads numpy: the rollback half never asks for it.
    """
    from tidegate.judge.comparing import make  # noqa: PLC0415  # numpy costs 0.1 s, and only this needs it

    return make(meta, profile, state, alpha)


def kayenta(
    config: Mapping[str, Any], thresholds: Mapping[str, float] | None, pairs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Kayenta's judgement of metric set pairs under a canary config, as its judge gives it (docs/foreign-judges.md)."""
    from tidegate.judge.foreign.kayenta.canary import kayenta as judged  # noqa: PLC0415  # only those who bring it

    return judged(config, thresholds, pairs)


def argo(metric: Mapping[str, Any], measurements: Sequence[Any], *, terminate: bool = False) -> dict[str, Any]:
    """Argo Rollouts' phase of one AnalysisTemplate metric after these measurements (docs/foreign-judges.md)."""
    from tidegate.judge.foreign.argo.runs import argo as assessed  # noqa: PLC0415  # only those who bring it

    return assessed(metric, measurements, terminate=terminate)
