"""
One feature flag in flagd's own format: the share and the groups that get the new version, sides and mark beside them.

The share is flagd's `fractional`, by which the same user stays on one side while it grows. Sides and mark stand in the
flag's metadata, as text, since flagd allows nothing deeper there. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.errors import NotUnderstood
from tidegate.traffic import Mark, Setting, Side, Split

SCHEMA = "https://flagd.dev/schema/v0/flags.json"
ON, OFF = "on", "off"
OURS = "tidegate"  # the metadata's name
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"  # of a flag
GROUP = "group"  # of the evaluation context: which group a user belongs to


def document_of(text: str) -> dict[str, Any] | None:
    """The file as JSON; None when it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("flags"), dict) else None


def flag_of(document: Mapping[str, Any] | None, name: str) -> dict[str, Any] | None:
    found = (document or {}).get("flags", {}).get(name)
    return found if isinstance(found, dict) else None


def mark_of(flag: Mapping[str, Any] | None) -> Mark | None:
    """None where nobody can read it."""
    told = _told(flag)
    try:
        return Mark.from_json(told["mark"]) if told and told.get("mark") else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def split_of(flag: Mapping[str, Any] | None) -> Split | None:
    """
    Who gets which version, at the share that flagd gives out; None where the flag is not one of ours any more.

    A flag that somebody has disabled gives the old version to everybody, whatever else stands in it.
    """
    told = _told(flag)
    try:
        stable = Side.from_json(told["stable"]) if told else None
        canary = Side.from_json(told["canary"]) if told and told.get("canary") else None
        return Split(stable, canary, weight_of(flag or {}) if canary else 0) if stable else None
    except (KeyError, TypeError, ValueError, AttributeError, NotUnderstood):
        return None


def weight_of(flag: Mapping[str, Any]) -> int:
    """Per cent of the users who get the new version; NotUnderstood where it is no whole share of our form."""
    if flag.get("state") == "DISABLED":
        return 0
    rule = flag.get("targeting") or {}
    if not rule:
        return 100 if flag.get("defaultVariant") == ON else 0
    share = rule["if"][-1] if "if" in rule else rule
    shares = dict(share["fractional"]) if isinstance(share, dict) and set(share) == {"fractional"} else {}
    on, off = shares.get(ON), shares.get(OFF)
    if type(on) is not int or type(off) is not int or on + off != 100 or not 0 <= on <= 100:
        raise NotUnderstood("the flag's rule is no share of 100 between on and off")
    return on


def groups_of(flag: Mapping[str, Any]) -> list[str]:
    """The groups that get the new version whatever the share is."""
    try:
        return [str(one) for one in flag["targeting"]["if"][0]["in"][1]]
    except (KeyError, IndexError, TypeError):
        return []


def text_of(document: Mapping[str, Any] | None, name: str, setting: Setting, groups: Sequence[str]) -> str:
    """The whole file with this flag as it is to be; other flags and what else the flag has stay as they are."""
    document = dict(document or {"$schema": SCHEMA})
    before = flag_of(document, name) or {}
    split = setting.split
    everybody = split.weight == 100 or (setting.mark.final and split.canary is None)
    told = {
        "stable": split.stable.to_json(),
        "canary": split.canary.to_json() if split.canary else None,
        "mark": setting.mark.to_json(),
    }
    metadata = {**(before.get("metadata") or {}), OURS: json.dumps(told, sort_keys=True)}
    flag = {
        **{key: value for key, value in before.items() if key not in {"targeting", "metadata"}},
        "state": "ENABLED",
        "variants": {ON: True, OFF: False},
        "defaultVariant": ON if everybody else OFF,
        **({"targeting": _rule(split.weight, groups)} if 0 < split.weight < 100 else {}),
        "metadata": metadata,
    }
    document["flags"] = {**document.get("flags", {}), name: flag}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(weight: int, groups: Sequence[str]) -> dict[str, Any]:
    share = {"fractional": [[ON, weight], [OFF, 100 - weight]]}
    return {"if": [{"in": [{"var": GROUP}, list(groups)]}, ON, share]} if groups else share


def _told(flag: Mapping[str, Any] | None) -> dict[str, Any] | None:
    try:
        found = json.loads((flag or {})["metadata"][OURS])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
