"""Statuses, environments and comments at a stand-in that holds each request against GitHub's description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from blocks.github_notifier import GithubNotifier
from tests.contract.github_double import REPO, SHA, TOKEN, GitHub, github
from tests.contract.test_notifier import NOTICE
from tests.contract.vendor_double import Asked
from tidegate.errors import Denied

REF = {"ref": "a", "sha": SHA, "repo": {"id": 1, "url": "x", "name": "x"}}
PULL = {"id": 1, "number": 12, "url": "x", "head": REF, "base": REF}
RELEASED = replace(NOTICE, event="released", severity="info", title={"en": "released", "ko": "배포 성공"})


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    with github() as made:
        yield made


def notifier(there: GitHub, form: str, **fields: Any) -> GithubNotifier:
    made = {"repository": "team/shop", "form": form, "token_secret": "GITHUB_TOKEN", "api_url": there.double.url}
    return GithubNotifier(**{**made, **fields})


@pytest.mark.proves("not.channels", "S1-050", "S1-051")
def test_the_status_of_the_releases_commit_says_how_it_went(there: GitHub) -> None:
    notifier(there, "commit-status", context="pre-deployment-checks").tell(NOTICE)
    notifier(there, "commit-status", language="ko").tell(RELEASED)
    failed, fine = there.written
    assert (failed["state"], failed["sha"], failed["context"]) == ("failure", SHA, "pre-deployment-checks")
    assert failed["target_url"] == "http://127.0.0.1:4200/x"
    assert (fine["state"], fine["description"]) == ("success", "배포 성공")
    notifier(there, "commit-status").tell(replace(NOTICE, title={"en": "x" * 300}))
    assert len(there.written[-1]["description"]) == 140


@pytest.mark.proves("not.badge", "S1-019")
def test_each_environment_has_a_deployment_whose_newest_status_is_its_badge(there: GitHub) -> None:
    badge = notifier(there, "badge", environments=["staging", "production"])
    badge.tell(replace(RELEASED, event="staged"))
    badge.tell(RELEASED)
    badge.tell(replace(NOTICE, event="rolled-back"))
    assert [one["environment"] for one in there.deployments] == ["staging", "production"], "one for a commit"
    assert [(one["id"], one["state"]) for one in there.deployment_statuses] == [
        (1, "success"), (2, "success"), (2, "inactive"),
    ]  # fmt: skip
    notifier(there, "badge").tell(replace(RELEASED, event="staged"))
    assert len(there.deployment_statuses) == 3, "no environment of its own"


@pytest.mark.proves("not.channels", "S1-018", "S1-026")
def test_the_open_pull_request_of_the_commit_gets_a_comment(there: GitHub) -> None:
    there.job("lint", pull_requests=[PULL])
    notifier(there, "pull-request-comment").tell(RELEASED)
    (comment,) = there.comments
    assert comment["on"] == "12"
    assert comment["body"].startswith("**released**\n\nerror rate 4.2 %, limit 1 %")
    there.jobs = []
    with pytest.raises(Denied, match="no open pull request of 2"):
        notifier(there, "pull-request-comment").tell(RELEASED)


def test_one_comment_for_a_release_is_changed_in_place(there: GitHub) -> None:
    """These two operations are not in the description that we have: what is sent is looked at by hand."""
    kept: list[dict[str, Any]] = []
    changed: list[Asked] = []
    there.double.beyond["GET", f"{REPO}/issues/{{issue_number}}/comments"] = lambda _: (200, kept)

    def patch(one: Asked) -> tuple[int, Any]:
        changed.append(one)
        return 200, {"id": 5}

    there.double.beyond["PATCH", f"{REPO}/issues/comments/{{comment_id}}"] = patch
    there.job("lint", pull_requests=[PULL])
    once = notifier(there, "pull-request-comment", update_in_place=True)
    once.tell(NOTICE)
    kept.append({"id": 5, "body": there.comments[0]["body"]})
    once.tell(RELEASED)
    assert len(there.comments) == 1
    assert changed[0].names == {"owner": "team", "repo": "shop", "comment_id": "5"}
    assert changed[0].body["body"].startswith("**released**")


def test_a_notice_without_a_release_is_refused(there: GitHub) -> None:
    with pytest.raises(Denied, match="has no commit"):
        notifier(there, "commit-status").tell(replace(NOTICE, release=""))
