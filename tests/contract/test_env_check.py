"""An environment's variables from real files, from servers that answer as Vercel and Render do, and from our own."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.env_check import EnvCheck
from tests.contract.spec_with_environment import with_environment
from tests.contract.test_http_check import Site
from tidegate.errors import ConnectorError, SpecError
from tidegate.ports import CheckResult, Verdict

FACTS = {"release": "shop/2.1.0/1", "version": "2.1.0", "weight": "25"}
WANTED: list[dict[str, Any]] = [
    {"name": "NODE_ENV", "value": "production"},
    {"name": "API_URL", "kind": "url"},
    {"name": "PERCENT", "kind": "percent", "follows": "step-weight"},
    {"name": "PORT", "kind": "integer"},
    {"name": "DEBUG", "value": "false", "kind": "boolean"},
    {"name": "JWT_SECRET", "secret": True},
    {"name": "EXTRA", "required": False},
]
GOOD = """# of production
NODE_ENV=production
export API_URL="https://api.shop.test"
PERCENT=25 # the step's
PORT='3000'
DEBUG=false
JWT_SECRET=planted-secret-77
"""


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def asked(wanted: list[dict[str, Any]] = WANTED, **fields: Any) -> CheckResult:
    check = EnvCheck(**fields).told_of(with_environment("production", wanted))
    return check.run(FACTS)


def of_file(tmp_path: Path, text: str, **fields: Any) -> CheckResult:
    file = tmp_path / ".env.production"
    file.write_text(text)
    return asked(file=file, **fields)


@pytest.mark.proves("pre.env", "S0-018", "S0-020", "S2-044")
def test_a_file_that_is_as_the_spec_says_passes(tmp_path: Path) -> None:
    told = of_file(tmp_path, GOOD, extra="refuse")
    assert told.verdict is Verdict.PASS, told.evidence
    assert told.evidence == "7 variables in .env.production, as the spec says"


@pytest.mark.proves("pre.env", "S0-019", "S0-026")
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("NODE_ENV=production\n", "", "NODE_ENV is missing"),
        ("JWT_SECRET=planted-secret-77", "JWT_SECRET=", "JWT_SECRET is empty"),
        ("NODE_ENV=production", "NODE_ENV=staging", "NODE_ENV is 'staging' instead of production"),
        ("PERCENT=25", "PERCENT=50", "PERCENT is '50' instead of 25, the active step's weight"),
        ("https://api", "ftp://api", "API_URL is 'ftp://api.shop.test', no URL of http or https"),
        ("PORT='3000'", "PORT=3000x", "PORT is '3000x', no whole number"),
        ("PORT='3000'", "PORT=3000\nOTHER=1", "OTHER is not in the spec"),
        ("https://api.shop.test", "https://your-project.shop.test", "API_URL still holds a placeholder (your-*)"),
        ("planted-secret-77", "Changeme", "JWT_SECRET still holds a placeholder (changeme)"),
    ],
)
def test_each_thing_that_is_wrong_is_told_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    told = of_file(tmp_path, GOOD.replace(old, new), extra="refuse")
    assert told.verdict is Verdict.FAIL
    assert told.evidence.splitlines()[1:] == [said]


@pytest.mark.proves("sec.secrets", "I24")
def test_a_secret_s_value_is_never_shown_and_one_that_everybody_sees_is_refused(tmp_path: Path) -> None:
    role = base64.urlsafe_b64encode(json.dumps({"role": "service_role"}).encode()).decode().rstrip("=")
    anon = base64.urlsafe_b64encode(json.dumps({"role": "anon"}).encode()).decode().rstrip("=")
    more = f"PUBLIC_A=eyJhbGciOiJIUzI1NiJ9.{role}.sig\nPUBLIC_B=eyJhbGciOiJIUzI1NiJ9.{anon}.sig\nPUBLIC_C=sk_live_1\n"
    told = of_file(tmp_path, GOOD + more, no_secret_in=["PUBLIC_*"])
    assert told.evidence.splitlines()[1:] == [
        "PUBLIC_A is shown to everybody and holds a secret",
        "PUBLIC_C is shown to everybody and holds a secret",
    ]
    short = of_file(tmp_path, GOOD, secrets=["JWT_SECRET"], length="at least 32B")
    assert short.evidence.splitlines()[1:] == ["JWT_SECRET is shorter than 32 bytes"]
    assert "planted" not in told.evidence + short.evidence


def test_a_file_that_cannot_be_read_for_sure_is_an_error(tmp_path: Path) -> None:
    for text, said in (("A=1\nA=2\n", "2: A stands there twice"), ("just words\n", "1 is no NAME=value")):
        told = of_file(tmp_path, text)
        assert told.verdict is Verdict.ERROR
        assert said in told.evidence
    assert "there is no file" in asked(file=tmp_path / "none").evidence
    assert of_file(tmp_path, "NODE_ENV=$(touch x)\n", only=["NODE_ENV"]).verdict is Verdict.FAIL


@pytest.mark.proves("pre.env", "S1-022", "S3-054")
def test_vercel_is_asked_for_one_target_and_what_it_hides_is_not_believed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    envs = [
        {"key": "NODE_ENV", "value": "production", "type": "plain", "target": ["production"]},
        {"key": "NODE_ENV", "value": "staging", "type": "plain", "target": ["preview"]},
        {"key": "JWT_SECRET", "value": "c2VhbGVk", "type": "sensitive", "target": ["production"]},
        {"key": "DEBUG", "value": "c2VhbGVk", "type": "sensitive", "target": "production"},
    ]
    site.ways["/v10/projects/shop/env?decrypt=true"] = lambda answer: answer.send(
        body=json.dumps({"envs": envs}).encode()
    )
    monkeypatch.setenv("VERCEL_TOKEN", "planted-secret-77")
    fields: dict[str, Any] = {
        "platform": "vercel",
        "project": "shop",
        "token_secret": "VERCEL_TOKEN",
        "api_url": site.url,
    }
    told = asked(only=["NODE_ENV", "JWT_SECRET"], **fields)
    assert told.verdict is Verdict.PASS, told.evidence
    assert site.asked[-1][1]["Authorization"] == "Bearer planted-secret-77"
    told = asked(only=["DEBUG"], **fields)
    assert told.evidence.splitlines()[1:] == ["DEBUG cannot be read, so nobody knows whether it is false"]
    told = asked(only=["NODE_ENV"], target="preview", **fields)
    assert told.evidence.splitlines()[1:] == ["NODE_ENV is 'staging' instead of production"]


@pytest.mark.proves("S4-060")
def test_render_is_asked_page_by_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def page(first: int, count: int) -> list[dict[str, Any]]:
        return [{"envVar": {"key": f"A{n}", "value": "x"}, "cursor": f"c{n}"} for n in range(first, first + count)]

    last = [*page(100, 1), {"envVar": {"key": "TZ", "value": "Asia/Seoul"}, "cursor": "end"}]
    way = "/v1/services/srv/env-vars?limit=100"
    site.ways[way] = lambda answer: answer.send(body=json.dumps(page(0, 100)).encode())
    site.ways[way + "&cursor=c99"] = lambda answer: answer.send(body=json.dumps(last).encode())
    monkeypatch.setenv("RENDER_API_KEY", "k")
    fields: dict[str, Any] = {
        "platform": "render",
        "service": "srv",
        "token_secret": "RENDER_API_KEY",
        "api_url": site.url,
    }
    wanted = [{"name": "TZ", "value": "Asia/Seoul"}]
    assert asked(wanted, variables=["TZ"], **fields).verdict is Verdict.PASS
    site.ways[way] = lambda answer: answer.send(status=401)
    assert "answers 401" in asked(wanted, **fields).evidence
    site.ways[way] = lambda answer: answer.send(status=503)
    with pytest.raises(ConnectorError, match="answers 503"):
        asked(wanted, **fields)
    monkeypatch.delenv("RENDER_API_KEY")
    assert "RENDER_API_KEY is not set" in asked(wanted, **fields).evidence


@pytest.mark.proves("S0-027", "S0-028")
def test_addresses_are_asked_and_a_test_event_has_to_be_taken(site: Site, tmp_path: Path) -> None:
    wanted: list[dict[str, Any]] = [{"name": "CDN", "kind": "url"}, {"name": "DSN", "kind": "url"}]
    host = site.url.removeprefix("http://")
    file = tmp_path / ".env"
    file.write_text(f"CDN={site.url}/cdn\nDSN=http://key@{host}/7\n")
    site.ways["/cdn"] = site.ways["/api/7/store/"] = lambda answer: answer.send()
    told = asked(wanted, file=file, urls_answer=True, test_event="DSN")
    assert told.verdict is Verdict.PASS, told.evidence
    assert "sentry_key=key" in site.asked[-1][1]["X-Sentry-Auth"]
    site.ways["/cdn"] = lambda answer: answer.send(status=502)
    site.ways["/api/7/store/"] = lambda answer: answer.send(status=403)
    told = asked(wanted, file=file, urls_answer=True, test_event="DSN")
    assert told.evidence.splitlines()[1:] == [
        f"CDN: {site.url}/cdn answers 502", "DSN: 127.0.0.1 answers 403 to a test event"
    ]  # fmt: skip


@pytest.mark.proves("S0-078")
def test_without_a_source_it_is_what_a_command_would_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JWT_SECRET", raising=False)
    told = asked(only=["NODE_ENV", "PERCENT", "JWT_SECRET"])
    assert told.evidence.splitlines()[1:] == ["JWT_SECRET is missing"]
    monkeypatch.setenv("JWT_SECRET", "x")
    assert asked(only=["NODE_ENV", "PERCENT", "JWT_SECRET"]).verdict is Verdict.PASS


def test_the_check_s_own_environment_is_meant_where_none_is_named() -> None:
    check = EnvCheck().told_of(with_environment("staging", [{"name": "TZ", "value": "Asia/Seoul"}]))
    assert check.run({**FACTS, "environment": "staging"}).verdict is Verdict.PASS
    assert "no environment production" in check.run(FACTS).evidence
    with pytest.raises(SpecError, match="no environment 'nowhere'; it has staging"):
        EnvCheck(environment="nowhere").told_of(with_environment("staging", []))
    assert "has no variable NOWHERE" in asked(only=["NOWHERE"]).evidence


@pytest.mark.parametrize(
    "fields",
    [{"file": "a", "platform": "vercel", "project": "x"}, {"platform": "vercel"}, {"platform": "render"},
     {"platform": "heroku"}, {"extra": "ignore"}],
)  # fmt: skip
def test_a_mistake_in_the_fields_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EnvCheck(**fields)  # type: ignore[arg-type]
