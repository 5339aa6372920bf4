"""
Reads what people wrote for another judge, strictly.

Every refusal is a SpecError of one form: the path, what was found there, what is allowed there. Numbers may be written
as text, because both projects' own files do so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

from tidegate.errors import SpecError

SHOWN = 60  # characters of a wrong value that an error repeats
_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def refused(path: str, value: object, allowed: str) -> SpecError:
    """The error for a value that cannot be used; the caller raises it."""
    shown = repr(value)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    return SpecError(f"{path}: found {shown}; allowed: {allowed}")


def mapping(value: object, path: str) -> Mapping[str, Any]:
    """A mapping with text keys; None reads as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise refused(path, value, "a mapping")
    return value


def listing(value: object, path: str) -> Sequence[Any]:
    """A list or tuple, or an array with a `tolist`; None reads as an empty one."""
    if value is None:
        return ()
    if callable(convert := getattr(value, "tolist", None)):
        value = convert()
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise refused(path, value, "a list")
    return value


def known(value: Mapping[str, Any], path: str, names: Iterable[str]) -> None:
    """Refuse keys that nobody reads: a misspelt one would be passed over in silence."""
    allowed = sorted(names)
    for key in value:
        if key not in allowed:
            raise refused(f"{path}.{key}", value[key], f"no such key; known here are {', '.join(allowed)}")


def text(value: object, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise refused(path, value, "text")
    return value


def word(value: object, path: str, allowed: Iterable[str], default: str) -> str:
    """One of `allowed`, or the default where nothing is written."""
    if value is None:
        return default
    choices = tuple(allowed)
    if value not in choices:
        raise refused(path, value, ", ".join(choices))
    return str(value)


def flag(value: object, path: str, default: bool = False) -> bool:
    """True or false; the words "true" and "false" are read, too."""
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise refused(path, value, "true or false")


def number(value: object, path: str, default: float | None = None, allowed: str = "a finite number") -> float:
    """A finite number, or text that is one; without a default it has to be written."""
    if value is None and default is not None:
        return default
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    if not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value):
        return float(value)
    raise refused(path, value, allowed)


def whole(value: object, path: str, default: int = 0) -> int:
    """A whole number, or text that is one."""
    if value is None:
        return default
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise refused(path, value, "a whole number")
