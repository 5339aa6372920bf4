"""
What the operators of a condition make of two values, by Go's rules.

A boolean is no number, NaN is never equal or above, and dividing by zero is infinite.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from tidegate.judge.foreign.argo.functions import is_number
from tidegate.judge.foreign.argo.kinds import kind_of
from tidegate.judge.foreign.argo.tokens import ConditionError

LONGEST_RANGE = 100_000


def signed(sign: str, value: Any) -> Any:
    if sign == "!" and isinstance(value, bool):
        return not value
    if sign != "!" and is_number(value):
        return -value if sign == "-" else value
    raise ConditionError(f"invalid operation: {sign}{kind_of(value)}")


def same(left: Any, right: Any) -> bool:
    """Equal as Go has it: kinds first, numbers by value, lists and maps by what is in them."""
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    return type(left) is type(right) and left == right


def paired(sign: str, left: Any, right: Any) -> Any:
    """What an operator makes of two values; ConditionError for kinds that it cannot bring together."""
    if sign in {"==", "!="}:
        return same(left, right) is (sign == "==")
    if sign == "in":
        return _inside(left, right)
    if is_number(left) and is_number(right):
        return _of_numbers(sign, left, right)
    if isinstance(left, str) and isinstance(right, str):
        return _of_texts(sign, left, right)
    raise ConditionError(f"invalid operation: {kind_of(left)} {sign} {kind_of(right)}")


def _inside(left: Any, right: Any) -> bool:
    if isinstance(right, list):
        return any(same(left, one) for one in right)
    if isinstance(right, Mapping):
        return isinstance(left, str) and left in right
    raise ConditionError(f'operator "in" not defined on {kind_of(right)}')


def _of_numbers(sign: str, left: Any, right: Any) -> Any:
    match sign:
        case "<" | ">" | "<=" | ">=":
            return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[sign]
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return _divided(float(left), float(right))
        case "**" | "^":
            return _power(float(left), float(right))
        case "%" if isinstance(left, int) and isinstance(right, int) and right:
            return int(math.fmod(left, right))
        case ".." if abs(right - left) < LONGEST_RANGE:
            return list(range(int(left), int(right) + 1))
    raise ConditionError(f"invalid operation: {left} {sign} {right}")


def _divided(left: float, right: float) -> float:
    if right:
        return left / right
    if not left or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def _of_texts(sign: str, left: str, right: str) -> Any:
    match sign:
        case "<" | ">" | "<=" | ">=":
            return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[sign]
        case "+":
            return left + right
        case "contains":
            return right in left
        case "startsWith":
            return left.startswith(right)
        case "endsWith":
            return left.endswith(right)
        case "matches":
            try:
                return re.search(right, left) is not None
            except re.error as error:
                raise ConditionError(f"not a regular expression: {right} ({error})") from None
    raise ConditionError(f"invalid operation: string {sign} string")
