"""A trigger's check, asked aside: nobody waits for it, a FAIL counts, and what cannot be asked says nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import pytest

from blocks.checks_aside import CheckAside
from blocks.http_check import HttpCheck
from tests.contract.json_pages import pages
from tidegate.errors import Denied
from tidegate.ports import CheckResult, Heard, Verdict


class Hand:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Check:
    def __init__(self) -> None:
        self.says: list[Verdict | Exception] = []
        self.asked, self.open = 0, threading.Event()
        self.open.set()

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        assert self.open.wait(30)
        said = self.says[min(self.asked, len(self.says) - 1)]
        self.asked += 1
        if isinstance(said, Exception):
            raise said
        return CheckResult(said, f"{said} for {facts['release']}")


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "never"
        time.sleep(0.01)


FACTS = {"release": "shop/2.1.0/1"}
P, F, E, U = Verdict.PASS, Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE


def heard(aside: CheckAside, check: Check, clock: Hand, rounds: int) -> list[int]:
    """Failures in a row after each of so many questions."""
    found = []
    for n in range(1, rounds + 1):
        aside.heard(FACTS)
        until(lambda n=n: check.asked == n and not aside._busy)  # type: ignore[misc]  # bound on purpose
        found.append(aside.heard(FACTS).failures)
        clock.seconds += 5.0
    return found


def test_only_failures_count_only_a_pass_ends_the_row_and_trouble_does_neither() -> None:
    check, clock = Check(), Hand()
    check.says = [F, F, E, U, Denied("no"), F, P, F]
    aside = CheckAside(check, every=1.0, elapsed=clock)
    assert heard(aside, check, clock, 8) == [1, 2, 2, 2, 2, 3, 0, 1]


def test_a_check_that_hangs_delays_nobody_and_is_told() -> None:
    check, clock = Check(), Hand()
    check.says = [P]
    check.open.clear()
    aside = CheckAside(check, every=1.0, elapsed=clock)
    began = time.monotonic()
    assert {aside.heard(FACTS) for _ in range(500)} == {Heard()}
    assert time.monotonic() - began < 2.0
    clock.seconds = 130.0
    assert aside.heard(FACTS).trouble == "no answer for 130 s"
    check.open.set()
    until(lambda: check.asked == 1 and not aside._busy)
    assert aside.heard(FACTS).trouble == ""


@pytest.mark.proves("trg.instant")
def test_a_real_site_that_is_down_fails_again_and_again() -> None:
    with pages() as page:
        page.say("ill", 503)
        clock = Hand()
        aside = CheckAside(HttpCheck(url=f"{page.url}/"), every=5.0, elapsed=clock)
        for n in range(1, 4):
            aside.heard(FACTS)
            until(lambda n=n: aside.heard(FACTS).failures == n)  # type: ignore[misc]  # bound on purpose
            clock.seconds += 5.0
        assert "503" in aside.heard(FACTS).evidence
        page.say("well")
        until(lambda: aside.heard(FACTS).failures == 0)
