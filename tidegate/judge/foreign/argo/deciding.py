"""
Decides a condition on one result, by walking its tree.

The values are Python's, the rules Go's: an element that is not there is an error, a key that is not there is nil, and
what stands where a boolean is wanted has to be one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tidegate.judge.foreign.argo.functions import PLAIN, is_number, listed
from tidegate.judge.foreign.argo.kinds import PREDICATES, kind_of
from tidegate.judge.foreign.argo.operators import paired, signed
from tidegate.judge.foreign.argo.tokens import ConditionError
from tidegate.judge.foreign.argo.tree import (
    Call,
    Choice,
    Constant,
    Listed,
    Mapped,
    Member,
    Name,
    Node,
    Pairing,
    Part,
    Sign,
)

MOST_STEPS = 200_000  # predicates inside predicates end here


class Decider:
    """One walk over one tree; `result` is what the measurement returned."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.steps = 0
        self.elements: list[tuple[int, Any]] = []  # what the predicates around this part look at

    def value(self, node: Node) -> Any:  # noqa: C901 - one arm for each node of the tree
        """The value of this part of the tree; ConditionError where it has none."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise ConditionError(f"not decided after {MOST_STEPS} steps")
        match node:
            case Constant(value):
                return value
            case Name(name):
                return self._named(name)
            case Member(of, key, optional):
                whole = self.value(of)
                return None if optional and whole is None else _member(whole, self.value(key))
            case Part(of, low, high):
                return _part(self.value(of), *(None if end is None else self.value(end) for end in (low, high)))
            case Call(called, arguments):
                return self._called(called.name if isinstance(called, Name) else "", arguments)
            case Sign(sign, of):
                return signed(sign, self.value(of))
            case Pairing(sign, left, right):
                return self._paired(sign, left, right)
            case Choice(condition, yes, no):
                return self.value(yes if self.truth(condition) else no)
            case Listed(items):
                return [self.value(item) for item in items]
            case Mapped(items):
                return {str(self.value(key)): self.value(value) for key, value in items}

    def truth(self, node: Node) -> bool:
        value = self.value(node)
        if not isinstance(value, bool):
            raise ConditionError(f"expected bool, but got {kind_of(value)}")
        return value

    def _named(self, name: str) -> Any:
        if name == "result":
            return self.result
        if name.startswith("#") and self.elements:
            place, element = self.elements[-1]
            return place if name == "#index" else element
        raise ConditionError(f"unknown name {name}")

    def _paired(self, sign: str, left: Node, right: Node) -> Any:
        if sign == "&&":
            return self.truth(left) and self.truth(right)
        if sign == "||":
            return self.truth(left) or self.truth(right)
        if sign == "??":
            value = self.value(left)
            return self.value(right) if value is None else value
        return paired(sign, self.value(left), self.value(right))

    def _called(self, name: str, arguments: tuple[Node, ...]) -> Any:
        if name in PREDICATES:
            return self._predicate(name, arguments)
        values = [self.value(argument) for argument in arguments]
        if name == "isNil":  # of the whole result, whatever the argument: the source has it so
            return self.result is None
        if name == "default":
            return values[1] if self.result is None else self.result
        try:
            return PLAIN[name](*values)
        except KeyError:
            raise ConditionError(f"unknown name {name}") from None

    def _predicate(self, name: str, arguments: tuple[Node, ...]) -> Any:
        items = listed(name, self.value(arguments[0]))
        found = [self._of(arguments[1], place, item) for place, item in enumerate(items)] if arguments[1:] else items
        if name == "map":
            return found
        if name == "sum":
            return _sum(found)
        hits = [place for place, hit in enumerate(found) if _hit(name, hit)]
        return {
            "all": len(hits) == len(items),
            "any": bool(hits),
            "none": not hits,
            "one": len(hits) == 1,
            "count": len(hits),
            "filter": [items[place] for place in hits],
            "find": items[hits[0]] if hits else None,
            "findIndex": hits[0] if hits else -1,
        }[name]

    def _of(self, predicate: Node, place: int, item: Any) -> Any:
        self.elements.append((place, item))
        try:
            return self.value(predicate)
        finally:
            self.elements.pop()


def _hit(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConditionError(f"predicate of {name} should return bool (got {kind_of(value)})")
    return value


def _sum(values: list[Any]) -> Any:
    if not all(is_number(value) for value in values):
        raise ConditionError("sum takes only numbers")
    return sum(values)


def _member(whole: Any, key: Any) -> Any:
    if isinstance(whole, Mapping):
        return whole.get(key)
    if isinstance(whole, list) and is_number(key) and math.isfinite(key):
        place = int(key)
        if not -len(whole) <= place < len(whole):
            guard = ": the result is empty, guard with len(result) > 0" if not whole else ""
            raise ConditionError(f"index out of range: {place} (array length is {len(whole)}){guard}")
        return whole[place]
    raise ConditionError(f"cannot fetch {key} from {kind_of(whole)}")


def _part(whole: Any, low: Any, high: Any) -> Any:
    if not isinstance(whole, list | str) or not all(end is None or is_number(end) for end in (low, high)):
        raise ConditionError(f"cannot slice {kind_of(whole)}")
    return whole[None if low is None else int(low) : None if high is None else int(high)]
