"""What http-headers-check asks and finds, against a real server, with the header sets of the reference specs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.http_headers_check import HttpHeadersCheck
from blocks.yaml_reading import read_spec
from tests.contract.test_http_check import Answers, Site
from tests.house.tree import ROOT
from tidegate.ports import CheckResult, Verdict

GREENFLOW = {
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'",
}
FACTS = {"release": "shop/2.1.0/1", "version": "2.1.0"}


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def sends(site: Site, path: str, headers: dict[str, str], status: int = 200) -> None:
    site.ways[path] = lambda answer: answer.send(status, b"ok", **headers)


def looked(site: Site, headers: dict[str, str] = GREENFLOW, **fields: Any) -> CheckResult:
    return HttpHeadersCheck(**{"urls": [f"{site.url}/"], "headers": headers, "timeout": "20s", **fields}).run(FACTS)


@pytest.mark.proves("sec.headers", "S0-033", "S2-058")
@pytest.mark.parametrize("name", ["dashboard", "greenflow"])
def test_the_header_sets_of_the_reference_specs_pass_and_fail_path_by_path(site: Site, name: str) -> None:
    path = ROOT / "deployments" / "releases" / f"{name}.yaml"
    named = read_spec(path.read_bytes(), path.name)
    wanted = next(one for one in named.checks if one.check.use == "http-headers-check").check.settings["headers"]
    for asked in ("/", "/api/v2/health"):
        sends(site, asked, wanted)
    sends(site, "/no-such-page", wanted, status=404)
    paths = ["/", "/api/v2/health", "/no-such-page"]
    assert looked(site, wanted, urls=[], base=site.url, paths=paths).verdict is Verdict.PASS
    for missing in wanted:
        sends(site, "/api/v2/health", {header: value for header, value in wanted.items() if header != missing})
        told = looked(site, wanted, urls=[], base=site.url, paths=paths)
        assert told.verdict is Verdict.FAIL
        assert told.evidence == f"{site.url}/api/v2/health: no {missing}, wanted: {wanted[missing]}"


@pytest.mark.parametrize(
    ("header", "sent", "verdict"),
    [
        ("Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload", Verdict.PASS),
        ("Strict-Transport-Security", "max-age=31535999", Verdict.FAIL),
        ("Strict-Transport-Security", "includeSubDomains", Verdict.FAIL),
        ("X-Frame-Options", "deny", Verdict.PASS),
        ("X-Frame-Options", "SAMEORIGIN", Verdict.FAIL),
        ("Content-Security-Policy", " default-src  'self' ;", Verdict.PASS),
        ("Content-Security-Policy", "default-src 'self'; script-src *", Verdict.FAIL),
        ("Content-Security-Policy", "", Verdict.FAIL),
    ],
)
def test_a_header_may_be_stronger_where_that_can_be_told_and_is_the_same_elsewhere(
    site: Site, header: str, sent: str, verdict: Verdict
) -> None:
    sends(site, "/", {**GREENFLOW, header: sent})
    told = looked(site)
    assert told.verdict is verdict, told.evidence
    assert verdict is Verdict.PASS or (header in told.evidence and GREENFLOW[header] in told.evidence)


def test_further_directives_of_strict_transport_are_asked_for(site: Site) -> None:
    sends(site, "/", {"Strict-Transport-Security": "max-age=31536000"})
    wanted = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
    assert looked(site, wanted).verdict is Verdict.FAIL


def test_a_header_that_is_sent_twice_says_the_same_both_times(site: Site) -> None:
    def twice(answer: Answers) -> None:
        answer.send_response(200)
        answer.send_header("X-Frame-Options", "DENY")
        answer.send_header("X-Frame-Options", "SAMEORIGIN")
        answer.send_header("Content-Length", "0")
        answer.end_headers()

    site.ways["/"] = twice
    told = looked(site, {"X-Frame-Options": "DENY"})
    assert (told.verdict, "X-Frame-Options is SAMEORIGIN, wanted: DENY" in told.evidence) == (Verdict.FAIL, True)


def test_a_header_that_may_not_be_sent_is_named(site: Site) -> None:
    sends(site, "/", {"X-Powered-By": "x", **GREENFLOW})
    told = looked(site, absent=["x-powered-by"])
    assert (told.verdict, "x-powered-by is sent, wanted: none" in told.evidence) == (Verdict.FAIL, True)


def test_an_error_page_shows_nothing_and_silence_is_no_health(site: Site) -> None:
    sends(site, "/", GREENFLOW, status=500)
    assert "answers 500" in looked(site).evidence
    site.ways["/"] = lambda _: threading.Event().wait(2)  # type: ignore[assignment]
    told = looked(site, timeout="300ms")
    assert (told.verdict, "within 0.3 s" in told.evidence) == (Verdict.FAIL, True)


def test_every_instance_of_green_is_asked(site: Site) -> None:
    sends(site, "/a/", GREENFLOW)
    sends(site, "/b/", {})
    check = HttpHeadersCheck(base="{url}", paths=["/"], headers=GREENFLOW)
    assert check.run(FACTS).verdict is Verdict.ERROR, "no instance is known yet"
    told = check.run({**FACTS, "url": f"{site.url}/a", "urls": f"{site.url}/a {site.url}/b"})
    assert told.verdict is Verdict.FAIL
    assert f"{site.url}/b/: no Strict-Transport-Security" in told.evidence
    assert f"{site.url}/a/" not in told.evidence


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"headers": GREENFLOW}, "nothing is asked"),
        ({"headers": GREENFLOW, "base": "https://a.example"}, "base and paths go together"),
        ({"headers": {}, "urls": ["https://a.example"]}, "at least 1"),
        ({"headers": GREENFLOW, "urls": ["ftp://a.example"]}, "not of http or https"),
        ({"headers": GREENFLOW, "urls": ["https://a.example/{url}"]}, "can only stand first"),
        ({"headers": GREENFLOW, "urls": ["https://a.example/{colour}"]}, "is not known here"),
    ],
)
def test_a_check_that_could_show_nothing_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        HttpHeadersCheck(**fields)


def test_a_private_address_behind_a_name_is_not_asked() -> None:
    told = HttpHeadersCheck(urls=["http://169.254.169.254/latest"], headers=GREENFLOW).run(FACTS)
    assert (told.verdict, "never asked" in told.evidence) == (Verdict.ERROR, True)
