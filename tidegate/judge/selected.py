"""
The judge that a spec chose for the comparison: Tidegate's own, or the rules that a team brings along.

All answer alike: `step(sample)` with a bare word, `reasons` with sentences, `strength` in parts of what a rollback
needs, `asked` with the new version's requests so far, `state()` with what a successor needs. Rules that were brought
keep the verdicts of their sources, also where these are known to be blind or jumpy (docs/foreign-judges.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from tidegate.judge.profile import ALPHA

Word = Literal["continue", "hold", "rollback"]
Policy = Mapping[str, Any]  # {judge, alpha, profile} or {judge: argo|kayenta, rules}, as JSON has it


class Selected(Protocol):
    """What the watch asks of a judge."""

    reasons: list[str]

    @property
    def word(self) -> Word: ...

    @property
    def strength(self) -> float: ...

    @property
    def asked(self) -> int: ...

    def step(self, sample: Mapping[str, Any]) -> Word: ...

    def state(self) -> dict[str, Any]: ...


def selected(policy: Policy, meta: Mapping[str, Any], state: Mapping[str, Any] | None = None) -> Selected:
    """The judge of this policy for the rollout of `meta`; SpecError for rules that cannot be used."""
    if policy.get("judge", "sequential") in ("argo", "kayenta"):
        return _Brought(policy["judge"], policy.get("rules") or {}, meta, state)
    from tidegate.judge.comparing import make  # noqa: PLC0415  # numpy costs 0.1 s, and only this needs it

    return make(meta, policy.get("profile") or {}, state, policy.get("alpha", ALPHA))


def refuse_bad_rules(judge: str, rules: Mapping[str, Any]) -> None:
    """Before a release begins: SpecError for rules that this judge cannot use, with their path."""
    _brought(judge, rules, {"edges": [0.0, 0.1, 1.0, float("inf")], "bin_seconds": 1.0})


def _brought(judge: str, rules: Mapping[str, Any], meta: Mapping[str, Any]) -> Any:
    if judge == "argo":
        from tidegate.judge.foreign.argo.stream import ArgoJudge  # noqa: PLC0415  # only those who bring it

        return ArgoJudge(meta, **_named(rules, "argo", ("metrics", "dry_run")))
    from tidegate.judge.foreign.kayenta.stream import KayentaJudge  # noqa: PLC0415  # only those who bring it

    # Without stages: a release rests, waits and is approved, so its end is the last bake's, not a sum of minutes.
    told = _named(rules, "kayenta", ("config", "interval", "lookback", "delay", "passing", "marginal"))
    return KayentaJudge({key: value for key, value in meta.items() if key != "stages"}, **told)


def _named(rules: Mapping[str, Any], judge: str, names: tuple[str, ...]) -> dict[str, Any]:
    from tidegate.judge.foreign.reading import known  # noqa: PLC0415  # only those who bring them

    known(rules, f"comparison.{judge}", names)
    return dict(rules)


class _Brought:
    """Argo's or Kayenta's judge, answering as Tidegate's own does."""

    def __init__(
        self, name: str, rules: Mapping[str, Any], meta: Mapping[str, Any], state: Mapping[str, Any] | None
    ) -> None:
        self.name, self.judge = name, _brought(name, rules, meta)
        self.word: Word = "continue"
        self.asked, self.reasons = 0, [f"{name}: nothing is judged yet"]
        if state is not None:
            self.judge.restore(state["judge"])
            self.word, self.asked, self.reasons = state["word"], state["asked"], list(state["reasons"])

    @property
    def strength(self) -> float:
        return {"rollback": 1.0, "hold": 0.5}.get(self.word, 0.0)

    def step(self, sample: Mapping[str, Any]) -> Word:
        self.asked += int(sum(sample["new"]["requests"]))
        if self.word != "rollback":
            self.word = self.judge.step(sample)
            self.reasons = [self._told()]
        return self.word

    def state(self) -> dict[str, Any]:
        return {"judge": self.judge.state(), "word": self.word, "asked": self.asked, "reasons": self.reasons}

    def _told(self) -> str:
        if self.name == "argo":
            run = self.judge.status
            counted = "; ".join(
                f"{one['name']} {one['phase']}, {one['successful']} of {one['count']} successful"
                for one in run["metricResults"]
            )
            why = f": {run['message']}" if run["message"] else ""
            return f"argo: {run['phase']}{why} ({counted or 'not measured yet'})"
        if not self.judge.result:
            return "kayenta: nothing is judged yet"
        score = self.judge.result["score"]
        why = f", {score['classificationReason']}" if score.get("classificationReason") else ""
        return f"kayenta: {score['classification']}, score {score['score']:.0f}{why}"
