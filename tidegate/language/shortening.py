"""Compressed time: a part of a spec with its own waits divided, everything else as it stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel

from tidegate.language.base import Machine, NotBelow, People

M = TypeVar("M", bound=BaseModel)


def shortened(part: M, n: int) -> M:
    """Every duration of this part and its parts divided by n, unless its type says whose time it is."""
    changed: dict[str, Any] = {}
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        made = _shorter(value, n, field.metadata)
        if made is not value:
            changed[name] = made
    return part.model_copy(update=changed) if changed else part


def _shorter(value: Any, n: int, marks: list[Any]) -> Any:
    if isinstance(value, timedelta):
        if any(isinstance(mark, Machine | People) for mark in marks):
            return value
        floor = next((mark.floor for mark in marks if isinstance(mark, NotBelow)), timedelta(0))
        return max(value / n, min(value, floor))
    if isinstance(value, BaseModel):
        return shortened(value, n)
    if isinstance(value, tuple) and value:
        made = tuple(_shorter(one, n, marks) for one in value)
        return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
    if isinstance(value, dict) and value:
        return {key: _shorter(one, n, []) for key, one in value.items()}
    return value
