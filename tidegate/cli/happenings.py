"""A release's chain, one line an entry: for `release --wait`, and `status --watch` where nothing can be redrawn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from tidegate.ledger import Entry, Kind
from tidegate.quantities import spoken

Body = Mapping[str, Any]


def line_of(entry: Entry, zone: tzinfo = UTC) -> str:
    """What an entry says to a person, on one line; "" for one that says nothing new."""
    return " ".join(_said(entry, zone).split())


def said_before(entry: Entry, expired: Collection[str]) -> bool:
    """Whether this is the answer to a question whose expiry (its key in `expired`) has already been told."""
    return entry.key in expired and entry.body.get("decision") == "expired"


def _said(entry: Entry, zone: tzinfo) -> str:
    body = entry.body
    match entry.kind:
        case Kind.OPENED:
            why = (body.get("request") or {}).get("reason") or "no reason given"
            return f"{entry.release} begins ({why}), asked for by {entry.who or 'nobody'}"
        case Kind.INTENT:
            return _begun(body, zone)
        case Kind.OUTCOME:
            return _happened(body)
        case Kind.DOWN:
            despite = f" (accepted: {body['despite']})" if body.get("despite") else ""
            return f"ROLLBACK decided by {entry.who}: {body.get('why')}{despite}"
        case Kind.EXPIRY:
            return str(body.get("why") or entry.key)
        case Kind.SLOT:
            return f"verification {body.get('slot')}: {body.get('outcome')}, {body.get('sentence')}"
        case Kind.NOTE:
            return _noted(entry.key, body)


def _begun(body: Body, zone: tzinfo) -> str:
    if "question" in body:
        asked = body["question"]
        until = datetime.fromisoformat(str(asked["deadline"])).astimezone(zone)
        return (
            f"waits for people: approval {asked['gate']}, until {until:%a %Y-%m-%d %H:%M %Z}, then {asked['on_expiry']}"
        )
    if "bake" in body:
        return f"bakes at {body['bake']['weight']} % for {spoken(timedelta(seconds=body['bake']['seconds']))}"
    return ""


def _noted(key: str, body: Body) -> str:
    if key == "answer-noted":
        return f"answer noted: {body.get('approver')} says {body.get('decision')} to {body.get('gate')}"
    return f"{key}: {body.get('why') or body.get('sentence') or ''}".rstrip(": ")


def _because(body: Body, *names: str) -> str:
    said = next((str(body[name]) for name in names if body.get(name)), "")
    return f": {said}" if said else ""


def _crossed(body: Body) -> str:
    """Told where it is crossed, not at every weight behind it."""
    beyond = body.get("beyond") or {}
    if beyond.get("weight") != body["weight"]:
        return ""
    return f"; POINT OF NO RETURN crossed, from here the way back is {beyond['way']} ({beyond['says']})"


_HAPPENED: dict[str, Callable[[Body], str]] = {
    "check-run": lambda b: f"check {b['name']} {b['verdict']}{_because(b, 'evidence')}{_because(b, 'waived')}",
    "turn-taken": lambda _: "this release holds its system's row",
    "backup-taken": lambda b: f"backup {b['name']} taken",
    "backup-proven": lambda b: f"backup {b['name']} {b['verdict']}{_because(b, 'evidence')}",
    "artifact-pushed": lambda b: f"{b['component']}: artifact {str(b['digest'])[:19]}",
    "green-created": lambda b: f"{b['component']}: new version starts beside the old one",
    "became-healthy": lambda b: f"{b['component']}: {b['instances']} instances {b['verdict']}{_because(b, 'evidence')}",
    "routes-inspected": lambda b: "in the way: " + "; ".join(b["strangers"].values()) if b.get("strangers") else "",
    "claimed": lambda b: f"{b['component']}: route taken at 0 %, {b['stable']} to {b['canary']}",
    "answered": lambda b: f"approval {b['gate']}: {_answered(b)}",
    "weight-set": lambda b: f"{b['component']}: {b['weight']} %, read back from the router{_crossed(b)}",
    "baked": lambda b: f"step {b['step']} % {b['verdict']}{_because(b, 'sentence')}",
    "waited": lambda b: f"goes on: {b['name']}",
    "act-performed": lambda b: f"{b['name']} {b['verdict']}{_because(b, 'evidence')}",
    "remembered": lambda b: "ran before: " + (", ".join(f"{n} {v}" for n, v in b["versions"].items()) or "unknown"),
    "baseline-taken": lambda b: f"baseline {b['name']}: {b['value']}{_because(b, 'evidence')}",
    "parked": lambda b: f"parked at 0 %{_because(b, 'why')}",
    "rested": lambda b: f"rests at {b['stage']} % until a later run continues",
    "promoted": lambda b: f"PROMOTED: the new version carries {b['weight']} %",
    "slots-booked": lambda b: f"{len(b['slots'])} verification runs are booked",
    "report-written": lambda b: (
        f"report {b['location']}" if b.get("location") else f"no report{_because(b, 'dropped')}"
    ),
    "told": lambda b: f"people were not told ({b['notice']}){_because(b, 'dropped')}" if b.get("dropped") else "",
    "lowered": lambda _: "all traffic is back on the old version",
    "green-stopped": lambda b: f"{b['component']}: the new version is stopped",
    "rollback-verified": lambda b: f"rollback {b['verdict']}{_because(b, 'evidence')}",
    "rolled-back": lambda _: "ROLLED BACK",
    "aborted": lambda b: f"ABORTED before it had traffic{_because(b, 'why')}",
    "made-final": lambda b: f"{b['component']}: final, the way back by traffic has ended",
    "blue-removed": lambda b: f"{b['component']}: {b['side']} is removed",
    "closed": lambda _: "closed: the last verification is answered",
}


def _answered(body: Body) -> str:
    if body["decision"] == "expired":
        return "nobody answered in time"
    return f"{body['approver']} said {body['decision']}{_because(body, 'note')}"


def _happened(body: Body) -> str:
    said = _HAPPENED.get(str(body.get("event")))
    try:
        return said(body) if said else ""
    except (KeyError, TypeError):  # written by another version of Tidegate
        return str(body.get("event"))
