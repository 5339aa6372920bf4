"""
A feature flag as a router: a share of the users, not of the requests, gets what is new.

The flag stands in a file of flagd's format that any OpenFeature client reads, with the mark of the release in it. A
service that has the flag besides is told by a command and read back over HTTP.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, PrivateAttr, model_validator

from blocks.connector import Connector
from blocks.flag_document import NAME
from blocks.flag_lowering import FlagFile, by_hand
from blocks.flag_service import share_now
from tidegate.errors import NotUnderstood
from tidegate.spec import Spec
from tidegate.traffic import Change, Seen, Side


class FlagRouter(Connector):
    """Gives a share of the users the new version by a feature flag."""

    _block_type_name = "Feature flag"
    _block_type_slug = "flag-router"
    _description = "A flag in flagd's format: percentage, groups and the mark of the release in one file."

    kind: ClassVar[str] = "flag"
    compares: ClassVar[bool] = True

    flag: str = Field(title="Flag", description="Its key in the file.", pattern=NAME, examples=["new-dashboard"])
    file: Path = Field(
        title="File", description="Of flagd's format; made by the first release.", examples=["flags/dashboard.json"]
    )
    groups: list[str] = Field(
        default_factory=list,
        title="Groups",
        description="Who have the new version as soon as the share is above 0; a user's "
        "group is `group` of the evaluation context.",
    )
    command: list[str] = Field(
        default_factory=list,
        title="Command",
        description="Tells the flag's own service; {weight} is filled in. Never a shell.",
    )
    folder: Path | None = Field(None, title="Folder", description="Where the command runs.")
    inherit: list[str] = Field(default_factory=list, title="Inherit", description="Variables the command gets besides.")
    read_url: str = Field(
        "", title="Read URL", description="Shows the flag at its service, as JSON; a raise counts when it shows there."
    )
    percentage_field: str = Field("percentage", title="Percentage's field", description="Dotted path in that JSON.")
    enabled_field: str = Field("enabled", title="Enabled's field", description="Where it is false the share is 0.")
    bearer_secret: str = Field("", title="Token", description="Name of our own variable with the token for reading.")

    _stable: Side | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.read_url and not self.read_url.startswith(("https://", "http://")):
            raise ValueError(f"{self.read_url[:80]!r}: an address is http(s)://HOST/...")
        return self

    def told_of(self, spec: Spec) -> Self:
        """The groups that the spec's flag of this name has, unless the router names its own."""
        flag = next((one for one in spec.flags if one.name == self.flag), None)
        if flag is None or self.groups or not flag.groups:
            return self
        return self.model_copy(update={"groups": list(flag.groups)})

    def install(self, stable: Side) -> Seen:
        """Make the flag: nobody gets anything new. Denied when it is there."""
        return self._remembered(self._file().create(stable))

    def read(self) -> Seen:
        """Share and mark of the file; where the flag has a service, the share that this shows."""
        seen = self._remembered(self._file().read())
        there = share_now(self._address())
        if seen.split is None or there is None or there == seen.split.weight or seen.split.canary is None:
            return seen
        return Seen(seen.split.at(there), seen.mark)

    def write(self, change: Change) -> Seen:
        """Lock, read, decide, rename, tell the service: see `FlagFile.write`."""
        file = self._file()
        seen = self._remembered(file.write(change))
        if file.doubt:
            logging.getLogger("tidegate").warning("%s is lowered in its file; %s", self.flag, file.doubt)
        return seen

    def drained(self, side: Side) -> bool | None:
        """None, always: a flag knows users, not requests."""
        return None

    def by_hand(self) -> str:
        return by_hand(self._address())

    def address(self) -> dict[str, Any]:
        """What the lowering half needs; NotUnderstood while nobody has ever read which side is stable."""
        if self._remembered(self._file().read()).split is None and self._stable is None:
            raise NotUnderstood(f"The flag {self.flag!r} has no readable file, so nobody knows its way back.")
        return self._address()

    def _file(self) -> FlagFile:
        return FlagFile(self._address())

    def _address(self) -> dict[str, Any]:
        return {
            "file": str(self.file.absolute()),
            "flag": self.flag,
            "groups": list(self.groups),
            "command": list(self.command),
            "folder": str(self.folder) if self.folder else "",
            "inherit": list(self.inherit),
            "read_url": self.read_url,
            "percentage_field": self.percentage_field,
            "enabled_field": self.enabled_field,
            "bearer_secret": self.bearer_secret,
            "stable": self._stable.to_json() if self._stable else None,
        }

    def _remembered(self, seen: Seen) -> Seen:
        if seen.split is not None:
            self._stable = seen.split.stable
        return seen
