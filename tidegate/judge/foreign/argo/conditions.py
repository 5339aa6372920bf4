"""
From one result to the phase of its measurement.

Source: argo-rollouts, utils/evaluate/evaluate.go (0b95b276; the wording of errors on empty results is ours).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from tidegate.judge.foreign.argo.deciding import Decider
from tidegate.judge.foreign.argo.kinds import check, kind_of
from tidegate.judge.foreign.argo.syntax import parse
from tidegate.judge.foreign.argo.tokens import ConditionError


class Phase(StrEnum):
    """Where a measurement, a metric or a run stands; from Successful on in the order of getting worse."""

    SUCCESSFUL = "Successful"
    RUNNING = "Running"
    PENDING = "Pending"
    INCONCLUSIVE = "Inconclusive"
    ERROR = "Error"
    FAILED = "Failed"

    @property
    def completed(self) -> bool:
        return self not in {Phase.RUNNING, Phase.PENDING}


def eval_condition(result: Any, condition: str) -> bool:
    """
    Whether `condition` holds for `result`, which it calls by that name.

    `result` is what a metrics source returned: None, a bool, number, text, list or mapping of these. Raises
    ConditionError for what cannot be read, fits no kinds, reaches past a list's end or is no bool at the end.
    """
    plain = _plain(result)
    node = parse(condition)
    check(node, kind_of(plain))
    value = Decider(plain).value(node)
    if not isinstance(value, bool):
        raise ConditionError(f"expected bool, but got {kind_of(value)}")
    return value


def evaluate_result(result: Any, success: str = "", failure: str = "") -> tuple[Phase, str]:
    """
    The phase of a measurement and, for an Error, why. An empty condition is none.

    Without both, every result is Successful; with one, the other is its opposite; with both, failure comes first and
    neither is Inconclusive. Conditions are decided on NaN as Go compares it: every comparison is false.
    """
    try:
        succeeded = eval_condition(result, success) if success else None
        failed = eval_condition(result, failure) if failure else None
    except ConditionError as error:
        return Phase.ERROR, str(error)
    if failed is None:
        failed = succeeded is False
    if succeeded is None:
        succeeded = not failed
    if failed:
        return Phase.FAILED, ""
    return (Phase.SUCCESSFUL if succeeded else Phase.INCONCLUSIVE), ""


def _plain(value: Any) -> Any:
    """Lists and mappings of the plain kinds; anything else is no result."""
    if callable(convert := getattr(value, "tolist", None)):
        value = convert()
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ConditionError(f"a result of kind {type(value).__name__}") from None


def shown(value: Any) -> str:
    """A result as a measurement shows it: short, and NaN as Go writes it."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else "+Inf" if value == math.inf else f"{value:g}"
    if isinstance(value, list | tuple):
        return f"[{','.join(shown(one) for one in value)}]"
    return str(value)
