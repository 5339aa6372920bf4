"""The e-mail notifier against a real mail server on loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from blocks.email_notifier import EmailNotifier
from tests.contract.mail_double import PASSWORD, USER, Post, certified, post
from tests.contract.test_notifier import HOSTILE, NOTICE
from tidegate.errors import Denied, NotApplied, Unreachable
from tidegate.ports import Notice


@pytest.fixture
def double() -> Iterator[Post]:
    with post() as made:
        yield made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certified(tmp_path_factory.mktemp("certificate"))


def notifier(double: Post, **changes: Any) -> EmailNotifier:
    settings = {
        "to": ["team@example.com", "Second <two@example.com>"],
        "host": "127.0.0.1",
        "port": double.port,
        "sender": "Releases <releases@example.com>",
        "security": "none",
    }
    return EmailNotifier(**{**settings, **changes})


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.mark.proves("not.channels")
def test_a_mail_has_text_and_html_and_says_what_the_notice_says(double: Post) -> None:
    notifier(double).tell(NOTICE)
    (mail,) = double.mails
    assert double.readers == [["team@example.com", "two@example.com"]]
    assert mail["Subject"] == "[critical] api is worse at 10 %"
    assert mail["From"] == "Releases <releases@example.com>"
    assert (mail["Importance"], mail["Auto-Submitted"]) == ("high", "auto-generated")
    assert part(mail, "plain") == (
        "api is worse at 10 %\nerror rate 4.2 %, limit 1 %\n\n"
        "Release: shop/2.1.0/1\nEvent: gate-failed\n\npage: http://127.0.0.1:4200/x\n"
    )
    html = part(mail, "html")
    assert '<a href="http://127.0.0.1:4200/x">page</a>' in html
    assert "error rate 4.2 %, limit 1 %" in html


def test_it_speaks_korean_when_asked(double: Post) -> None:
    notifier(double, language="ko").tell(NOTICE)
    (mail,) = double.mails
    assert mail["Subject"] == "[긴급] api가 10 %에서 나쁩니다"
    assert "오류율 4.2 %, 한도 1 %" in part(mail, "plain")
    assert "릴리스" in part(mail, "html")


def test_the_mails_of_one_release_name_one_thread(double: Post) -> None:
    for release in ("shop/1/1", "shop/1/1", "shop/2/1"):
        notifier(double).tell(replace(NOTICE, release=release, severity="info"))
    first, second, other = double.mails
    assert first["References"] == second["References"] != other["References"]
    assert len({mail["Message-ID"] for mail in double.mails}) == 3
    assert first["Importance"] is None


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.proves("I24")
def test_it_logs_in_over_tls_whose_certificate_holds(security: str, certificate: tuple[Path, Path]) -> None:
    login = {"security": security, "username": USER, "password": SecretStr(PASSWORD)}
    with post(security, certificate) as double:
        notifier(double, **login, ca_file=certificate[1]).tell(NOTICE)
        assert double.encrypted == [True]
        assert len(double.logins) == 1
        with pytest.raises(Denied, match="no safe connection"):
            notifier(double, **login).tell(NOTICE)
        assert len(double.logins) == 1, "nothing was said to a server that proves nothing"
        wrong = notifier(double, **{**login, "password": SecretStr("another-made-up")}, ca_file=certificate[1])
        with pytest.raises(Denied, match="login was refused") as no:
            wrong.tell(NOTICE)
        for shown in (str(no.value), repr(wrong), str(wrong.model_dump())):
            assert "another-made-up" not in shown
    assert len(double.mails) == 1


def test_a_server_without_starttls_gets_neither_mail_nor_password(double: Post) -> None:
    with pytest.raises(Denied, match="STARTTLS"):
        notifier(double, security="starttls", username=USER, password=SecretStr(PASSWORD)).tell(NOTICE)
    assert (double.mails, double.logins) == ([], [])


def test_a_reader_who_is_refused_is_counted_and_the_others_have_it(double: Post) -> None:
    double.refuses = {"two@example.com": "550 no such reader"}
    with pytest.raises(NotApplied, match="1 of 2 readers were refused: 550 no such reader"):
        notifier(double).tell(NOTICE)
    assert double.readers == [["team@example.com"]]


@pytest.mark.parametrize(("said", "kind"), [("550 go away", Denied), ("451 later", NotApplied)])
def test_the_servers_no_is_for_good_or_for_now(double: Post, said: str, kind: type[Exception]) -> None:
    double.content = said
    with pytest.raises(kind, match=said):
        notifier(double).tell(NOTICE)
    double.content, double.refuses = "", dict.fromkeys(("team@example.com", "two@example.com"), said)
    with pytest.raises(kind, match=said):
        notifier(double).tell(NOTICE)
    assert double.mails == []


def test_a_server_that_is_gone_or_silent_is_unreachable_in_time(double: Post) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(Unreachable, match="no answer"):
            notifier(double, port=port, timeout="300ms").tell(NOTICE)
        assert time.monotonic() - began < 5
    with pytest.raises(Unreachable, match="no answer"):
        notifier(double, port=port).tell(NOTICE)


def test_nothing_that_was_put_into_a_notice_becomes_a_header_or_markup(double: Post) -> None:
    smuggled = "a\r\nBcc: evil@example.com\r\n\r\n<script>x</script>" + HOSTILE
    told = Notice(smuggled, smuggled, smuggled, {"en": smuggled}, {"en": smuggled}, {"go": "javascript:alert(1)"})
    notifier(double).tell(told)
    notifier(double).tell(Notice("x", "info", "", {}, {}))
    mail = double.mails[0]
    assert mail["Bcc"] is None
    assert double.readers[0] == ["team@example.com", "two@example.com"]
    assert "<script" not in part(mail, "html")
    assert "javascript" not in part(mail, "html") + part(mail, "plain")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"to": []}, "at least 1 item"),
        ({"to": ["nobody"]}, "no e-mail address"),
        ({"to": ["a@b\nBcc: c@d"]}, "no e-mail address"),
        ({"sender": "x"}, "no e-mail address"),
        ({"username": "x"}, "stand together"),
        ({"username": "x", "password": "y"}, "never sent in the clear"),
        ({"password_secret": "y"}, "Extra inputs"),
    ],
)
def test_fields_that_do_not_fit_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        notifier(Post(port=25), **changes)
