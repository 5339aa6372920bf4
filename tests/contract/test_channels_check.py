"""The channels' check: test messages by real HTTP and into a real file, and gates with and without data."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from blocks.channels_check import ChannelsCheck
from blocks.console_notifier import ConsoleNotifier
from blocks.webhook_notifier import WebhookNotifier
from tests.contract.shown_world import Small, shown_world, spec_of
from tests.contract.test_webhook_notifier import KEY, Receiver, served
from tidegate.errors import SpecError
from tidegate.ports import CheckResult, Notifier, Verdict
from tidegate.spec import Spec

GATES = [
    {"name": "errors", "component": "api", "metric": "error_rate", "target": "below 1 %"},
    {"name": "slow", "component": "api", "metric": "latency_p95", "target": "below 500ms"},
    {"name": "page-errors", "component": "frontend", "metric": "error_rate", "target": "below 1 %"},
]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    yield from served(Receiver())


def spec(*optional: str) -> Spec:
    to = {"use": "console-notifier"}
    channels = [{"name": name, "to": to, "required": name not in optional} for name in ("hook", "log", "dead")]
    return spec_of("shop", channels=channels, gates=GATES)


def channels(receiver: Receiver, file: Path) -> dict[str, Notifier]:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        nobody = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    return {
        "hook": WebhookNotifier(url=receiver.url, signing_key=SecretStr(KEY)),
        "log": ConsoleNotifier(file=file, console=False),
        "dead": WebhookNotifier(url=nobody, signing_key=SecretStr(KEY)),
    }


def asked(of: Spec, told: dict[str, Notifier], api: Small | None = None, **fields: Any) -> CheckResult:
    check = ChannelsCheck(**fields).told_of(of)
    parts = {"api": api or Small(), "frontend": Small(values={"error_rate": 0.0})}
    check.meets(shown_world(of, parts, told))
    return check.run({"release": "shop/2.1.0/1"})


@pytest.mark.proves("not.channels", "pre.alerts", "S2-050")
def test_each_channel_gets_a_test_message_that_asks_for_nothing(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "notices.jsonl"
    told = asked(spec(), channels(receiver, file), channels=["hook", "log"])
    assert told.verdict is Verdict.PASS, told.evidence
    assert told.figures == {"told": 2.0, "lost": 0.0, "blind_gates": 0.0}
    (sent,) = receiver.taken
    assert (sent["event"], sent["severity"], sent["release"]) == ("test", "info", "shop/2.1.0/1")
    assert "nothing is to be done" in sent["text"]["en"]
    assert "조치할 사항이 없습니다" in sent["text"]["ko"]
    assert json.loads(file.read_text("utf-8"))["event"] == "test"


def test_a_dead_channel_fails_unless_it_is_not_required(receiver: Receiver, tmp_path: Path) -> None:
    told = channels(receiver, tmp_path / "x")
    failed = asked(spec(), told)
    assert failed.verdict is Verdict.FAIL
    assert failed.evidence.startswith("dead did not take a test message: the webhook does not answer")
    fine = asked(spec("dead"), told)
    assert fine.verdict is Verdict.PASS
    assert "dead (not required) did not: the webhook does not answer" in fine.evidence


def test_a_channel_that_the_spec_does_not_have_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SpecError, match="no channel pager") as no:
        ChannelsCheck(channels=["pager"]).told_of(spec())
    assert no.value.advice == "the spec's channels: hook, log, dead"


@pytest.mark.proves("pre.alerts", "S0-017")
def test_a_gate_without_data_is_an_alarm_that_never_rings(receiver: Receiver, tmp_path: Path) -> None:
    told = channels(receiver, tmp_path / "x")
    blind = asked(spec(), told, Small(values={"error_rate": 0.0}), channels=["log"], metrics="all")
    assert blind.verdict is Verdict.FAIL
    assert blind.evidence.splitlines()[0] == "gate slow: latency_p95 has no data of shop-1"
    assert blind.figures["blind_gates"] == 1
    both = Small(values={"error_rate": 0.0, "latency_p95": 0.2})
    assert asked(spec(), told, both, channels=["log"], metrics="all").verdict is Verdict.PASS
    split = asked(spec(), told, Small(split=None), channels=["log"], metrics="all")
    assert "no side of api carries everything" in split.evidence


def test_shown_no_spec_it_never_passes() -> None:
    assert ChannelsCheck().run({}).verdict is Verdict.ERROR
