"""
An issue at GitHub, one for a release: after a rollback with its time and its cause, or whatever a spec's act says.

A line in its text, invisible there, names the release; by it the issue is found again and not opened twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from pydantic import Field, PrivateAttr

from blocks.connector import Connector
from blocks.github_api import A_PAGE, github, many
from tidegate.errors import Denied
from tidegate.notices import plain, worded
from tidegate.quantities import Duration

LONGEST_TITLE, LONGEST_BODY = 250, 60_000  # characters; GitHub takes 256 and 65,536
NEEDED = ("{at}", "{reason}")  # an issue that names them is not opened without


class GithubIssue(Connector):
    """One issue for a release."""

    _block_type_name = "GitHub issue"
    _block_type_slug = "github-issue"
    _description = "Opens an issue, once for a release."

    repository: str = Field(title="Repository", description="OWNER/NAME.")
    title: str = Field(title="Title", description="{release}, {version}, {previous}, {at}, {reason} are filled in.")
    body: str = Field("", title="Text", description="The same are filled in; markdown.")
    labels: list[str] = Field(default_factory=list, title="Labels")
    assignees: list[str] = Field(default_factory=list, title="Assignees")
    token_secret: str = Field(title="Token", description="Name of our own variable with a token that may write issues.")
    api_url: str = Field("", title="API's URL", description="Of an enterprise server.")
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", description="Of one answer.")

    _now: Callable[[], float] = PrivateAttr(default=time.time)

    def done(self, release: str, facts: Mapping[str, str]) -> str:
        """Its address, among the newest hundred."""
        there = github(self.repository, self.token_secret, self.api_url, self.timeout.total_seconds())
        query = {"state": "all", "sort": "created", "direction": "desc", "per_page": str(A_PAGE)}
        for issue in many(there.get("/issues", query)):
            if self._mark(release) in str(issue.get("body") or ""):
                return str(issue["html_url"])
        return ""

    def do(self, release: str, facts: Mapping[str, str]) -> str:
        if found := self.done(release, facts):
            return found
        there = github(self.repository, self.token_secret, self.api_url, self.timeout.total_seconds())
        told = {"at": f"{datetime.fromtimestamp(self._now(), UTC):%Y-%m-%d %H:%M} UTC", "release": release, **facts}
        if missing := [name for name in NEEDED if name in self.title + self.body and not told.get(name[1:-1])]:
            raise Denied(f"the issue names {missing[0]}, which is not known at this point of a release")
        text = worded(self.body, told)[:LONGEST_BODY]
        title = plain(worded(self.title, told))[:LONGEST_TITLE]
        made = {"title": title, "body": f"{text}\n\n{self._mark(release)}"}
        if self.labels:
            made |= {"labels": self.labels}  # type: ignore[dict-item]
        if self.assignees:
            made |= {"assignees": self.assignees}  # type: ignore[dict-item]
        return str(there.post("/issues", made)["html_url"])

    def _mark(self, release: str) -> str:
        """The same release may open several issues, each by its own title."""
        return f"<!-- tidegate {release} {sha256(self.title.encode()).hexdigest()[:12]} -->"
