"""What is wrong with the values of an environment, as a spec wants them. Pure; a secret's value is never shown."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from tidegate.language.identity import Variable

PLACEHOLDERS = ("your-*", "*your_*_here*", "changeme", "change-me", "*XXX*", "TODO*")
# How keys begin that open something; a name that is shown to everybody must not carry one.
KEYS = ("sk_live_", "sk-", "rk_live_", "AKIA", "ASIA", "ghp_", "gho_", "github_pat_", "xoxb-", "xoxp-", "-----BEGIN")
JWT = re.compile(r"eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]*")


@dataclass(frozen=True, slots=True)
class Held:
    """The variables of one source; a value is None where the source says only that there is one."""

    source: str
    values: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Rules:
    """Beside what the spec's variables want by themselves."""

    placeholders: Sequence[str] = PLACEHOLDERS
    extra: bool = True  # whether others than the spec's may be there
    public: Sequence[str] = ()  # names that everybody sees, as patterns
    weight: str = ""  # of the active step
    lengths: Mapping[str, float] = field(default_factory=dict)  # name -> bytes at least


def wrong(held: Held, wanted: Sequence[Variable], rules: Rules) -> Iterator[str]:
    """Each thing that is wrong, one line each."""
    for one in wanted:
        yield from _of_one(one, held.values, rules)
    names = {one.name for one in wanted}
    secret = {one.name for one in wanted if one.secret}
    for name, value in sorted(held.values.items()):
        if name not in names and not rules.extra:
            yield f"{name} is not in the spec"
        if value and (pattern := _placeholder(value, rules.placeholders)):
            yield f"{name} still holds a placeholder ({pattern})"
        if any(fnmatchcase(name, pattern) for pattern in rules.public) and (name in secret or _is_key(value or "")):
            yield f"{name} is shown to everybody and holds a secret"


def _of_one(one: Variable, values: Mapping[str, str | None], rules: Rules) -> Iterator[str]:
    if one.name not in values or values[one.name] == "":
        if one.required:
            yield f"{one.name} is {'empty' if one.name in values else 'missing'}"
        return
    value = values[one.name]
    expected = rules.weight if one.follows else one.value
    if value is None:
        if expected is not None:
            yield f"{one.name} cannot be read, so nobody knows whether it is {expected}"
        return
    if expected is not None and value != expected:
        yield f"{one.name} is {_shown(one, value)} instead of {expected}" + (
            ", the active step's weight" if one.follows else ""
        )
    elif said := _not_a(one.kind, value):
        yield f"{one.name} is {_shown(one, value)}, {said}"
    if len(value.encode()) < rules.lengths.get(one.name, 0):
        yield f"{one.name} is shorter than {rules.lengths[one.name]:g} bytes"


def _not_a(kind: str, value: str) -> str:
    match kind:
        case "url":
            try:
                parts = urlsplit(value)
                good = parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in value
            except ValueError:
                good = False
            return "" if good else "no URL of http or https"
        case "integer":
            return "" if re.fullmatch(r"-?\d{1,18}", value) else "no whole number"
        case "boolean":
            return "" if value in {"true", "false"} else "neither true nor false"
        case "percent":
            return "" if re.fullmatch(r"\d{1,3}", value) and int(value) <= 100 else "no whole number from 0 to 100"
        case _:
            return ""


def _placeholder(value: str, patterns: Sequence[str]) -> str:
    """Which one it is still; compared without regard to case, also behind `https://`."""
    low = value.lower()
    for pattern in patterns:
        if any(fnmatchcase(text, pattern.lower()) for text in (low, low.partition("://")[2])):
            return pattern
    return ""


def _is_key(value: str) -> bool:
    """Whether it looks like a key that opens something: a provider's own beginning, or a token for a service role."""
    if value.startswith(KEYS):
        return True
    token = JWT.fullmatch(value)
    if not token:
        return False
    try:
        told = json.loads(base64.urlsafe_b64decode(token[1] + "=" * (-len(token[1]) % 4)))
    except (ValueError, binascii.Error):
        return False
    return isinstance(told, dict) and "service" in str(told.get("role", ""))


def _shown(one: Variable, value: str) -> str:
    return "another value" if one.secret or _is_key(value) else repr(value[:80])
