"""
What a field of a spec or a connector holds, its default and its meaning, in the words of who writes the file. Pure.

From the models themselves: what is told here is what is read. Python's own names for types never appear.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from tidegate.language.base import MEASURE, NAME, NotInFile, Use
from tidegate.language.limits import Limit
from tidegate.language.moments import Moment, StepMoment
from tidegate.quantities import spoken

Model = type[BaseModel]
PLAIN: dict[type, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    dt.timedelta: "duration, e.g. 45m",
    dt.date: "date, e.g. 2026-02-11",
    dt.time: "clock time in quotes, e.g. '09:00'",
    Path: "path",
    SecretStr: "secret text",
    Limit: "limit with its operator, e.g. below 1 %",
    Moment: "Moment, e.g. {after: full, by: 24h}",
    StepMoment: "StepMoment, e.g. {day: 2, clock: '10:00'}",
    Use: "connector: `use: NAME` and its own fields",
}
PATTERNS = {NAME: "name", MEASURE: "metric's name"}
NOTHING = type(None)


def keys(model: Model) -> dict[str, FieldInfo]:
    """The fields of this model that a file may have."""
    return {
        name: field
        for name, field in model.model_fields.items()
        if not name.startswith("_") and not any(isinstance(mark, NotInFile) for mark in field.metadata)
    }


def holds(field: FieldInfo) -> str:
    """`whole number from 1 to 100`, `rollback or stay`, `a list of Gate`, `a list, each a name`."""
    return _words(field.annotation, field.metadata, alone=True)


def inside(field: FieldInfo) -> Model | None:
    """The model that a field holds, one or many of it."""
    waiting = [field.annotation]
    while waiting:
        found = waiting.pop()
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
        waiting.extend(one for one in get_args(found) if one not in (NOTHING, ...))
    return None


def is_table(field: FieldInfo) -> bool:
    """Whether names of one's own stand under it."""
    return get_origin(field.annotation) is dict


def default_of(field: FieldInfo) -> str:
    """As it would be written; "" when there is none, or when it is empty."""
    if field.is_required():
        return ""
    return _written(field.get_default(call_default_factory=True, validated_data={}))


def says(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def first_line(model: type | None) -> str:
    return ((model.__doc__ if model else "") or "").strip().split("\n")[0]


def _words(annotation: Any, marks: Any = (), *, alone: bool = False) -> str:
    """`alone`: not as an entry of something else; models and connectors get their article then."""
    marks = [*marks, *_marks(annotation)]
    if hasattr(annotation, "__metadata__"):
        return _words(get_args(annotation)[0], marks, alone=alone)
    origin, arms = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        told = [_words(one, marks, alone=alone) for one in arms if one is not NOTHING]
        return either(told)
    if origin is Literal:
        return either([str(one).lower() if isinstance(one, bool) else str(one) for one in arms])
    if origin in (tuple, list):
        return _list(arms[0])
    if origin is dict:
        named = "names" if _words(arms[0]) == "name" else "texts"
        return f"a mapping of {named} to {_words(arms[1])}"
    return _one(annotation, marks, alone=alone)


def _list(entry: Any) -> str:
    told = _words(entry)
    if isinstance(entry, type) and issubclass(entry, BaseModel) and not issubclass(entry, Use):
        return f"a list of {told}"
    return f"a list, each {f'one of {told}' if _chosen(entry) else article(told)}"


def _chosen(entry: Any) -> bool:
    bare = get_args(entry)[0] if hasattr(entry, "__metadata__") else entry
    return get_origin(bare) is Literal or (isinstance(bare, type) and issubclass(bare, Enum))


def _one(kind: Any, marks: list[Any], *, alone: bool) -> str:
    if not isinstance(kind, type):
        return "anything"
    if issubclass(kind, Enum):
        return either([str(one.value) for one in kind])
    if issubclass(kind, BaseModel):
        told = PLAIN.get(kind, kind.__name__)
        return article(told) if alone else told
    if kind is str:
        return next((word for word in _patterns(marks)), PLAIN[str])
    told = next((PLAIN[one] for one in kind.__mro__ if one in PLAIN), "text")
    return told + _range(marks) if issubclass(kind, int | float) and not issubclass(kind, bool | Limit) else told


def _marks(annotation: Any) -> Iterator[Any]:
    """What `Annotated` says of a type, that of `Field(...)` told apart."""
    for mark in getattr(annotation, "__metadata__", ()):
        yield from mark.metadata if isinstance(mark, FieldInfo) else (mark,)


def _patterns(marks: list[Any]) -> Iterator[str]:
    for mark in marks:
        if (pattern := getattr(mark, "pattern", None)) in PATTERNS:
            yield PATTERNS[pattern]


def _range(marks: list[Any]) -> str:
    found = {sign: getattr(mark, sign) for mark in marks for sign in ("ge", "gt", "le") if hasattr(mark, sign)}
    match found:
        case {"ge": least, "le": most}:
            return f" from {least:,} to {most:,}"
        case _:
            return "".join(f", {_SIGNS[sign]} {edge:,}" for sign, edge in found.items())


_SIGNS = {"ge": "at least", "gt": "above", "le": "at most"}


def either(words: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)


def article(word: str) -> str:
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"


def _written(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case dt.timedelta():
            return spoken(value)
        case Enum():
            return str(value.value)
        case tuple() | list():
            return ", ".join(_written(one) for one in value)
        case BaseModel():
            # what is written of it; a part that is its own default says nothing
            stated = {name: getattr(value, name) for name in type(value).model_fields if name in value.model_fields_set}
            return _written(stated)
        case dict():
            told = ", ".join(f"{name}: {_written(one)}" for name, one in value.items())
            return f"{{{told}}}" if told else ""
        case _:
            return str(value)
