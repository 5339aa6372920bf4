"""A limit with its operator: `below 1 %`, `above 5 %`, `at least 3 count`, `at most baseline + 5 %`."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, InstanceOf, PlainSerializer, WithJsonSchema

from tidegate.quantities import NUMBER, UNIT, quantity


class Op(StrEnum):
    BELOW = "below"
    AT_MOST = "at most"
    ABOVE = "above"
    AT_LEAST = "at least"


SIGNS = {"<": Op.BELOW, "<=": Op.AT_MOST, ">": Op.ABOVE, ">=": Op.AT_LEAST}
_LIMIT = re.compile(r"(below|at most|above|at least|<=|>=|<|>)\s*(?:(baseline)\s*([+-]|x)\s*)?(.+)", re.DOTALL)


_WRITTEN = rf"baseline\s*[+-]\s*{NUMBER}\s*%|baseline\s*x\s*{NUMBER}|{NUMBER}{UNIT}"


class Limit(float):
    """
    A number with its operator. As a float it is the bare number, in base units (rate, seconds, bytes).

    `relative`: the number is a share of the stored baseline (0.05 for `baseline + 5 %`), or its multiple for `x`.
    """

    op: Op
    said: str
    relative: str  # "", "+", "-" or "x"

    def __new__(cls, value: float, op: Op, said: str = "", relative: str = "") -> Self:
        made = super().__new__(cls, value)
        made.op, made.said, made.relative = op, said or f"{op} {value:g}", relative
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (float(self), self.op, self.said, self.relative)

    def __repr__(self) -> str:
        return f"Limit({self.said!r})"

    def holds(self, value: float, baseline: float | None = None) -> bool:
        """Whether `value` satisfies this; a relative limit without a baseline is never satisfied (no data)."""
        edge = float(self)
        if self.relative:
            if baseline is None:
                return False
            by = {"+": 1 + edge, "-": 1 - edge, "x": edge}[self.relative]
            edge = baseline * by
        match self.op:
            case Op.BELOW:
                return value < edge
            case Op.AT_MOST:
                return value <= edge
            case Op.ABOVE:
                return value > edge
            case Op.AT_LEAST:
                return value >= edge

    def turned(self) -> Limit:
        """The same number from its other side: what does not satisfy this one."""
        other = {Op.BELOW: Op.AT_LEAST, Op.AT_MOST: Op.ABOVE, Op.ABOVE: Op.AT_MOST, Op.AT_LEAST: Op.BELOW}
        return Limit(float(self), other[self.op], "", self.relative)

    @property
    def unit(self) -> str:
        """What its number is written in: `%`, `s` (any time), `B` (any size), or ""."""
        if self.relative:
            return ""
        last = self.said.split()[-1].lstrip("0123456789.")
        return {"%": "%", "ms": "s", "s": "s", "m": "s", "h": "s"}.get(last, "B" if last.endswith("B") else "")

    @property
    def upper(self) -> bool:
        """Whether smaller values satisfy it."""
        return self.op in (Op.BELOW, Op.AT_MOST)


def limit(value: Any) -> Limit:
    """ValueError says which words there are."""
    if isinstance(value, Limit):
        return value
    text = " ".join(str(value).split())
    found = _LIMIT.fullmatch(text)
    if not found:
        words = ", ".join(str(op) for op in Op)
        raise ValueError(f"{str(value)[:60]!r} has no operator; write one of {words} before the number, e.g. below 1 %")
    op = SIGNS.get(found[1]) or Op(found[1])
    if found[3] == "x":
        return Limit(_times(found[4]), op, f"{op} baseline x {found[4].strip()}", "x")
    number = quantity(found[4])
    if found[2] and "%" not in found[4]:
        allowed = "what is added to a baseline is a share of it, in %; a multiple is `baseline x 3`"
        raise ValueError(f"{text[:60]!r}: {allowed}")
    sign = found[3] or ""
    said = f"{op} baseline {sign} {found[4]}" if sign else f"{op} {found[4]}"
    return Limit(number, op, said, sign)


def _times(text: str) -> float:
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text):  # `nan` and `inf` are floats: no value would ever be beyond them
        raise ValueError(f"{text[:60]!r} is no multiple; write e.g. above baseline x 3")
    return float(text)


AnyLimit = Annotated[
    InstanceOf[Limit],
    BeforeValidator(limit),
    PlainSerializer(lambda one: one.said, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^\s*(below|at\s+most|above|at\s+least|<=?|>=?)\s*({_WRITTEN})\s*$",
            "description": "an operator and a number with its unit, e.g. below 1 %, at least 3 count",
        }
    ),
]
