"""Every connector that a spec names, wherever it stands, with its path. Pure: nothing is connected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from tidegate.language.base import Use
from tidegate.spec import Spec


def connectors(spec: Spec) -> Iterator[tuple[str, Use]]:
    """Path and `use:` of each, e.g. `checks.api-smoke.check`; entries of lists by their name where they have one."""
    yield from _below(spec, "")


def needed_by(spec: Spec) -> dict[str, list[str]]:
    """Connector -> every place that needs it, both in order."""
    found: dict[str, list[str]] = {}
    for where, use in connectors(spec):
        found.setdefault(use.use, []).append(where)
    return dict(sorted(found.items()))


def _below(value: Any, where: str) -> Iterator[tuple[str, Use]]:
    if isinstance(value, Use):
        yield where, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _below(getattr(value, name), f"{where}.{name}".lstrip("."))
    elif isinstance(value, tuple):
        for at, one in enumerate(value):
            yield from _below(one, f"{where}.{_called(one, at)}")
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _below(one, f"{where}.{name}")


def _called(one: Any, at: int) -> str:
    """What an entry of a list is called by: its own name, else its number, counted from 0."""
    return str(getattr(one, "name", None) or getattr(one, "act", None) or at)
