"""What every check must do; add a stand of another product to STANDS and all of it runs over that, too."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from blocks.command_check import CommandCheck
from blocks.http_check import HttpCheck
from tests.contract.test_http_check import Site
from tidegate.ports import Check, Verdict

FACTS = {"release": "shop/2.1.0/1", "system": "shop", "version": "2.1.0", "component": "api", "digest": "sha256:ab"}
SECRET = "planted-secret-77"


@dataclass(frozen=True, slots=True)
class Stand:
    """A product's check in the states that a release meets."""

    passing: Check
    failing: Check  # its other side said no, and repeated the secret while doing so
    hanging: Check  # its other side does not answer within a second
    needing: Check  # wants {url}, and passes with any


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def command_stand(_: Site) -> Stand:
    def python(script: str, *words: str, timeout: str = "30s") -> CommandCheck:
        return CommandCheck(
            argv=[sys.executable, "-c", script, *words],
            secrets={"TOKEN": SecretStr(SECRET)},
            timeout=timeout,  # type: ignore[arg-type]
        )

    return Stand(
        passing=python("import sys; sys.exit(sys.argv[1] != '2.1.0')", "{version}"),
        failing=python("import os, sys; sys.exit('no: ' + os.environ['TOKEN'])"),
        hanging=python("import time; time.sleep(60)", timeout="1s"),
        needing=python("", "{url}"),
    )


def http_stand(site: Site) -> Stand:
    def asking(path: str, url: str = site.url, timeout: str = "20s") -> HttpCheck:
        return HttpCheck(
            url=f"{url}/{path}",
            secret_headers={"X-Key": SecretStr(SECRET)},
            timeout=timeout,  # type: ignore[arg-type]
            pause="0s",  # type: ignore[arg-type]
            answer_headers={"X-Echo": "fine"},
        )

    site.ways["/2.1.0"] = site.ways["/needing"] = lambda answer: answer.send(X_Echo="fine")
    site.ways["/no"] = lambda answer: answer.send(X_Echo=f"no: {answer.headers['X-Key']}")
    site.ways["/hangs"] = lambda _: threading.Event().wait(2)  # type: ignore[assignment]
    return Stand(asking("{version}"), asking("no"), asking("hangs", timeout="300ms"), asking("needing", "{url}"))


STANDS = {"command-check": command_stand, "http-check": http_stand}


@pytest.fixture(params=STANDS)
def stand(request: pytest.FixtureRequest, site: Site) -> Stand:
    return STANDS[request.param](site)


@pytest.mark.proves("pre.block")
def test_a_yes_passes_and_a_no_fails_with_what_was_seen(stand: Stand) -> None:
    passed = stand.passing.run(FACTS)
    assert passed.verdict is Verdict.PASS, passed.evidence
    assert passed.evidence
    failed = stand.failing.run(FACTS)
    assert failed.verdict is Verdict.FAIL, failed.evidence
    assert "no: ***" in failed.evidence


@pytest.mark.proves("I24")
def test_no_secret_is_in_what_was_seen(stand: Stand) -> None:
    told = stand.failing.run(FACTS)
    assert SECRET not in repr(told) + repr(stand.failing)


def test_a_hanging_other_side_is_never_a_pass_and_ends_in_time(stand: Stand) -> None:
    told = stand.hanging.run(FACTS)
    assert told.verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE}
    assert "within" in told.evidence
    assert told.seconds < 20


def test_a_fact_that_is_not_known_yet_is_an_error_that_names_it(stand: Stand, site: Site) -> None:
    told = stand.needing.run(FACTS)
    assert told.verdict is Verdict.ERROR
    assert "{url} is not known at this point of a release" in told.evidence
    assert stand.needing.run({**FACTS, "url": site.url}).verdict is Verdict.PASS


@pytest.mark.parametrize("value", ["-rf", "--help", "a\nb", "a\0b", "\x1b[2J", "x" * 3000], ids=ascii)
def test_a_hostile_fact_is_refused_on_one_line(stand: Stand, value: str) -> None:
    told = stand.needing.run({**FACTS, "url": value})
    assert told.verdict is Verdict.ERROR
    assert told.evidence.isprintable()
    assert len(told.evidence) < 400


def test_a_check_can_be_asked_again_and_keeps_nothing(stand: Stand) -> None:
    facts = dict(FACTS)
    verdicts = [stand.passing.run(facts).verdict, stand.failing.run(facts).verdict, stand.passing.run(facts).verdict]
    assert verdicts == [Verdict.PASS, Verdict.FAIL, Verdict.PASS]
    assert facts == FACTS
