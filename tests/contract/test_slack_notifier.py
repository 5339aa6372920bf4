"""The Slack notifier against a stand-in that holds each request against Slack's own description."""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from blocks.slack_notifier import SlackNotifier
from blocks.slack_notifier_message import head, reply
from blocks.slack_notifier_threads import MOST, Threads
from tests.contract.slack_double import HOOK, TOKEN, Slack, slack
from tests.contract.test_notifier import HOSTILE, NOTICE
from tests.contract.vendor_contracts import contract
from tidegate.errors import Denied, NotApplied, NotUnderstood, Unreachable
from tidegate.ports import Notice

LATER = replace(
    NOTICE, event="promoted", severity="info", title={"en": "promoted", "ko": "승격"}, text={"en": "all traffic"}
)


@pytest.fixture
def double() -> Iterator[Slack]:
    with slack() as made:
        yield made
        if not contract("slack").here:
            print("elsewhere: ran unvalidated, Slack's description is not here")
        assert made.faults == []


def notifier(double: Slack, folder: Path | None = None, **changes: Any) -> SlackNotifier:
    return SlackNotifier(
        **{
            "token": SecretStr(TOKEN),
            "channel": "#releases",
            "base_url": f"{double.url}/api/",
            "threads": folder and folder / "threads.json",
            **changes,
        }
    )


def shown(message: dict[str, Any]) -> str:
    return json.dumps(message["blocks"], ensure_ascii=False)


def test_every_request_is_held_against_slacks_own_description() -> None:
    if not contract("slack").here:
        pytest.skip("elsewhere: ran unvalidated, Slack's description is not here")
    right = {"content-type": "application/json;charset=utf-8", "authorization": "Bearer x"}
    assert contract("slack").faults("POST", "/chat.postMessage", right, {"channel": "a", "text": "b"}) == []
    assert contract("slack").faults("POST", "/chat.postMessage", right, {"text": "b"})
    assert contract("slack").faults("POST", "/chat.postMessage", right, {"channel": "a", "text": 7})
    assert contract("slack").faults("POST", "/chat.write", right, {})
    assert contract("slack").faults("POST", "/chat.postMessage", {"content-type": "text/plain"}, {"channel": "a"})


@pytest.mark.proves("not.channels", "not.events")
def test_a_release_is_one_thread_whose_first_message_shows_where_it_stands(double: Slack, tmp_path: Path) -> None:
    notifier(double, tmp_path).tell(NOTICE)
    notifier(double, tmp_path).tell(LATER)  # another process
    (first,) = double.heads()
    assert "promoted" in shown(first)
    assert "message 2 of this release" in shown(first)
    assert "worse" not in shown(first), "changed in place"
    (answer,) = double.replies(first["ts"])
    assert "promoted" in shown(answer)
    assert not answer["reply_broadcast"]
    notifier(double, tmp_path).tell(replace(NOTICE, release="shop/2.2.0/1"))
    assert len(double.heads()) == 2, "another release has its own"


def test_any_notice_is_told(double: Slack, tmp_path: Path) -> None:
    any_at_all = Notice(HOSTILE, HOSTILE, HOSTILE, {"en": HOSTILE}, {"fr": HOSTILE}, {HOSTILE: HOSTILE})
    for told in (any_at_all, any_at_all, Notice("x", "info", "", {}, {}), Notice("", "", "", {}, {})):
        notifier(double, tmp_path).tell(told)
    assert len(double.heads()) == 3
    assert len(double.replies(double.heads()[0]["ts"])) == 1


def test_severity_is_shown_and_a_critical_reply_stands_in_the_channel_too(double: Slack, tmp_path: Path) -> None:
    notifier(double, tmp_path).tell(LATER)
    notifier(double, tmp_path).tell(NOTICE)
    (first,) = double.heads()
    (answer,) = double.replies(first["ts"])
    assert answer["reply_broadcast"] is True
    assert ":red_circle: critical" in shown(answer)
    assert answer["text"].startswith("critical: api is worse at 10 %")
    assert "<http://127.0.0.1:4200/x|page>" in shown(answer)


def test_it_speaks_korean_when_asked(double: Slack, tmp_path: Path) -> None:
    notifier(double, tmp_path, language="ko").tell(NOTICE)
    assert "api가 10 %에서 나쁩니다" in shown(double.heads()[0])
    assert "긴급" in shown(double.heads()[0])


def test_a_thread_that_somebody_deleted_begins_anew(double: Slack, tmp_path: Path) -> None:
    one = notifier(double, tmp_path)
    one.tell(NOTICE)
    double.remove(double.heads()[0]["ts"])
    one.tell(LATER)
    assert len(double.heads()) == 1
    one.tell(LATER)
    assert len(double.replies(double.heads()[0]["ts"])) == 1


def test_two_processes_that_tell_at_once_begin_one_thread(double: Slack, tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: notifier(double, tmp_path, patience="30s").tell(NOTICE), range(6)))
    (first,) = double.heads()
    assert len(double.replies(first["ts"])) == 5
    assert "message 6 of" in shown(first)


def test_a_broken_file_of_threads_loses_no_message_and_is_its_owners(double: Slack, tmp_path: Path) -> None:
    file = tmp_path / "threads.json"
    for text in ("{half", "[]", '{"shop/2.1.0/1": {"channel": 3}}'):
        file.write_text(text)
        notifier(double, tmp_path).tell(NOTICE)
    assert len(double.heads()) == 3
    file.unlink()
    notifier(double, tmp_path).tell(NOTICE)
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotApplied, match="threads"):
        notifier(double, tmp_path).tell(NOTICE)


