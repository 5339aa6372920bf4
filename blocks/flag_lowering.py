"""
One feature flag as one file: share and mark, read and written together by one rename.

The half of `flag-router` that works when everything else is down: standard library only. Where the flag has a service
of its own, the file is written first, then the service is told and asked; a raise that the service does not show is
taken back, a lowering stays written and says what the service shows.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from blocks.connector_files import locked, replace, text_at
from blocks.flag_document import document_of, flag_of, mark_of, split_of, text_of
from blocks.flag_service import shown, told_to_service
from tidegate.errors import Denied, NotApplied, NotUnderstood
from tidegate.traffic import Change, Mark, Seen, Setting, Side, Split

RAISE_CONFIRMS, LOWER_CONFIRMS = 10.0, 1.0  # seconds in which the service has to show it
TAKEN_BACK = {"raise", "claim", "final"}
DOWNWARDS = {"lower", "park"}
ONLY_MARK = {"stamp", "bar"}


class FlagFile:
    """The file of one flag; `address` is what `FlagRouter.address()` returns."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        try:
            self.path, self.flag = Path(address["file"]), str(address["flag"])
        except (KeyError, TypeError) as missing:
            raise NotUnderstood(f"The address of a flag needs file and flag: {missing}.") from None
        self.address = address
        self.doubt = ""  # after a write: what the service shows instead

    def read(self) -> Seen:
        return self._seen(text_at(self.path))

    def write(self, change: Change) -> Seen:
        """Lock, read, decide, rename, tell the service, ask it; NotApplied for a raise that does not show."""
        self.doubt = ""
        with self._locked():
            before = text_at(self.path)
            seen = self._seen(before)
            if seen.split is None and change.kind in DOWNWARDS:
                seen = Seen(self._fallback(), seen.mark)
            if change.kind == "claim" and seen.mark is not None and seen.mark.final:
                raise Denied(
                    f"The flag {self.flag} gives everybody the new version for good; a claim would take that away.",
                    "release behind a flag of its own; or, once no code asks for this one, remove it from its file",
                )
            setting = change.decide(seen)
            after = text_of(document_of(before), self.flag, setting, self.address.get("groups") or [])
            replace(self.path, after, in_place_if_full=change.kind not in TAKEN_BACK)
            if self.read() != Seen(setting.split, setting.mark):
                raise NotApplied(f"{self.path} does not read back as it was written")
            if change.kind in ONLY_MARK:
                return Seen(setting.split, setting.mark)
            # Inside the lock: two shares that are told to a service in the wrong order would leave the older one.
            self._tell(seen, setting, before, change.kind)
        return Seen(setting.split, setting.mark)

    def create(self, stable: Side) -> Seen:
        """The flag's first entry: nobody gets anything new. Denied when there is one."""
        with self._locked():
            document = document_of(text_at(self.path))
            if flag_of(document, self.flag) is not None and self.read().split is not None:
                raise Denied(f"{self.path} has the flag {self.flag} already; it is installed once.", "claim it instead")
            setting = Setting(Split(stable), Mark())
            replace(self.path, text_of(document, self.flag, setting, self.address.get("groups") or []))
            return self.read()

    def _tell(self, seen: Seen, setting: Setting, before: str, kind: str) -> None:
        weight = setting.split.weight
        if kind == "final":
            weight = 100  # green alone is everybody
        raises = kind in TAKEN_BACK
        wrong = told_to_service(self.address, weight, RAISE_CONFIRMS)
        wrong = wrong or shown(self.address, weight, RAISE_CONFIRMS if raises else LOWER_CONFIRMS)
        if wrong and raises:
            if before:
                replace(self.path, before, in_place_if_full=True)
            back = told_to_service(self.address, seen.weight, RAISE_CONFIRMS)
            raise NotApplied(f"{wrong}; the file before was put back{f', and {back}' if back else ''}.")
        self.doubt = wrong

    def _seen(self, text: str) -> Seen:
        flag = flag_of(document_of(text), self.flag)
        return Seen(split_of(flag), mark_of(flag))

    def _fallback(self) -> Split | None:
        stable = self.address.get("stable")
        return Split(Side.from_json(stable)) if stable else None

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.path, f"try again, end that process, or by hand: {by_hand(self.address)}")


def by_hand(address: Mapping[str, Any]) -> str:
    """What a person types or edits: a flag that is disabled gives the old version to everybody."""
    file = str(address["file"])
    typed = f"""sed -i.bak -e 's/"state": "ENABLED"/"state": "DISABLED"/' {shlex.quote(file)}"""
    argv = [str(part).replace("{weight}", "0") for part in address.get("command") or []]
    more = f"\n{shlex.join(argv)}" if argv else ""
    where = f" (in {address['folder']})" if argv and address.get("folder") else ""
    return f'Edit {file}: set the "state" of {address["flag"]} to "DISABLED" and save. Or type{where}:\n{typed}{more}'
