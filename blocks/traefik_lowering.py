"""
One route of Traefik as one file: weights and mark, read and written together.

The half of the router that works when everything else is down (design 2.7): `tidegate rollback` needs this page,
its small neighbours and the file; standard library only. The block `traefik-router` writes through it, too.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from blocks.connector_files import locked, replace, text_at
from blocks.traefik_api import TraefikApi
from blocks.traefik_document import (
    UNEXPECTED,
    document_of,
    filled,
    mark_of,
    net_of,
    objections,
    split_of,
    text_of,
    with_mark,
)
from tidegate.errors import ConnectorError, Denied, NotApplied, NotUnderstood
from tidegate.traffic import Change, Mark, Seen, Setting, Side, Split

RAISE_CONFIRMS = 3.0  # seconds; a raise that Traefik does not show by then is taken back
LOWER_CONFIRMS = 1.0  # seconds; a lowering stays written whatever Traefik shows
TAKEN_BACK = {"raise", "claim", "final"}  # kinds that are undone when Traefik does not show them
DOWNWARDS = {"lower", "park"}  # kinds that go by the address where the file cannot be read
ONLY_MARK = {"stamp", "bar"}  # kinds that leave the configuration as it is, byte by byte


class TraefikFile:
    """
    The file of one route, as a way-back record names it.

    `address` is what `TraefikRouter.address()` returns: file, route and api_url; the router's own part (rule,
    priority, entry_points, retry, health) for a file that was lost; and the stable side.
    """

    def __init__(self, address: Mapping[str, Any]) -> None:
        try:
            self.path = Path(address["file"])
            self.route = str(address["route"])
        except (KeyError, TypeError) as missing:
            raise NotUnderstood(f"The address of a Traefik route needs file and route: {missing}.") from None
        self.address = address
        self.doubt = ""  # after a write: what Traefik showed instead; "" when it confirmed or was not asked

    @property
    def fallback(self) -> Split | None:
        """What serves when the file cannot be read: the stable side as it was when the address was taken."""
        stable = self.address.get("stable")
        return Split(Side.from_json(stable)) if stable else None

    def read(self) -> Seen:
        """The file as it stands; a missing or broken one has no split. Traefik itself is not asked."""
        return self._seen(text_at(self.path))

    def write(self, change: Change) -> Seen:
        """
        Read, decide, replace the file, ask Traefik: the one way to change a route.

        A raise, claim or final that Traefik does not show in time is taken back (NotApplied). A lowering is
        never taken back: it returns what the file says, and `doubt` says what Traefik showed instead.
        """
        with self._locked():
            before = text_at(self.path)
            seen = self._seen(before)
            if seen.split is None and change.kind in DOWNWARDS:
                seen = Seen(self.fallback, seen.mark)
            setting = change.decide(seen)
            if change.kind in ONLY_MARK and setting.split == seen.split:
                after = with_mark(before, setting.mark)
            else:
                after = self._rendered(before, setting, refusing=change.kind in TAKEN_BACK)
            written = self._replace(after, setting, in_place_if_full=change.kind not in TAKEN_BACK)
        self.doubt = ""
        if change.kind in TAKEN_BACK:
            self._insist(setting.split, before, after)
        elif change.kind not in ONLY_MARK:
            self.doubt = self.confirm(setting.split, LOWER_CONFIRMS)
        return written

    def create(self, stable: Side) -> Seen:
        """The route's first file: all traffic to this side, nobody's mark. Denied when there is one."""
        setting = Setting(Split(stable), Mark())
        with self._locked():
            if os.path.lexists(self.path):
                raise Denied(f"{self.path} is there already; a route is installed once.", "claim it instead")
            after = self._rendered("", setting, refusing=True)
            written = self._replace(after, setting)
        self._insist(setting.split, "", after)
        return written

    def confirm(self, split: Split, timeout: float) -> str:
        """Ask Traefik's API until it shows this split or the time is over; "" or what it shows instead."""
        api_url = str(self.address.get("api_url") or "")
        if not api_url:
            return "Traefik was not asked: the address names no API"
        return TraefikApi(api_url).confirm(self.route, split, timeout)

    def _seen(self, text: str) -> Seen:
        return Seen(split_of(self.route, document_of(text)), mark_of(text))

    def _rendered(self, before: str, setting: Setting, *, refusing: bool) -> str:
        """The new text. Over what Traefik would not take, a raise is Denied; a lowering starts afresh."""
        try:
            document = filled(self.route, document_of(before), setting.split, self.address)
            wrong = objections(self.route, document)
        except UNEXPECTED as strange:  # something a hand put there that no configuration has
            document, wrong = {}, [f"its configuration has a part of another shape ({strange})"]
        if wrong and refusing:
            raise Denied(f"Nothing was written to {self.path}: {'; '.join(wrong)}.")
        if wrong:
            document = filled(self.route, None, setting.split, self.address)
        return text_of(self.route, setting, document)

    def _replace(self, text: str, setting: Setting, *, in_place_if_full: bool = False) -> Seen:
        replace(self.path, text, in_place_if_full=in_place_if_full)
        seen = self.read()
        if seen != Seen(setting.split, setting.mark):
            raise NotApplied(f"{self.path} does not read back as it was written")
        return seen

    def _insist(self, split: Split, before: str, after: str) -> None:
        self.doubt = self.confirm(split, RAISE_CONFIRMS)
        if not self.doubt:
            self._spread_the_net()
            return
        try:
            done = self._put_back(before, after)
        except ConnectorError as failed:
            done = f"and it could not be taken back ({failed})"
        advice = "look at Traefik's log: one broken file in its folder keeps it from reading all others"
        raise NotApplied(f"{self.doubt}; {done}.", advice)

    def _put_back(self, before: str, after: str) -> str:
        """Undo an unconfirmed raise unless somebody has written since; says what was done."""
        with self._locked():
            if text_at(self.path) != after:
                return "somebody has written the route since, so nothing was taken back"
            if not before:
                self.path.unlink()
                return "the new file was removed again"
            replace(self.path, before, in_place_if_full=True)
            return "the file before was put back"

    def _spread_the_net(self) -> None:
        """Let the file below this one name the stable side of now; see `net_of`."""
        below = self.path.with_name(f"{self.path.stem}.net{self.path.suffix}")
        with self._locked():
            document = document_of(text_at(self.path))
            split = split_of(self.route, document)
            if document is None or split is None:
                return
            net = net_of(self.route, split.stable, document)
            if text_at(below) != net:
                replace(below, net)

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.path, f"try again, end that process, or by hand: {by_hand(self.address)}")


def by_hand(address: Mapping[str, Any]) -> str:
    """The break-glass lines: which file and which two numbers to edit, or what to type."""
    file, stable = address["file"], address.get("stable")
    if not stable:
        return f'Edit {file}: under "services" set the first "weight" (stable) to 100, the other to 0, and save.'
    name = f"{address['route']}.{stable['name']}"
    pattern = name.replace(".", r"\.")
    return (
        f'Edit {file}: under "services" set the "weight" of {name} to 100 and the other one to 0, save. Or type:\n'
        f"""sed -i.bak -e 's/"weight": [0-9]*/"weight": 0/' -e '/"name": "{pattern}"/{{n;s/[0-9][0-9]*/100/;}}'"""
        f" {shlex.quote(str(file))}"
    )