def test_old_releases_are_forgotten(tmp_path: Path) -> None:
    with Threads(tmp_path / "t").of("shop/0", time.monotonic() + 5) as kept:
        assert kept.thread is None
    (tmp_path / "t").write_text(
        json.dumps({f"shop/{n}": {"channel": "C", "ts": "1", "notices": 1} for n in range(300)})
    )
    with Threads(tmp_path / "t").of("shop/299", time.monotonic() + 5) as kept:
        assert kept.thread is not None
        kept.thread = kept.thread.longer()
    told = json.loads((tmp_path / "t").read_text())
    assert len(told) == MOST
    assert told["shop/299"]["notices"] == 2
    with Threads(tmp_path / "t").of("a", time.monotonic() + 5), pytest.raises(NotApplied, match="under way"):  # noqa: SIM117
        with Threads(tmp_path / "t").of("b", time.monotonic() + 0.1):
            pass


def test_a_webhook_needs_no_token_and_has_no_thread(double: Slack) -> None:
    hook = SlackNotifier(webhook=SecretStr(double.url + HOOK))
    hook.tell(NOTICE)
    hook.tell(LATER)
    assert len(double.messages) == 2
    assert "api is worse" in shown(double.messages[0])
    with pytest.raises(Denied, match="no_service"):
        SlackNotifier(webhook=SecretStr(f"{double.url}/services/gone")).tell(NOTICE)


@pytest.mark.parametrize("webhook", [False, True])
def test_a_rate_limit_is_waited_for_within_the_patience(double: Slack, webhook: bool) -> None:
    one = SlackNotifier(webhook=SecretStr(double.url + HOOK)) if webhook else notifier(double)
    slept = list[float]()
    one._sleep = slept.append
    busy = (429, {"Retry-After": "2"}, json.dumps({"ok": False, "error": "ratelimited"}))
    double.trouble = [busy, busy]
    one.tell(NOTICE)
    assert slept == [2.0, 2.0]
    assert len(double.messages) == 1
    double.trouble = [(429, {"Retry-After": "60"}, "{}")]
    with pytest.raises(NotApplied, match="asks to wait 60 s; 6 s is the patience"):
        one.tell(NOTICE)
    assert len(slept) == 2


@pytest.mark.parametrize("webhook", [False, True])
@pytest.mark.proves("I24")
def test_what_goes_wrong_is_a_connectors_error_without_the_secret(
    double: Slack, webhook: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    one = SlackNotifier(webhook=SecretStr(double.url + HOOK)) if webhook else notifier(double)
    said = list[str]()
    for answer, kind in (
        ((500, {}, "<html>"), NotApplied),
        ((503, {}, "{}"), NotApplied),
        ((403, {}, '{"ok": false, "error": "invalid_auth"}'), Denied),
    ):
        double.trouble = [answer]
        with pytest.raises(kind) as no:
            one.tell(NOTICE)
        said.append(str(no.value))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    gone = (
        SlackNotifier(webhook=SecretStr(nobody + HOOK)) if webhook else notifier(double, base_url=nobody, timeout="1s")
    )
    with pytest.raises(Unreachable) as no_answer:
        gone.tell(NOTICE)
    double.slow = 2.0
    began = time.monotonic()
    with pytest.raises(Unreachable):
        one.model_copy(update={"timeout": one.timeout / 3}).tell(NOTICE)
    assert time.monotonic() - began < 1.9
    for text in (*said, str(no_answer.value), repr(one), str(one.model_dump()), caplog.text):
        assert TOKEN not in text
        assert HOOK not in text


def test_an_answer_that_is_none_is_not_understood(double: Slack) -> None:
    double.trouble = [(200, {}, "{not json")]
    with pytest.raises((NotUnderstood, Denied)):
        notifier(double).tell(NOTICE)


def test_a_wrong_token_and_a_wrong_channel_are_told_in_slacks_words(double: Slack) -> None:
    with pytest.raises(Denied, match="invalid_auth"):
        notifier(double, token=SecretStr("xoxb-other")).tell(NOTICE)
    with pytest.raises(Denied, match="channel_not_found"):
        notifier(double, channel="#nowhere").tell(NOTICE)


def test_nobody_is_called_by_what_was_put_into_a_notice() -> None:
    smuggled = "<!channel> <https://evil.example|ok> & *a*" + HOSTILE
    told = Notice(smuggled, smuggled, smuggled, {"en": smuggled}, {"en": smuggled}, {smuggled: "javascript:alert(1)"})
    for card in (head(told, "en", 1), reply(told, "ko")):
        text = json.dumps(card["blocks"][-2:], ensure_ascii=False) + card["text"]
        assert "<" not in text
        assert card["text"].isprintable()


def test_slacks_limits_hold_for_any_length() -> None:
    long = "&<>x" * 2000
    card = head(Notice("e" * 500, "critical", "r" * 500, {"en": long}, {"en": long}, {}), "en", 1)
    header, section, context = card["blocks"]
    assert len(header["text"]["text"]) <= 150
    assert len(section["text"]["text"]) <= 3000
    assert len(context["elements"][0]["text"]) <= 2000
    rest = section["text"]["text"].removesuffix("…").rpartition("&")[2]
    assert ";" in rest, "no half of an escaped character"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "either a token and a channel, or a webhook"),
        ({"token": "x", "webhook": "y"}, "either a token and a channel, or a webhook"),
        ({"token": "x"}, "a token needs the channel"),
        ({"webhook": "x", "channel": "#a"}, "a webhook has its channel already"),
        ({"token": "x", "channel": "#a", "base_url": "file:///etc"}, "base_url begins with https"),
        ({"token": "x", "channel": "#a", "webhook_secret": "y"}, "Extra inputs"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SlackNotifier(**fields)


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(double: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setitem(os.environ, "NO_PROXY", "127.0.0.1")
    notifier(double).tell(NOTICE)
    assert len(double.messages) == 1
