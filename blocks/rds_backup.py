"""
Snapshots of one RDS instance, each named for its release and tagged with it.

A snapshot is proven by what RDS says of it: available, of this instance, young enough, encrypted. That is less than a
restore: whether the data in it are right, nobody has looked. Botocore repeats a request whose answer was lost, and so
does a release that was interrupted; so a snapshot is looked for before it is made, and again when its name is taken.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from botocore.exceptions import ClientError
from pydantic import Field, PrivateAttr, model_validator

from blocks.aws_access import AwsAccess
from blocks.aws_clients import client, code_of, told
from blocks.connector import Connector
from tidegate.errors import Denied
from tidegate.facts import filled, named
from tidegate.language.limits import AnyLimit
from tidegate.ports import BackupProof, Clock
from tidegate.quantities import Duration, spoken
from tidegate.spec import Spec

RELEASE = "tidegate:release"  # the tag by which a snapshot is found again, whatever its name is
NAME = re.compile(r"[A-Za-z](-?[A-Za-z0-9])*")  # RDS: letters, digits, single dashes, a letter first
LONGEST = 255
GIB = 2**30
LOG = logging.getLogger("tidegate")
Shown = Mapping[str, Any]  # a snapshot as RDS shows it


class RdsBackup(AwsAccess, Connector):
    """Snapshots of one RDS instance."""

    _block_type_name = "Snapshot of an RDS database"
    _block_type_slug = "rds-backup"
    _description = "Takes a snapshot of an RDS instance, waits until it is available, and holds it against limits."

    instance: str = Field(title="Instance", description="Its identifier.", pattern=f"^{NAME.pattern}$", max_length=63)
    snapshot: str = Field(
        "{system}-{version}-{date}",
        title="Snapshot",
        description="Its name. {date} is the day on which it is taken, {release}, {system} and {version} are filled "
        "in. A name that another's snapshot has gets a few signs more.",
        examples=["shop-prod-{date}"],
    )
    same_for: Duration = Field(
        timedelta(hours=20),
        title="The same for",
        description="A snapshot of this release that is younger counts as this one: a run that was interrupted takes "
        "no second one, another backup of the same release days later does.",
    )
    younger_than: Duration = Field(
        timedelta(hours=24), title="Younger than", description="An older snapshot is refused as a proof."
    )
    encrypted: bool = Field(True, title="Encrypted", description="Whether one that is not encrypted is refused.")
    retention: AnyLimit | None = Field(
        None,
        title="Retention",
        description="How long the instance keeps its own daily backups.",
        examples=["at least 30d"],
    )
    deadline: Duration = Field(timedelta(hours=1), title="Deadline", description="Until it is available.")
    pause: Duration = Field(timedelta(seconds=15), title="Pause", description="Between two looks.")
    _zone: ZoneInfo = PrivateAttr(default_factory=lambda: ZoneInfo("UTC"))
    _clock: Clock | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if other := set(named(self.snapshot)) - {"date", "release", "system", "version"}:
            raise ValueError(f"{{{min(other)}}} is not known to a backup; date, release, system and version are")
        if not NAME.fullmatch(self._name("shop/1/1", datetime(2026, 1, 2, tzinfo=UTC))):
            raise ValueError(f"{self.snapshot!r} makes no name of a snapshot: letters, digits and single dashes")
        return self

    def told_of(self, spec: Spec) -> Self:
        self._zone = ZoneInfo(spec.timezone)
        return self

    def on(self, clock: Clock) -> Self:
        """The same block on this clock."""
        self._clock = clock
        return self

    def find(self, release: str) -> str | None:
        """The newest snapshot of this release that is young enough and did not fail, also while it is being made."""
        with told(f"the snapshots of {self.instance}"):
            pages = client("rds", self.access).get_paginator("describe_db_snapshots")
            listed = [
                one
                for page in pages.paginate(DBInstanceIdentifier=self.instance, SnapshotType="manual")
                for one in page["DBSnapshots"]
            ]
        ours = [one for one in listed if self._is_this(one, release) and one.get("Status") in {"available", "creating"}]
        newest = max(ours, key=self._made, default=None)
        return str(newest["DBSnapshotIdentifier"]) if newest else None

    def take(self, release: str) -> str:
        """
        Make it and wait until it is available; one that this release has already is awaited instead.

        Denied when it fails, its names are taken, or it is not available by the deadline; NotApplied while the instance
        is busy. A snapshot that is still being made is left alone, and found again by the next attempt.
        """
        found = self.find(release)
        if not found:
            name = self._name(release, self._now())
            sign = hashlib.sha256(release.encode()).hexdigest()[:8]
            candidates = (name, f"{name[: LONGEST - 9].rstrip('-')}-{sign}")
            found = next((one for one in candidates if self._made_as(one, release)), None)
            if not found:
                raise Denied(
                    f"snapshots {candidates[0]} and {candidates[1]} are there already, of another release or day",
                    "Put {date} or {release} into `snapshot`; they were left alone.",
                )
        self._awaited(found)
        return found

    def verify(self, location: str) -> BackupProof:
        """Hold what RDS says of it against the limits; Denied with what does not hold. Nothing is restored."""
        began = time.monotonic()
        shown = self._awaited(location)
        age = self._now() - self._made(shown)
        wrong = [
            (shown.get("DBInstanceIdentifier") != self.instance, f"is of {shown.get('DBInstanceIdentifier')}"),
            (age > self.younger_than, f"is {_age(age)} old, wanted: younger than {spoken(self.younger_than)}"),
            (self.encrypted and not shown.get("Encrypted"), "is not encrypted"),
        ]
        if failed := [text for no, text in wrong if no]:
            raise Denied(f"snapshot {location} of {self.instance} {failed[0]}", "Take another snapshot.")
        kept = self._retention()
        size = int(shown.get("AllocatedStorage", 0)) * GIB
        secret = "encrypted" if shown.get("Encrypted") else "not encrypted"
        said = (
            f"RDS shows snapshot {location} available, {_age(age)} old, {secret}, of {size // GIB} GiB{kept}; "
            "nothing was restored"
        )
        return BackupProof(location, "", size, {}, time.monotonic() - began, said)

    def _name(self, release: str, at: datetime) -> str:
        """Every part as RDS takes it: `v2.0` becomes `v2-0`."""
        system, version = [*release.split("/"), "", ""][:2]
        about = {"release": release, "system": system, "version": version}
        plain = {key: re.sub(r"[^A-Za-z0-9]+", "-", value).strip("-") or "none" for key, value in about.items()}
        day = at.astimezone(self._zone).date().isoformat()
        name = re.sub("-+", "-", filled(self.snapshot, {**plain, "date": day}))
        return (name if name[0].isalpha() else f"release-{name}")[:LONGEST].rstrip("-")

    def _made_as(self, name: str, release: str) -> bool:
        """Make it under this name; False when that is another's snapshot."""
        if not NAME.fullmatch(name):
            raise Denied(f"{name[:80]!a} is no name of a snapshot: letters, digits and single dashes, a letter first")
        if self._shown(name) is None:
            with told(f"the snapshot {name}"):
                try:
                    client("rds", self.access).create_db_snapshot(
                        DBInstanceIdentifier=self.instance,
                        DBSnapshotIdentifier=name,
                        Tags=[{"Key": RELEASE, "Value": _tag(release)}],
                    )
                except ClientError as why:
                    # Ours, when the answer to an earlier attempt of this very request was lost.
                    if code_of(why) != "DBSnapshotAlreadyExists":
                        raise
        shown = self._shown(name)
        return shown is None or self._is_this(shown, release)

    def _awaited(self, name: str) -> Shown:
        """The snapshot once it is available; told at each change how far it is."""
        until, before = self._elapsed() + self.deadline.total_seconds(), ""
        while True:
            shown = self._shown(name)
            status = str(shown.get("Status")) if shown else "nowhere"
            if shown and status == "available":
                return shown
            if status != "creating":
                raise Denied(
                    f"snapshot {name} of {self.instance} is {status}, wanted: available",
                    f"See the events of {self.instance} in RDS, delete that snapshot, and begin again.",
                )
            far = f"{(shown or {}).get('PercentProgress', 0)} %"
            if far != before:
                LOG.info("snapshot %s of %s: %s, %s", name, self.instance, status, far)
            if self._elapsed() >= until:
                raise Denied(
                    f"snapshot {name} of {self.instance} is still {status} ({far}) after {spoken(self.deadline)}",
                    "It goes on by itself. The next attempt finds it and waits again, a longer `deadline` may help.",
                )
            before = far
            self._sleep(self.pause.total_seconds())

    def _shown(self, name: str) -> Shown | None:
        """What RDS shows; None when there is none of this name."""
        with told(f"the snapshot {name[:LONGEST]!a}"):
            try:
                found = client("rds", self.access).describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"]
            except ClientError as why:
                if code_of(why) != "DBSnapshotNotFound":
                    raise
                return None
        return dict(found[0]) if found else None

    def _is_this(self, shown: Shown, release: str) -> bool:
        tags = {one.get("Key"): one.get("Value") for one in shown.get("TagList", [])}
        return tags.get(RELEASE) == _tag(release) and self._now() - self._made(shown) <= self.same_for

    def _made(self, shown: Shown) -> datetime:
        """RDS tells no time of one that was only just asked for."""
        made = shown.get("SnapshotCreateTime")
        return made if isinstance(made, datetime) else self._now()

    def _retention(self) -> str:
        if self.retention is None:
            return ""
        with told(f"the instance {self.instance}"):
            shown = client("rds", self.access).describe_db_instances(DBInstanceIdentifier=self.instance)
        days = int(shown["DBInstances"][0].get("BackupRetentionPeriod", 0))
        if not self.retention.holds(days * 86400.0):
            raise Denied(f"{self.instance} keeps its backups for {days}d, wanted: {self.retention.said}")
        return f", its instance keeps backups for {days}d"

    def _now(self) -> datetime:
        return self._clock.now() if self._clock else datetime.now(UTC)

    def _elapsed(self) -> float:
        return self._clock.elapsed() if self._clock else time.monotonic()

    def _sleep(self, seconds: float) -> None:
        (self._clock.sleep if self._clock else time.sleep)(seconds)


def _tag(release: str) -> str:
    """What AWS takes as a tag's value: 256 letters, digits, blanks and `_.:/=+-@`; another release keeps another."""
    plain = re.sub(r"[^A-Za-z0-9 _.:/=+\-@]", "-", release)[:200]
    return plain if plain == release else f"{plain} {hashlib.sha256(release.encode()).hexdigest()[:16]}"


def _age(age: timedelta) -> str:
    return spoken(max(timedelta(0), timedelta(seconds=int(age.total_seconds()))))
