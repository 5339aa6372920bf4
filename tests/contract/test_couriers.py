"""The post of a process: real threads, a notifier that hangs, one that breaks."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from tasks.couriers import UNDER_WAY, Couriers
from tidegate.errors import Unreachable
from tidegate.ports import Notice, Notifier

NOTICE = Notice("page", "critical", "shop/2.1.0/1", {"en": "t"}, {"en": "x"})


class Hears:
    def __init__(self) -> None:
        self.heard = threading.Event()

    def tell(self, notice: Notice) -> None:
        self.heard.set()


class Hangs:
    """Until it is let go."""

    def __init__(self) -> None:
        self.go, self.calls = threading.Event(), 0

    def tell(self, notice: Notice) -> None:
        self.calls += 1
        self.go.wait(60)


class Breaks:
    def __init__(self, why: Exception) -> None:
        self.why = why

    def tell(self, notice: Notice) -> None:
        raise self.why


@pytest.mark.proves("I22")
def test_each_gets_its_own_message_and_a_dead_one_costs_the_deadline_at_most() -> None:
    hears, hangs = Hears(), Hangs()
    post, began = Couriers(within=0.5), time.monotonic()
    dead: dict[str, Notifier] = {
        "one": hangs,
        "two": Breaks(Unreachable("no answer")),
        "three": Breaks(ZeroDivisionError("secret")),
    }
    lost = post({**dead, "four": hears}, NOTICE)
    assert time.monotonic() - began < 5
    assert hears.heard.is_set()
    assert lost == {
        "one": "not delivered within 0.5 s",
        "two": "no answer",
        "three": "the notifier failed: ZeroDivisionError",
    }
    hangs.go.set()


def test_a_dead_channel_is_in_the_log_once_and_again_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    post = Couriers(within=5)
    with caplog.at_level(logging.WARNING, "tidegate.messages"):
        for _ in range(3):
            post({"chat": Breaks(Unreachable("no answer"))}, NOTICE)
        post({"chat": Hears()}, NOTICE)
        post({"chat": Hears()}, NOTICE)
    assert [one.message for one in caplog.records] == [
        "channel chat lost 'page' of shop/2.1.0/1: no answer",
        "channel chat takes messages again",
    ]


def test_a_channel_that_hangs_collects_no_threads_without_end() -> None:
    post, hangs = Couriers(within=0.02), Hangs()
    told = [post({"chat": hangs}, NOTICE)["chat"] for _ in range(UNDER_WAY + 4)]
    assert hangs.calls == UNDER_WAY
    assert told[-1] == f"{UNDER_WAY} messages before it are still under way"
    hangs.go.set()
    while (lost := post({"chat": hangs}, NOTICE)) and lost["chat"].startswith(str(UNDER_WAY)):
        time.sleep(0.01)


def test_the_watch_does_not_wait_at_all() -> None:
    hears, hangs = Hears(), Hangs()
    began = time.monotonic()
    Couriers(within=30).aside({"one": hangs, "two": hears}, NOTICE)
    assert time.monotonic() - began < 2
    assert hears.heard.wait(10)
    hangs.go.set()
