"""
Whether all that a release brings was reviewed: every commit since the version before has a merged pull request, each
with its approvals and without an open request for changes.

A person's last word counts; who wrote it cannot approve it. A commit that no pull request brought is a FAIL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from blocks.connector import Connector
from blocks.github_api import Repository, github, many, one, ref_of
from tidegate import facts as known
from tidegate.errors import Denied
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration

# How GitHub writes the number of a pull request into the commit that merges it: merged, and squashed or rebased.
MERGED = re.compile(r"Merge pull request #(\d+) from ")
SQUASHED = re.compile(r"\(#(\d+)\)\s*$")
A_PAGE = 100
MOST_COMMITS = 2000
MOST_TOLD = 20


class GithubReviewCheck(Connector):
    """Every pull request of the release has its approvals."""

    _block_type_name = "GitHub reviews"
    _block_type_slug = "github-review-check"
    _description = "Looks whether every commit since the version before was reviewed in a pull request."

    repository: str = Field(title="Repository", description="OWNER/NAME.")
    commit: str = Field("{version}", title="Commit", description="That is to be released: a commit or a tag.")
    since: str = Field("{previous}", title="Since", description="The version before, a commit or a tag.")
    approvals: int = Field(1, ge=1, le=20, title="Approvals", description="Of different people, for each.")
    token_secret: str = Field(title="Token", description="Name of our own variable with a token that may read them.")
    api_url: str = Field("", title="API's URL", description="Of an enterprise server.")
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", description="Of one answer.")

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """Figures: `pull_requests`, `commits`, `unreviewed`."""
        try:
            commit, since = known.filled(self.commit, facts), known.filled(self.since, facts)
            there = github(self.repository, self.token_secret, self.api_url, self.timeout.total_seconds())
        except Denied as why:
            return CheckResult(Verdict.ERROR, str(why))
        commits, merges = _since(there, since, commit)
        numbers, orphans = _requests(commits, merges)
        wrong = [f"commit {sha[:12]} came without a pull request: {subject}" for sha, subject in orphans]
        for number in numbers:
            wrong += self._wrong(there, number)
        figures = {
            "pull_requests": float(len(numbers)), "commits": float(len(commits)), "unreviewed": float(len(wrong)),
        }  # fmt: skip
        told = f"{len(commits)} commits since {since}, {len(numbers)} pull requests"
        if wrong:
            return CheckResult(Verdict.FAIL, "\n".join([*wrong[:MOST_TOLD], told]), figures=figures)
        return CheckResult(Verdict.PASS, f"{told}, each approved", figures=figures)

    def _wrong(self, there: Repository, number: int) -> list[str]:
        told = one(there.get(f"/pulls/{number}"))
        author = str((told.get("user") or {}).get("login"))
        if not told.get("merged"):
            return [f"#{number} is not merged ({told.get('state')})"]
        last = _last_words(there.all(f"/pulls/{number}/reviews"))
        for_it = sorted(who for who, state in last.items() if state == "APPROVED" and who != author)
        against = sorted(who for who, state in last.items() if state == "CHANGES_REQUESTED")
        found = [f"#{number}: {who} asks for changes" for who in against]
        if len(for_it) < self.approvals:
            by = f" ({', '.join(for_it)})" if for_it else ""
            found.append(f"#{number}: {len(for_it)} of {self.approvals} approvals{by}")
        return found


def _since(there: Repository, since: str, commit: str) -> tuple[list[tuple[str, str]], dict[str, list[str]]]:
    """Commits in order, as (sha, message), and the parents of each; Denied when one is not an ancestor of the other."""
    commits, parents = list[tuple[str, str]](), dict[str, list[str]]()
    for page in range(1, MOST_COMMITS // A_PAGE + 1):
        query = {"per_page": str(A_PAGE), "page": str(page)}
        told = one(there.get(f"/compare/{ref_of(since)}...{ref_of(commit)}", query))
        if told.get("status") not in ("ahead", "identical"):
            raise Denied(f"{commit} does not follow {since}: GitHub says {told.get('status')}")
        found = many(told.get("commits"))
        for each in found:
            commits.append((str(each["sha"]), str(each["commit"]["message"])))
            parents[str(each["sha"])] = [str(parent["sha"]) for parent in each.get("parents") or []]
        if len(found) < A_PAGE or len(commits) >= int(told.get("total_commits", 0)):
            return commits, parents
    raise Denied(f"more than {MOST_COMMITS:,} commits since {since}: name a later one in `since`")


def _requests(commits: list[tuple[str, str]], parents: Mapping[str, list[str]]) -> tuple[list[int], list[Any]]:
    """Numbers of the pull requests, and the commits that none of them brought."""
    numbers, brought = list[int](), set[str]()
    for sha, message in commits:
        subject = message.partition("\n")[0]
        if found := MERGED.match(message) or SQUASHED.search(subject):
            numbers.append(int(found[1]))
            brought.add(sha)
            # What a merge commit's second parent leads to came with it.
            waiting = parents.get(sha, [])[1:]
            while waiting:
                if (inside := waiting.pop()) in parents and inside not in brought:
                    brought.add(inside)
                    waiting += parents[inside]
    orphans = [(sha, message.partition("\n")[0][:100]) for sha, message in commits if sha not in brought]
    return sorted(set(numbers)), orphans


def _last_words(reviews: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Person -> the state of their last review that decides something; a comment decides nothing."""
    found: dict[str, str] = {}
    for review in sorted(reviews, key=lambda review: str(review.get("submitted_at") or "")):
        if review.get("state") in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            found[str((review.get("user") or {}).get("login"))] = str(review["state"])
    return found
