"""New groups of errors at a stand-in that holds each request and answer against Sentry's own description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from blocks.sentry_check import SentryCheck
from tests.contract.vendor_double import Double, double
from tests.contract.vendor_samples import answer
from tidegate.errors import Denied
from tidegate.ports import CheckResult, Verdict

ISSUES = "/api/0/projects/{organization_id_or_slug}/{project_id_or_slug}/issues/"
FACTS = {"release_at": "2026-12-01T08:00:00+00:00", "step_at": "2026-12-01T18:00:00+09:00", "version": "v2"}
TOKEN = "made-up-sentry-token"


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    monkeypatch.setenv("SENTRY_AUTH_TOKEN", TOKEN)
    with double("sentry") as made:
        groups(made)
        yield made


def groups(made: Double, *seen: str, level: str = "error") -> None:
    over = [
        {"shortId": f"SHOP-{n}", "title": "TypeError: x", "firstSeen": at, "level": level, "count": "7",
         "metadata": {"title": "x"}, "stats": {}, "permalink": "https://sentry.io/1"}
        for n, at in enumerate(seen, 1)
    ]  # fmt: skip
    made.says["GET", ISSUES] = lambda _: (200, answer("sentry", "GET", ISSUES, 200, over))


def asked(there: Double, **fields: Any) -> CheckResult:
    made = {"organization": "team", "project": "web", "token_secret": "SENTRY_AUTH_TOKEN", "api_url": there.url}
    return SentryCheck(**{**made, **fields}).run(FACTS)


@pytest.mark.proves("ver.logs", "S0-128")
def test_a_group_that_is_new_since_the_step_began_fails(there: Double) -> None:
    assert asked(there).verdict is Verdict.PASS
    groups(there, "2026-12-01T08:59:59Z", "2026-12-01T09:00:30Z")
    told = asked(there)
    assert told.verdict is Verdict.FAIL
    assert told.evidence.splitlines() == [
        "1 new groups since 2026-12-01 09:00 UTC, wanted: at most 0 count",
        "SHOP-2: TypeError: x (7 times, https://sentry.io/1)",
    ]
    assert there.asked[-1].query["query"] == "is:unresolved firstSeen:>=2026-12-01T09:00:00"
    assert there.asked[-1].path == "/api/0/projects/team/web/issues/"
    assert there.asked[-1].headers["authorization"] == f"Bearer {TOKEN}"


def test_the_whole_release_and_a_length_of_time_can_be_asked(there: Double) -> None:
    groups(there, "2026-12-01T08:59:59Z")
    assert asked(there, since="release").figures == {"new_groups": 1.0}
    assert asked(there, since="step").figures == {"new_groups": 0.0}
    asked(there, since="1h", release="{version}")
    assert there.asked[-1].query["query"].endswith(' release:"v2"')


def test_groups_below_the_level_do_not_count(there: Double) -> None:
    groups(there, "2026-12-01T09:30:00Z", level="warning")
    assert asked(there).verdict is Verdict.PASS
    assert asked(there, level="warning").verdict is Verdict.FAIL


def test_before_a_step_has_begun_and_without_a_token_nothing_passes(
    there: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = SentryCheck(organization="t", project="w", token_secret="SENTRY_AUTH_TOKEN", api_url=there.url)
    assert "no step has begun" in check.run({}).evidence
    there.trouble = [(403, {}, '{"detail": "You do not have permission"}')]
    with pytest.raises(Denied, match="You do not have permission"):
        check.run(FACTS)
    monkeypatch.delenv("SENTRY_AUTH_TOKEN")
    assert check.run(FACTS).verdict is Verdict.ERROR
