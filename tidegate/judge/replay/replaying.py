"""What a judge would have said of stored measurements, look by look; and where two judges part."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tidegate.errors import SpecError
from tidegate.judge.profile import ALPHA
from tidegate.judge.replay.measurements import Measurements

Maker = Callable[[Mapping[str, Any]], "Steps"]


class Steps(Protocol):
    """Any judge that is driven look by look."""

    def step(self, sample: Mapping[str, Any]) -> str:
        """continue, hold or rollback."""


@dataclass(frozen=True, slots=True)
class Point:
    """One look: seconds, share, the word, how near a rollback was (1: there; None: the judge does not say)."""

    t: float
    share: float
    word: str
    strength: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Replay:
    """A policy's answers; `ended`: the look that rolled back, None when none did."""

    policy: str
    points: tuple[Point, ...]

    @property
    def ended(self) -> Point | None:
        return next((one for one in self.points if one.word == "rollback"), None)

    @property
    def held(self) -> int:
        """Looks that held the step."""
        return sum(one.word == "hold" for one in self.points)


def policy_of(told: str, files: Callable[[str], str]) -> Maker:
    """
    `sequential`, `sequential:0.01` (another nominal rate of false rollbacks), `argo[:FILE]` or `kayenta[:FILE]`.

    FILE is JSON: an AnalysisTemplate's metrics, or a canary config. SpecError for another word.
    """
    name, _, extra = told.partition(":")
    if name == "sequential":
        from tidegate.judge.comparing import make  # noqa: PLC0415  # numpy, when it is asked for

        alpha = _rate(extra, told) if extra else ALPHA
        return lambda meta: make(meta, alpha=alpha)
    if name == "argo":
        from tidegate.judge.foreign.argo.stream import ArgoJudge  # noqa: PLC0415

        if extra:
            metrics = _json(extra, files)
            return lambda meta: ArgoJudge(meta, metrics=metrics)
        return ArgoJudge
    if name == "kayenta":
        from tidegate.judge.foreign.kayenta.stream import KayentaJudge  # noqa: PLC0415

        if extra:
            config = _json(extra, files)
            return lambda meta: KayentaJudge(meta, config=config)
        return KayentaJudge
    raise SpecError(f"no policy {told!r}", "sequential, sequential:0.01, argo, argo:FILE, kayenta or kayenta:FILE")


def _rate(told: str, whole: str) -> float:
    try:
        rate = float(told)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1:
        raise SpecError(f"policy {whole!r}: {told!r} is no rate", "a number between 0 and 1, e.g. sequential:0.01")
    return rate


def _json(path: str, files: Callable[[str], str]) -> Any:
    try:
        return json.loads(files(path))
    except ValueError as wrong:
        raise SpecError(
            f"{path}: this is no JSON ({wrong})", "metrics of an AnalysisTemplate, or a canary config"
        ) from None


def replay(told: Measurements, policy: str, maker: Maker, name: str) -> Replay:
    """Every look to the first rollback; a look that cannot be read is named with its number."""
    judge, points = maker(told.meta), []
    for at, sample in enumerate(told.samples, 1):
        try:
            word = judge.step(sample)
        except SpecError as wrong:
            raise SpecError(f"{name}: sample {at}: {wrong}", wrong.advice) from None
        strength = getattr(judge, "strength", None)
        reasons = getattr(judge, "reasons", None) or ()
        points.append(Point(float(sample["t"]), float(sample["share"]), word, strength, "; ".join(reasons)))
        if word == "rollback":
            break
    return Replay(policy, tuple(points))


def differences(one: Replay, other: Replay) -> list[str]:
    """Where the two say different words, as stretches of time, a line each."""
    lines: list[str] = []
    began: Point | None = None
    words = ("", "")
    for a, b in zip(one.points, other.points, strict=False):
        now = (a.word, b.word)
        if now != words:
            if began is not None and words[0] != words[1] and a.t > began.t:
                lines.append(_stretch(began, a, words, one, other))
            began, words = a, now
    last = min(one.points[-1].t, other.points[-1].t)
    if began is not None and words[0] != words[1] and last > began.t:
        lines.append(_stretch(began, one.points[-1], words, one, other))
    ends = {r.policy: r.ended for r in (one, other)}
    for policy, end in ends.items():
        if end is not None and any(e is None or e.t > end.t for e in ends.values()):
            lines.append(f"{clock(end.t)}: {policy} rolls back, the other goes on")
    return lines


def _stretch(since: Point, until: Point, words: tuple[str, str], one: Replay, other: Replay) -> str:
    return f"{clock(since.t)} to {clock(until.t)}: {one.policy} says {words[0]}, {other.policy} says {words[1]}"


def clock(seconds: float) -> str:
    """`1d 02:03:04`, `02:03:04`."""
    days, rest = divmod(int(seconds), 86400)
    told = f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    return f"{days}d {told}" if days else told
