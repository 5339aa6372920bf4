"""
An invalidation of paths at CloudFront, awaited: what visitors get afterwards was fetched anew.

CloudFront knows an invalidation by a reference that we choose, made of the release and the paths: asking twice makes no
second one (each costs money above a thousand paths a month). It is looked for all the same before it is made.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from botocore.exceptions import ClientError
from pydantic import Field, PrivateAttr, model_validator

from blocks.aws_access import AwsAccess
from blocks.aws_clients import client, code_of, told
from blocks.connector import Connector
from tidegate.errors import Denied, NotApplied
from tidegate.ports import Clock
from tidegate.quantities import Duration, spoken

NEWEST = 25  # invalidations that are looked through for ours; CloudFront lists the newest first


class CloudfrontCache(AwsAccess, Connector):
    """An invalidation at CloudFront."""

    _block_type_name = "Invalidation of CloudFront's cache"
    _block_type_slug = "cloudfront-cache"
    _description = "Lets CloudFront forget paths, and waits until every place has."

    distribution: str = Field(
        title="Distribution", description="Its identifier.", pattern=r"^[A-Z0-9]{5,30}$", examples=["E2QWRUHEXAMPLE"]
    )
    paths: list[str] = Field(
        title="Paths",
        description="Each begins with /; * may end one.",
        min_length=1,
        max_length=3000,
        examples=[["/*"]],
    )
    wait: Duration = Field(timedelta(minutes=15), title="Wait", description="For all places together.")
    pause: Duration = Field(timedelta(seconds=10), title="Pause", description="Between two looks.")
    _clock: Clock | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        for path in self.paths:
            if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
                raise ValueError(f"{path[:80]!r} is no path: it begins with / and is written as in a URL")
        return self

    def on(self, clock: Clock) -> Self:
        """The same block on this clock."""
        self._clock = clock
        return self

    def done(self, release: str, facts: Mapping[str, str]) -> str:
        """Which invalidation of this release is completed; "" when none is."""
        found = self._found(release)
        return self._said(found) if found and _completed(found) else ""

    def do(self, release: str, facts: Mapping[str, str]) -> str:
        """Make it unless it is there, and wait; NotApplied when CloudFront has not completed it by then."""
        shown = self._found(release) or self._made(release)
        until = self._elapsed() + self.wait.total_seconds()
        while not _completed(shown):
            if self._elapsed() >= until:
                raise NotApplied(f"{self._said(shown)} is not completed after {spoken(self.wait)}")
            self._sleep(self.pause.total_seconds())
            shown = self._shown(str(shown["Id"]))
        return self._said(shown)

    def _found(self, release: str) -> dict[str, Any] | None:
        with self._told():
            listed = self._cloudfront().list_invalidations(DistributionId=self.distribution, MaxItems=str(NEWEST))
        for one in listed["InvalidationList"].get("Items", []):
            shown = self._shown(str(one["Id"]))
            if shown["InvalidationBatch"]["CallerReference"] == self._reference(release):
                return shown
        return None

    def _made(self, release: str) -> dict[str, Any]:
        batch = {
            "Paths": {"Quantity": len(self.paths), "Items": self.paths},
            "CallerReference": self._reference(release),
        }
        with self._told():
            try:
                answer = self._cloudfront().create_invalidation(
                    DistributionId=self.distribution, InvalidationBatch=batch
                )
            except ClientError as why:
                if code_of(why) == "NoSuchDistribution":
                    raise Denied(f"CloudFront has no distribution {self.distribution}") from None
                raise
        return dict(answer["Invalidation"])

    def _shown(self, name: str) -> dict[str, Any]:
        with self._told():
            answer = self._cloudfront().get_invalidation(DistributionId=self.distribution, Id=name)
        return dict(answer["Invalidation"])

    def _reference(self, release: str) -> str:
        about = "\n".join([release, *self.paths])
        return f"tidegate-{hashlib.sha256(about.encode()).hexdigest()[:32]}"

    def _said(self, shown: Mapping[str, Any]) -> str:
        listed = ", ".join(self.paths[:5]) + (", ..." if len(self.paths) > 5 else "")
        return f"invalidation {shown['Id']} of {listed} at CloudFront {self.distribution}"

    def _cloudfront(self) -> Any:
        return client("cloudfront", self.access)

    def _told(self) -> Any:
        return told(f"CloudFront {self.distribution}")

    def _elapsed(self) -> float:
        return self._clock.elapsed() if self._clock else time.monotonic()

    def _sleep(self, seconds: float) -> None:
        (self._clock.sleep if self._clock else time.sleep)(seconds)


def _completed(shown: Mapping[str, Any]) -> bool:
    return str(shown.get("Status", "")).lower() == "completed"
