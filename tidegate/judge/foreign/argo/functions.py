"""
The functions that a condition may call, on plain Python values.

asInt, asFloat, isNaN, isInf are Argo Rollouts' own (utils/evaluate/evaluate.go); the rest are expr's builtins. Numbers
are int and float, nil is None; whatever a function cannot take is a ConditionError.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from tidegate.judge.foreign.argo.kinds import kind_of
from tidegate.judge.foreign.argo.tokens import ConditionError

_INT = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity)|nan", re.IGNORECASE)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def wrong(name: str, value: object) -> ConditionError:
    return ConditionError(f"{name}() is not supported on {kind_of(value)} {value!r}"[:200])


def as_int(value: Any) -> int:
    """Numbers are cut towards zero; text has to be a whole number."""
    if isinstance(value, str):
        if not _INT.fullmatch(value):
            raise ConditionError(f'asInt: parsing "{value}": invalid syntax')
        return int(value)
    if not is_number(value) or not math.isfinite(value):
        raise wrong("asInt", value)
    return int(value)


def as_float(value: Any) -> float:
    """Numbers, and text that is one ("NaN" and "Inf" are)."""
    if isinstance(value, str):
        if not _FLOAT.fullmatch(value):
            raise ConditionError(f'strconv.ParseFloat: parsing "{value}": invalid syntax')
        return float(value)
    if not is_number(value):
        raise wrong("asFloat", value)
    return float(value)


def number(name: str, value: Any) -> float:
    if not is_number(value):
        raise ConditionError(f"cannot use {kind_of(value)} as argument (type float64) to call {name}")
    return float(value)


def listed(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ConditionError(f"builtin {name} takes only an array (got {kind_of(value)})")
    return value


def length(value: Any) -> int:
    if not isinstance(value, str | list | Mapping):
        raise ConditionError(f"invalid argument for len (type {kind_of(value)})")
    return len(value)


def _numbers(name: str, values: tuple[Any, ...]) -> list[float]:
    flat = [one for value in values for one in (value if isinstance(value, list) else [value])]
    for one in flat:
        number(name, one)
    return flat


def _extreme(name: str, pick: Callable[[list[float]], float], values: tuple[Any, ...]) -> float:
    flat = _numbers(name, values)
    if not flat:
        raise ConditionError(f"not enough arguments to call {name}")
    return math.nan if any(math.isnan(one) for one in flat) else pick(flat)


def _mean(*values: Any) -> float:
    flat = _numbers("mean", values)
    return math.fsum(flat) / len(flat) if flat else 0.0


def _rounded(value: Any) -> float:
    """Halves away from zero, as Go has it."""
    given = number("round", value)
    return math.copysign(math.floor(abs(given) + 0.5), given) if math.isfinite(given) else given


def _cut(name: str, cut: Callable[[float], int], value: Any) -> float:
    given = number(name, value)
    return float(cut(given)) if math.isfinite(given) else given


def _end(name: str, place: int, value: Any) -> Any:
    items = listed(name, value)
    return items[place] if items else None


def _text(name: str, change: Callable[[str], str], value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(name, value)
    return change(value)


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def _pairs(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong(name, value)
    return value


# isNil and default know the measurement's whole result and stand in deciding.py.
PLAIN: dict[str, Callable[..., Any]] = {
    "asInt": as_int,
    "asFloat": as_float,
    "isNaN": lambda value: math.isnan(number("isNaN", value)),
    "isInf": lambda value: math.isinf(number("isInf", value)),
    "len": length,
    "min": lambda *values: _extreme("min", min, values),
    "max": lambda *values: _extreme("max", max, values),
    "mean": _mean,
    "median": lambda *values: median(_numbers("median", values) or [0.0]),
    "abs": lambda value: abs(value if is_number(value) else number("abs", value)),
    "ceil": lambda value: _cut("ceil", math.ceil, value),
    "floor": lambda value: _cut("floor", math.floor, value),
    "round": _rounded,
    "int": as_int,
    "float": as_float,
    "string": _string,
    "first": lambda value: _end("first", 0, value),
    "last": lambda value: _end("last", -1, value),
    "keys": lambda value: list(_pairs("keys", value)),
    "values": lambda value: list(_pairs("values", value).values()),
    "trim": lambda value: _text("trim", str.strip, value),
    "upper": lambda value: _text("upper", str.upper, value),
    "lower": lambda value: _text("lower", str.lower, value),
}
