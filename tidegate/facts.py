"""
What a check's words may name of the release at hand: `{version}`, `{url}` and their like.

`{date}` is the day on which the release was begun, in the spec's zone, also as `{date:%Y%m%d}`; `{previous}` the
version that ran before it. A value comes from outside (a tag, a platform's answer) and goes into arguments and
addresses, so it can never be read as an option, and it holds nothing that ends a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from tidegate.errors import Denied

NAMES = ("component", "digest", "release", "system", "url", "version", "date", "previous")
LONGEST = 2000
_NAMED = re.compile(r"\{(?:([a-z_]+)|date:([%A-Za-z0-9_.-]+))\}")  # {version}, {date:%Y%m%d}


def named(text: str) -> list[str]:
    """Which facts a text names; ValueError for a name that is none. `{"a": 1}` and `{print $1}` name nothing."""
    found = [name or "date" for name, _ in _NAMED.findall(text)]
    for name in found:
        if name not in NAMES:
            known = ", ".join(f"{{{known}}}" for known in NAMES)
            raise ValueError(f"{{{name}}} is not known here; {known} are filled in")
    return found


def filled(text: str, facts: Mapping[str, str]) -> str:
    """The text with its facts; Denied for one that is not known yet, and for one that could be taken for more."""

    def value(found: re.Match[str]) -> str:
        return fact(found[1], facts) if found[1] else date.fromisoformat(fact("date", facts)).strftime(found[2])

    return _NAMED.sub(value, text)


def fact(name: str, facts: Mapping[str, str]) -> str:
    """One fact's value, fit to be an argument."""
    value = facts.get(name, "")
    if not value:
        raise Denied(f"{{{name}}} is not known at this point of a release")
    if value.startswith("-"):
        raise Denied(f"{name} is {value[:60]!a}; a value that begins with a dash could be taken for an option")
    if not value.isprintable() or len(value) > LONGEST:
        raise Denied(f"{name} is {value[:60]!a}; a value is one line of at most {LONGEST:,} visible characters")
    return value
