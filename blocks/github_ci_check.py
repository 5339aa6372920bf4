"""
Whether GitHub's checks of exactly one commit are green: its jobs by name, and its workflows.

A job that is named and not there is a FAIL; one that still runs is INCONCLUSIVE. Skipped is not passed where the spec
names the job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from blocks.connector import Connector
from blocks.github_api import Repository, github, one, ref_of
from tidegate import facts as known
from tidegate.errors import Denied
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration

FINE = {"success", "neutral", "skipped"}  # of a job that nobody named
MOST_TOLD = 20


class GithubCiCheck(Connector):
    """The jobs of one commit are green."""

    _block_type_name = "GitHub checks"
    _block_type_slug = "github-ci-check"
    _description = "Looks whether a commit's jobs and workflows passed at GitHub."

    repository: str = Field(title="Repository", description="OWNER/NAME.")
    commit: str = Field("{version}", title="Commit", description="A commit, or a tag that means one.")
    jobs: list[str] = Field(
        default_factory=list, title="Jobs", description="That have to have passed, by name; empty: all that there are."
    )
    workflows: list[str] = Field(
        default_factory=list, title="Workflows", description="Files of .github/workflows whose run has to have passed."
    )
    token_secret: str = Field(title="Token", description="Name of our own variable with a token that may read checks.")
    api_url: str = Field("", title="API's URL", description="Of an enterprise server.")
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", description="Of one answer.")

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """Figures: `jobs` and `failed`."""
        try:
            commit = known.filled(self.commit, facts)
            there = github(self.repository, self.token_secret, self.api_url, self.timeout.total_seconds())
        except Denied as why:
            return CheckResult(Verdict.ERROR, str(why))
        runs = _newest(list(there.all(f"/commits/{ref_of(commit)}/check-runs", "check_runs", {"filter": "latest"})))
        wrong, waits = self._jobs(runs)
        sha = next((str(run.get("head_sha")) for run in runs.values()), "") or there.sha(commit)
        for said, pending in [*self._workflows(there, sha), *self._statuses(there, commit)]:
            (waits if pending else wrong).append(said)
        figures = {"jobs": float(len(runs)), "failed": float(len(wrong))}
        told = f"{len(runs)} jobs of {commit} ({sha[:12]})"
        if wrong or waits:
            lines = [*wrong, *waits][:MOST_TOLD]
            verdict = Verdict.FAIL if wrong else Verdict.INCONCLUSIVE
            return CheckResult(verdict, "\n".join([*lines, told]), figures=figures)
        return CheckResult(Verdict.PASS, f"{told} passed", figures=figures)

    def _jobs(self, runs: Mapping[str, dict[str, Any]]) -> tuple[list[str], list[str]]:
        wrong, waits = list[str](), list[str]()
        if not runs:
            wrong.append("GitHub knows no job of this commit")
        for name in self.jobs or sorted(runs):
            run = runs.get(name)
            if run is None:
                wrong.append(f"job {name}: there is none of this commit")
            elif run.get("status") != "completed":
                waits.append(f"job {name}: {run.get('status')}")
            elif run.get("conclusion") not in ({"success"} if self.jobs else FINE):
                wrong.append(f"job {name}: {run.get('conclusion')} ({run.get('html_url') or ''})")
        return wrong, waits

    def _workflows(self, there: Repository, sha: str) -> Iterator[tuple[str, bool]]:
        """What is wrong, and whether it only has to be waited for; the newest run of each file counts."""
        if not self.workflows:
            return
        newest: dict[str, dict[str, Any]] = {}
        for run in there.all("/actions/runs", "workflow_runs", {"head_sha": sha}):
            file = str(run.get("path", "")).partition("@")[0].rpartition("/")[2]
            if file not in newest or int(run.get("run_number", 0)) > int(newest[file].get("run_number", 0)):
                newest[file] = run
        for file in self.workflows:
            found = newest.get(file)
            if found is None:
                yield f"workflow {file}: no run of this commit", False
            elif found.get("status") != "completed":
                yield f"workflow {file}: {found.get('status')}", True
            elif found.get("conclusion") != "success":
                yield f"workflow {file}: {found.get('conclusion')} ({found.get('html_url') or ''})", False

    def _statuses(self, there: Repository, commit: str) -> Iterator[tuple[str, bool]]:
        """Older services write statuses instead of jobs; asked only where all are wanted."""
        if self.jobs:
            return
        told = one(there.get(f"/commits/{ref_of(commit)}/status"))
        for status in told.get("statuses") or []:
            if status.get("state") != "success":
                yield f"status {status.get('context')}: {status.get('state')}", status.get("state") == "pending"


def _newest(runs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """One run a name: two apps may use the same; the later one counts."""
    found: dict[str, dict[str, Any]] = {}
    for run in sorted(runs, key=lambda run: str(run.get("started_at") or "")):
        found[str(run.get("name"))] = run
    return found
