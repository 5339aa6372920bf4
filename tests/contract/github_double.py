"""A stand-in for GitHub with one repository: pull requests, reviews, jobs, issues; all against GitHub's description."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.contract.vendor_double import Asked, Double, double
from tests.contract.vendor_samples import answer

REPO = "/repos/{owner}/{repo}"
TOKEN = "made-up-github-token"
SHA = "a" * 40


@dataclass
class GitHub:
    """What the repository holds."""

    double: Double
    commits: list[dict[str, Any]] = field(default_factory=list)
    compared: str = "ahead"
    pulls: dict[str, dict[str, Any]] = field(default_factory=dict)
    reviews: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    written: list[dict[str, Any]] = field(default_factory=list)  # statuses of commits
    deployments: list[dict[str, Any]] = field(default_factory=list)
    deployment_statuses: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        says = self.double.says
        says["GET", f"{REPO}/compare/{{basehead}}"] = self._compare
        says["GET", f"{REPO}/pulls/{{pull_number}}"] = self._pull
        says["GET", f"{REPO}/pulls/{{pull_number}}/reviews"] = self._reviews
        says["GET", f"{REPO}/commits/{{ref}}/check-runs"] = self._jobs
        says["GET", f"{REPO}/commits/{{ref}}/status"] = self._status
        says["GET", f"{REPO}/actions/runs"] = self._runs
        says["GET", f"{REPO}/issues"] = self._issues
        says["POST", f"{REPO}/issues"] = self._open
        says["POST", f"{REPO}/issues/{{issue_number}}/comments"] = self._comment
        says["POST", f"{REPO}/statuses/{{sha}}"] = self._write
        says["GET", f"{REPO}/deployments"] = self._deployments
        says["POST", f"{REPO}/deployments"] = self._deploy
        says["POST", f"{REPO}/deployments/{{deployment_id}}/statuses"] = self._deployed

    def commit(self, sha: str, message: str, *parents: str) -> None:
        made = {"sha": sha * 40, "commit": {"message": message}, "parents": [{"sha": one * 40} for one in parents]}
        self.commits.append(made)

    def review(self, number: int, who: str, state: str, at: str = "2026-12-01T09:00:00Z") -> None:
        self.reviews.setdefault(str(number), []).append({"user": {"login": who}, "state": state, "submitted_at": at})

    def job(self, name: str, conclusion: str | None = "success", status: str = "completed", **more: Any) -> None:
        self.jobs.append({"name": name, "conclusion": conclusion, "status": status, "head_sha": SHA, **more})

    def _compare(self, asked: Asked) -> tuple[int, Any]:
        page, size = int(asked.query["page"]), int(asked.query["per_page"])
        shown = self.commits[(page - 1) * size : page * size]
        over = {"status": self.compared, "commits": shown, "total_commits": len(self.commits)}
        return 200, answer("github", "GET", f"{REPO}/compare/{{basehead}}", 200, over)

    def _pull(self, asked: Asked) -> tuple[int, Any]:
        number = asked.names["pull_number"]
        over = {"number": int(number), "merged": True, "state": "closed", "user": {"login": "lee"}}
        over |= self.pulls.get(number, {})
        return 200, answer("github", "GET", f"{REPO}/pulls/{{pull_number}}", 200, over)

    def _reviews(self, asked: Asked) -> tuple[int, Any]:
        over = self._page(asked, self.reviews.get(asked.names["pull_number"], []))
        return 200, answer("github", "GET", f"{REPO}/pulls/{{pull_number}}/reviews", 200, over)

    def _jobs(self, asked: Asked) -> tuple[int, Any]:
        over = {"total_count": len(self.jobs), "check_runs": self._page(asked, self.jobs)}
        return 200, answer("github", "GET", f"{REPO}/commits/{{ref}}/check-runs", 200, over)

    def _status(self, asked: Asked) -> tuple[int, Any]:
        over = {"sha": SHA, "state": "success", "statuses": self.statuses}
        return 200, answer("github", "GET", f"{REPO}/commits/{{ref}}/status", 200, over)

    def _runs(self, asked: Asked) -> tuple[int, Any]:
        mine = [one for one in self.runs if one.get("head_sha", SHA) == asked.query.get("head_sha")]
        over = {"total_count": len(mine), "workflow_runs": self._page(asked, mine)}
        return 200, answer("github", "GET", f"{REPO}/actions/runs", 200, over)

    def _issues(self, asked: Asked) -> tuple[int, Any]:
        return 200, answer("github", "GET", f"{REPO}/issues", 200, self.issues[:100])

    def _open(self, asked: Asked) -> tuple[int, Any]:
        number = len(self.issues) + 1
        url = f"https://github.com/team/shop/issues/{number}"
        self.issues.insert(0, {**asked.body, "number": number, "html_url": url, "labels": [], "assignees": []})
        return 201, answer("github", "POST", f"{REPO}/issues", 201, {"number": number, "html_url": url})

    def _comment(self, asked: Asked) -> tuple[int, Any]:
        self.comments.append({**asked.body, "on": asked.names["issue_number"]})
        return 201, answer("github", "POST", f"{REPO}/issues/{{issue_number}}/comments", 201, {"id": 5})

    def _write(self, asked: Asked) -> tuple[int, Any]:
        self.written.append({**asked.body, "sha": asked.names["sha"]})
        return 201, answer("github", "POST", f"{REPO}/statuses/{{sha}}", 201)

    def _deployments(self, asked: Asked) -> tuple[int, Any]:
        mine = [one for one in self.deployments if one["environment"] == asked.query.get("environment")]
        over = [{**one, "payload": {}} for one in reversed(mine) if one["sha"] == asked.query.get("sha", one["sha"])]
        return 200, answer("github", "GET", f"{REPO}/deployments", 200, over)

    def _deploy(self, asked: Asked) -> tuple[int, Any]:
        made = {"id": len(self.deployments) + 1, "sha": SHA, "environment": asked.body["environment"]}
        self.deployments.append(made)
        return 201, answer("github", "POST", f"{REPO}/deployments", 201, {**made, "payload": {}})

    def _deployed(self, asked: Asked) -> tuple[int, Any]:
        self.deployment_statuses.append({**asked.body, "id": int(asked.names["deployment_id"])})
        path = f"{REPO}/deployments/{{deployment_id}}/statuses"
        return 201, answer("github", "POST", path, 201, {"state": asked.body["state"]})

    @staticmethod
    def _page(asked: Asked, of: list[dict[str, Any]]) -> list[dict[str, Any]]:
        size, page = int(asked.query.get("per_page", 30)), int(asked.query.get("page", 1))
        return of[(page - 1) * size : page * size]


@contextmanager
def github() -> Iterator[GitHub]:
    with double("github") as made:
        yield GitHub(made)
