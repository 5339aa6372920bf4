"""
The mark of a route as tags of an ALB's rule (of the listener, where the route is its default action).

Pure, standard library only. A mark is not one tag but several, so that nobody who writes one part takes another away:
a stop is a tag of its own, named by its token, which no raise, claim or stamp ever writes. Tags take letters, digits,
spaces and `+ - = . _ : / @`; the rest is written `=XX`, as mail does, so that a person can read them in the console.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tidegate.traffic import Beyond, Mark, Stop

RELEASE, NUMBER, FINAL, BEYOND = "tidegate:release", "tidegate:number", "tidegate:final", "tidegate:beyond"
CANARY = "tidegate:canary"  # name of the target group that is green now
STICKY = "tidegate:sticky"  # seconds of the stickiness that is to be restored
SIDE = "tidegate:side"  # of a target group: the side that its service runs; the platform writes it
STOP = "tidegate:stop:"
NONE = "none"
LONGEST = 256  # characters of a tag's value (elasticloadbalancing, API_Tag)
_ALLOWED = re.compile(r"[^\W_]|[_.:/+@ -]")
_TOKEN = re.compile(r"[A-Za-z0-9-]{1,64}")

Tags = Mapping[str, str]


def mark_of(tags: Tags) -> Mark | None:
    """The mark; None where its tags are missing, since who took them away we do not know, or cannot be read."""
    try:
        release, number = plain(tags[RELEASE]), int(tags[NUMBER])
        beyond = None if tags.get(BEYOND, NONE) == NONE else _beyond_of(tags[BEYOND])
        stops = [_stop_of(name, value) for name, value in tags.items() if name.startswith(STOP)]
    except (KeyError, ValueError):
        return None
    # A down decision before a bar, the first before the second: whoever reads sees what weighs most.
    stop = min(stops, key=lambda one: (one.bar, one.at, one.token), default=None)
    return Mark("" if release == NONE else release, number, stop, tags.get(FINAL) == "yes", beyond)


def tags_of(mark: Mark) -> dict[str, str]:
    """Every tag of a mark but its stop's."""
    beyond = mark.beyond
    return {
        RELEASE: quoted(mark.release or NONE),
        NUMBER: str(mark.epoch),
        FINAL: "yes" if mark.final else "no",
        BEYOND: _cut(f"{_word(beyond.way)} {beyond.weight} {quoted(beyond.says)}") if beyond else NONE,
    }


def stop_tag(stop: Stop) -> tuple[str, str]:
    """Name and value; a reason that is too long for a tag is cut, the token never."""
    kind = "bar" if stop.bar else "down"
    told = f"{kind} {_word(stop.at)} {_word(stop.who)} {_word(stop.despite or '-')} {quoted(stop.why)}"
    return stop_key(stop.token), _cut(told)


def stop_key(token: str) -> str:
    """The tag of this token; another character than a token's own cannot stand in it."""
    return STOP + (token if _TOKEN.fullmatch(token) else re.sub(r"[^A-Za-z0-9-]", "-", token)[:64])


def alike(one: Mark | None, other: Mark) -> bool:
    """Whether these are the same mark; of a stop and a point of no return a tag may hold less than was said."""
    if one is None:
        return False
    stops = [(stop_key(mark.stop.token), mark.stop.bar) if mark.stop else None for mark in (one, other)]
    points = [(mark.beyond.way, mark.beyond.weight) if mark.beyond else None for mark in (one, other)]
    same = (one.release, one.epoch, one.final) == (other.release, other.epoch, other.final)
    return same and stops[0] == stops[1] and points[0] == points[1]


def quoted(text: str) -> str:
    """Text as a tag takes it; what it does not take, and `=` itself, as `=XX` of its UTF-8."""
    return "".join(one if _ALLOWED.fullmatch(one) else "".join(f"={byte:02X}" for byte in one.encode()) for one in text)


def plain(text: str) -> str:
    """The other way; a cut or foreign `=` stays as it is."""
    raw = re.sub(rb"=([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), text.encode())
    return raw.decode("utf-8", "replace")


def _word(text: str) -> str:
    return quoted(text).replace(" ", "=20")[:80]


def _cut(told: str) -> str:
    return told if len(told) <= LONGEST else re.sub(r"=[0-9A-F]?$", "", told[:LONGEST])


def _beyond_of(value: str) -> Beyond:
    way, weight, says = value.split(" ", 2)
    return Beyond(plain(way), plain(says), int(weight))


def _stop_of(name: str, value: str) -> Stop:
    kind, at, who, despite, why = value.split(" ", 4)
    named = plain(despite)
    return Stop(
        name.removeprefix(STOP), plain(who), plain(at), plain(why), kind == "bar", "" if named == "-" else named
    )
