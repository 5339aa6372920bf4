"""
How many groups of errors Sentry saw for the first time since a moment: since the step began, or a length of time.

A DSN only takes events in; reading needs a token of the organisation with `event:read`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, PrivateAttr

from blocks.connector import Connector
from blocks.connector_api import Api, secret
from tidegate import facts as known
from tidegate.errors import Denied, NotUnderstood
from tidegate.language.limits import AnyLimit
from tidegate.notices import plain
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration

API = "https://sentry.io"
A_PAGE = 100  # groups; more than that is told as "100 or more"
MOST_TOLD = 10
LEVELS = ("debug", "info", "warning", "error", "fatal")


class SentryCheck(Connector):
    """New groups of errors since a moment."""

    _block_type_name = "New errors at Sentry"
    _block_type_slug = "sentry-check"
    _description = "Counts the groups of errors that Sentry saw for the first time since the step or the release began."

    organization: str = Field(title="Organisation", description="Its slug.")
    project: str = Field(title="Project", description="Its slug.")
    since: Literal["step", "release"] | Duration = Field(
        "step", title="Since", description="The step's or the release's beginning, or a length of time, e.g. 1h."
    )
    new_groups: AnyLimit = Field(  # type: ignore[assignment]
        "at most 0 count", title="New groups", description="How many may be new."
    )
    level: Literal["debug", "info", "warning", "error", "fatal"] = Field(
        "error", title="Level", description="Groups of this level or above."
    )
    release: str = Field("", title="Release", description="Only groups of this release of Sentry's, e.g. {version}.")
    token_secret: str = Field(title="Token", description="Name of our own variable with a token for event:read.")
    api_url: str = Field("", title="API's URL", description="Of another server than sentry.io.")
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", description="Of one answer.")

    _now: Callable[[], float] = PrivateAttr(default=time.time)

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """Figures: `new_groups`."""
        try:
            since = self._since(facts)
            release = known.filled(self.release, facts)
            token = secret(self.token_secret, "Sentry")
        except Denied as why:
            return CheckResult(Verdict.ERROR, str(why))
        asked = f"is:unresolved firstSeen:>={since:%Y-%m-%dT%H:%M:%S}"
        if release:
            asked += f' release:"{release}"'
        api = Api("Sentry", self.api_url or API, {"Authorization": f"Bearer {token}"}, self.timeout.total_seconds())
        path = f"/api/0/projects/{quote(self.organization, safe='')}/{quote(self.project, safe='')}/issues/"
        told = api.ask("GET", path, query={"query": asked, "statsPeriod": "14d", "limit": str(A_PAGE)}).body
        if not isinstance(told, list):
            raise NotUnderstood("Sentry's answer is no list of groups")
        new = [group for group in told if isinstance(group, dict) and self._counts(group, since)]
        good = self.new_groups.holds(float(len(new)))
        more = " or more" if len(told) >= A_PAGE else ""
        said = f"{len(new)}{more} new groups since {since:%Y-%m-%d %H:%M} UTC, wanted: {self.new_groups.said}"
        lines = [_line(group) for group in new[:MOST_TOLD]]
        return CheckResult(
            Verdict.PASS if good else Verdict.FAIL, "\n".join([said, *lines]), figures={"new_groups": float(len(new))}
        )

    def _since(self, facts: Mapping[str, str]) -> datetime:
        if isinstance(self.since, timedelta):
            return datetime.fromtimestamp(self._now(), UTC) - self.since
        at = facts.get("step_at" if self.since == "step" else "release_at", "")
        if not at:
            raise Denied(f"since: no {self.since} has begun at this point of a release")
        return datetime.fromisoformat(at).astimezone(UTC)

    def _counts(self, group: Mapping[str, Any], since: datetime) -> bool:
        """Sentry's own search rounds; its answer's first sight is looked at once more."""
        level = str(group.get("level", "error"))
        if level in LEVELS and LEVELS.index(level) < LEVELS.index(self.level):
            return False
        try:
            return datetime.fromisoformat(str(group["firstSeen"])) >= since
        except (KeyError, ValueError, TypeError):
            raise NotUnderstood("a group of Sentry's does not tell when it was first seen") from None


def _line(group: Mapping[str, Any]) -> str:
    title = plain(str(group.get("title", ""))[:120])
    return f"{group.get('shortId')}: {title} ({group.get('count')} times, {group.get('permalink') or ''})"
