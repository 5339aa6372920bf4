"""The parts of a condition, as frozen values; syntax.py makes them, deciding.py walks them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constant:
    value: object


@dataclass(frozen=True, slots=True)
class Name:
    """A variable; `#` is the element that a predicate looks at, `#index` its place."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """`of.key` and `of[key]`; `optional` is `?.`, which is nil where `of` is nil."""

    of: Node
    key: Node
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """`of[low:high]`."""

    of: Node
    low: Node | None
    high: Node | None


@dataclass(frozen=True, slots=True)
class Call:
    called: Node
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Sign:
    sign: str
    of: Node


@dataclass(frozen=True, slots=True)
class Pairing:
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Choice:
    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class Listed:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapped:
    items: tuple[tuple[Node, Node], ...]


Node = Constant | Name | Member | Part | Call | Sign | Pairing | Choice | Listed | Mapped
