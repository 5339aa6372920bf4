"""
Tells a repository at GitHub: the status of the release's commit, its environments, or a comment on its pull request.

`badge` writes deployments, which GitHub shows for each environment on the repository's page and by its own badges. A
comment with `update_in_place` is one for a release, found again by a line that nobody sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from blocks.connector import Connector
from blocks.github_api import Repository, github, many, one, ref_of
from tidegate.errors import Denied
from tidegate.notices import in_language, plain
from tidegate.ports import Notice
from tidegate.quantities import Duration

LONGEST_DESCRIPTION = 140  # characters; GitHub refuses more
STATES = {"info": "success", "warning": "pending", "critical": "failure"}
DEPLOYED = {"info": "success", "warning": "in_progress", "critical": "failure"}
GONE = {"rolled-back", "rollback-executed"}


class GithubNotifier(Connector):
    """Messages at a commit, an environment or a pull request of GitHub."""

    _block_type_name = "Messages at GitHub"
    _block_type_slug = "github-notifier"
    _description = "Writes the status of a commit, the state of an environment, or a comment on a pull request."

    repository: str = Field(title="Repository", description="OWNER/NAME.")
    form: Literal["commit-status", "badge", "pull-request-comment"] = Field(
        title="Form", description="badge: a deployment for the environment."
    )
    context: str = Field("tidegate", title="Context", description="Name of the commit's status.")
    environments: list[str] = Field(
        default_factory=lambda: ["production"], title="Environments", description="The last one is the release's."
    )
    events: dict[str, str] = Field(
        default_factory=lambda: {"staged": "staging"},
        title="Events",
        description="Events that are of another environment than the last.",
    )
    update_in_place: bool = Field(False, title="Update in place", description="One comment for a release, changed.")
    language: Literal["en", "ko"] = Field("en", title="Language")
    token_secret: str = Field(title="Token", description="Name of our own variable with a token that may write it.")
    api_url: str = Field("", title="API's URL", description="Of an enterprise server.")
    timeout: Duration = Field(timedelta(seconds=5), title="Time-out", description="Of one answer.")

    def tell(self, notice: Notice) -> None:
        """Denied where the repository, the commit or an open pull request is not there, or the token may not."""
        version = [*notice.release.split("/"), ""][1]
        if not version:
            raise Denied("a notice without a release has no commit to be told at")
        there = github(self.repository, self.token_secret, self.api_url, self.timeout.total_seconds())
        {
            "commit-status": self._status, "badge": self._environment, "pull-request-comment": self._comment,
        }[self.form](there, notice, version)  # fmt: skip

    def _status(self, there: Repository, notice: Notice, version: str) -> None:
        told: dict[str, Any] = {
            "state": STATES.get(notice.severity, "pending"),
            "description": self._title(notice)[:LONGEST_DESCRIPTION],
            "context": self.context,
        }
        if url := next((url for url in notice.links.values() if url.startswith("http")), ""):
            told["target_url"] = url
        there.post(f"/statuses/{there.sha(version)}", told)

    def _environment(self, there: Repository, notice: Notice, version: str) -> None:
        """A deployment of this commit is made once; its newest status is the environment's state."""
        environment = self.events.get(notice.event, self.environments[-1] if self.environments else "production")
        if self.environments and environment not in self.environments:
            return
        sha = there.sha(version)
        found = many(there.get("/deployments", {"environment": environment, "sha": sha, "per_page": "1"}))
        number = found[0]["id"] if found else self._deployment(there, environment, sha)
        state = "inactive" if notice.event in GONE else DEPLOYED.get(notice.severity, "in_progress")
        told = {"state": state, "description": self._title(notice)[:LONGEST_DESCRIPTION], "auto_inactive": True}
        there.post(f"/deployments/{number}/statuses", told)

    def _deployment(self, there: Repository, environment: str, sha: str) -> int:
        told = {
            "ref": sha, "environment": environment, "auto_merge": False, "required_contexts": [],
            "production_environment": environment == "production", "description": "tidegate",
        }  # fmt: skip
        made = there.post("/deployments", told)
        if "id" not in made:  # 202: GitHub merged something instead, which auto_merge forbids
            raise Denied("GitHub made no deployment")
        return int(made["id"])

    def _comment(self, there: Repository, notice: Notice, version: str) -> None:
        number, mark = _pull_request(there, version), f"<!-- tidegate {notice.release} -->"
        text = f"**{self._title(notice)}**\n\n{in_language(self.language, notice.text)}\n\n"
        text += "".join(f"[{plain(name)}]({url}) " for name, url in notice.links.items())
        body = {"body": f"{text.strip()}\n\n{mark}"}
        if self.update_in_place:
            for comment in there.all(f"/issues/{number}/comments"):
                if mark in str(comment.get("body") or ""):
                    there.api.ask("PATCH", f"{there.path}/issues/comments/{comment['id']}", body=body)
                    return
        there.post(f"/issues/{number}/comments", body)

    def _title(self, notice: Notice) -> str:
        return plain(in_language(self.language, notice.title)) or notice.event


def _pull_request(there: Repository, version: str) -> int:
    """The open one whose newest commit this is; GitHub tells it with the commit's jobs."""
    told: Mapping[str, Any] = one(there.get(f"/commits/{ref_of(version)}/check-runs", {"per_page": "100"}))
    for run in many(told.get("check_runs")):
        for pull in run.get("pull_requests") or []:
            return int(pull["number"])
    raise Denied(f"GitHub knows no open pull request of {version}")
