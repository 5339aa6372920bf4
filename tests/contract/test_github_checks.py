"""Reviews, jobs and issues at a stand-in for GitHub that holds each request and answer against GitHub's description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from blocks.github_ci_check import GithubCiCheck
from blocks.github_issue import GithubIssue
from blocks.github_review_check import GithubReviewCheck
from tests.contract.github_double import TOKEN, GitHub, github
from tidegate.errors import Denied, NotApplied, Unreachable
from tidegate.ports import CheckResult, Verdict

FACTS = {"release": "shop/2.1.0/1", "version": "v2.1.0", "previous": "v2.0.0"}


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    with github() as made:
        yield made


def fields(there: GitHub, **more: Any) -> dict[str, Any]:
    return {"repository": "team/shop", "token_secret": "GITHUB_TOKEN", "api_url": there.double.url, **more}


def reviews(there: GitHub, **more: Any) -> CheckResult:
    return GithubReviewCheck(**fields(there, **more)).run(FACTS)


def jobs(there: GitHub, **more: Any) -> CheckResult:
    return GithubCiCheck(**fields(there, **more)).run(FACTS)


@pytest.mark.proves("pre.review_ci", "S3-006", "S3-011", "S3-059")
def test_every_pull_request_since_the_version_before_needs_its_approvals(there: GitHub) -> None:
    there.commit("b", "inside the branch", "a")
    there.commit("c", "Merge pull request #7 from team/x\n\nfaster", "a", "b")
    there.commit("d", "feat: search (#8)", "c")
    there.review(7, "kim", "APPROVED")
    there.review(8, "kim", "COMMENTED")
    told = reviews(there)
    assert told.verdict is Verdict.FAIL
    assert told.evidence.splitlines()[0] == "#8: 0 of 1 approvals"
    there.review(8, "park", "APPROVED")
    told = reviews(there)
    assert told.verdict is Verdict.PASS, told.evidence
    assert told.evidence == "3 commits since v2.0.0, 2 pull requests, each approved"
    assert there.double.asked[0].path == "/repos/team/shop/compare/v2.0.0...v2.1.0"
    assert there.double.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.proves("pre.review_ci", "S3-006")
def test_the_last_word_of_each_person_counts_and_the_authors_does_not(there: GitHub) -> None:
    there.commit("d", "feat: search (#8)")
    there.review(8, "lee", "APPROVED")
    there.review(8, "kim", "APPROVED", "2026-12-01T08:00:00Z")
    there.review(8, "kim", "CHANGES_REQUESTED", "2026-12-01T09:00:00Z")
    told = reviews(there)
    assert "#8: kim asks for changes" in told.evidence
    assert "#8: 0 of 1 approvals" in told.evidence, "lee wrote it"
    there.review(8, "kim", "DISMISSED", "2026-12-01T09:10:00Z")
    assert "asks for changes" not in reviews(there).evidence
    there.review(8, "kim", "APPROVED", "2026-12-01T09:20:00Z")
    assert reviews(there).verdict is Verdict.PASS
    assert "1 of 2 approvals (kim)" in reviews(there, approvals=2).evidence


def test_a_commit_without_a_pull_request_and_one_that_is_open_fail(there: GitHub) -> None:
    there.commit("d", "pushed straight to main\n\nlate at night")
    there.commit("e", "feat: x (#9)")
    there.pulls["9"] = {"merged": False, "state": "open"}
    told = reviews(there)
    assert told.verdict is Verdict.FAIL
    assert told.evidence.splitlines()[:2] == [
        "commit dddddddddddd came without a pull request: pushed straight to main",
        "#9 is not merged (open)",
    ]


def test_a_version_that_does_not_follow_the_one_before_is_no_range(there: GitHub) -> None:
    there.compared = "diverged"
    with pytest.raises(Denied, match="does not follow"):
        reviews(there)


@pytest.mark.proves("pre.review_ci", "S3-012", "S1-010", "S1-031")
def test_each_named_job_has_to_have_passed_for_this_commit(there: GitHub) -> None:
    there.job("lint")
    there.job("test", "failure", html_url="https://github.com/x/1")
    there.job("unrelated", "failure")
    told = jobs(there, jobs=["lint", "test", "build"])
    assert told.verdict is Verdict.FAIL
    assert told.evidence.splitlines()[:2] == [
        "job test: failure (https://github.com/x/1)",
        "job build: there is none of this commit",
    ]
    there.jobs = []
    for name in ("lint", "test", "build"):
        there.job(name)
    assert jobs(there, jobs=["lint", "test", "build"]).verdict is Verdict.PASS


def test_all_jobs_count_where_none_is_named_and_no_job_is_no_pass(there: GitHub) -> None:
    assert jobs(there).evidence.startswith("GitHub knows no job of this commit")
    there.job("lint", "skipped")
    assert jobs(there).verdict is Verdict.PASS
    assert jobs(there, jobs=["lint"]).verdict is Verdict.FAIL, "named, and skipped"
    there.statuses = [{"context": "legacy-ci", "state": "failure"}]
    assert "status legacy-ci: failure" in jobs(there).evidence
    there.statuses = []
    there.job("deploy", "failure")
    assert jobs(there).verdict is Verdict.FAIL


def test_what_still_runs_is_waited_for(there: GitHub) -> None:
    there.job("lint", None, "in_progress")
    assert jobs(there).verdict is Verdict.INCONCLUSIVE
    there.job("test", "failure")
    assert jobs(there).verdict is Verdict.FAIL


@pytest.mark.proves("pre.review_ci", "S1-050", "S1-123")
def test_the_newest_run_of_each_workflow_counts(there: GitHub) -> None:
    there.job("lint")
    there.runs = [
        {"path": ".github/workflows/ci.yml", "run_number": 4, "status": "completed", "conclusion": "success"},
        {"path": ".github/workflows/ci.yml", "run_number": 5, "status": "completed", "conclusion": "failure"},
        {"path": ".github/workflows/other.yml", "head_sha": "b" * 40, "status": "completed", "conclusion": "success"},
    ]
    told = jobs(there, workflows=["ci.yml", "other.yml"])
    assert told.verdict is Verdict.FAIL
    assert "workflow ci.yml: failure" in told.evidence
    assert "workflow other.yml: no run of this commit" in told.evidence
    there.runs[1]["conclusion"] = "success"
    assert jobs(there, workflows=["ci.yml"]).verdict is Verdict.PASS


def test_a_list_of_many_pages_is_read_to_its_end(there: GitHub) -> None:
    for n in range(120):
        there.job(f"job-{n}", "failure" if n == 119 else "success")
    told = jobs(there)
    assert told.figures["jobs"] == 120
    assert "job job-119: failure" in told.evidence


@pytest.mark.proves("rep.rollback", "S3-040")
def test_an_issue_is_opened_once_with_time_and_cause(there: GitHub) -> None:
    issue = GithubIssue(**fields(there, title="[Rollback] v2 API 배포 롤백", body="롤백 시간: {at}\n원인: {reason}"))
    with pytest.raises(Denied, match=r"\{reason\}, which is not known"):
        issue.do("shop/2.1.0/1", FACTS)
    told = {**FACTS, "reason": "errors above 5 %", "at": "2026-12-01 09:00 UTC"}
    assert issue.done("shop/2.1.0/1", told) == ""
    first = issue.do("shop/2.1.0/1", told)
    assert first == "https://github.com/team/shop/issues/1"
    assert there.issues[0]["title"] == "[Rollback] v2 API 배포 롤백"
    assert there.issues[0]["body"].startswith("롤백 시간: 2026-12-01 09:00 UTC\n원인: errors above 5 %")
    assert issue.do("shop/2.1.0/1", told) == first, "asked again after a crash"
    assert issue.done("shop/2.1.0/1", told) == first
    assert issue.do("shop/2.2.0/1", told) != first
    assert len(there.issues) == 2


@pytest.mark.parametrize(
    ("trouble", "kind", "said"),
    [
        ((401, {}, '{"message": "Bad credentials"}'), Denied, "HTTP 401: Bad credentials"),
        ((404, {}, '{"message": "Not Found"}'), Denied, "HTTP 404: Not Found"),
        ((403, {"x-ratelimit-remaining": "0"}, "{}"), NotApplied, "limit of requests is reached"),
        ((403, {"x-ratelimit-remaining": "50"}, "{}"), Denied, "HTTP 403"),
        ((502, {}, "<html>"), NotApplied, "HTTP 502"),
        ((301, {"Location": "/elsewhere"}, ""), Exception, "redirects are not followed"),
        ((200, {}, "no json"), Exception, "with no JSON"),
    ],
)
def test_what_github_answers_decides(there: GitHub, trouble: Any, kind: type[Exception], said: str) -> None:
    there.double.trouble = [trouble]
    with pytest.raises(kind, match=said) as told:
        jobs(there)
    assert TOKEN not in str(told.value)


def test_nobody_there_is_unreachable_and_without_a_token_nothing_is_asked(
    there: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unreachable, match="GitHub does not answer"):
        jobs(there, api_url="http://127.0.0.1:9")
    told = jobs(there, repository="../../etc")
    assert told.verdict is Verdict.ERROR
    assert "is written OWNER/NAME" in told.evidence
    monkeypatch.delenv("GITHUB_TOKEN")
    told = jobs(there)
    assert told.verdict is Verdict.ERROR
    assert "GITHUB_TOKEN is not set" in told.evidence
    assert not there.double.asked
