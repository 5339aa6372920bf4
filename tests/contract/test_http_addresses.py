"""Where an HTTP check may lead: sixty addresses, redirects, and a DNS that changes its mind (C18)."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from tests.contract.test_http_check import FACTS, Site, check
from tidegate.ports import Verdict


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


# PORT is a server on this machine: whatever gets through is seen there.
NEVER = [
    "http://169.254.169.254/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[fd00:ec2::254]/",
    "http://100.100.100.200/",
    "http://192.0.0.192/",
    "http://168.63.129.16/",
    "http://169.254.0.1/",
    "http://0.0.0.0:PORT/",
    "http://0.1.2.3/",
    "http://[::]:PORT/",
    "http://224.0.0.1/",
    "http://[ff02::1]/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
]
# Names by which machines know themselves; whether they do is up to their files.
NAMES = ["http://localhost.:PORT/", "http://LOCALHOST.:PORT/", "http://ip6-localhost:PORT/"]
NO_URLS = [
    # This machine, or the metadata service, in spellings that only some programs understand.
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7f.0.0.1:PORT/",
    "http://017700000001:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://127.0.0.1.:PORT/",
    "ftp://127.0.0.1:PORT/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/",
    "dict://127.0.0.1:PORT/",
    "ws://127.0.0.1:PORT/",
    "unix:///var/run/docker.sock",
    "javascript:alert(1)",
    "data:text/plain,ok",
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT",
    "/etc/passwd",
    "",
    "http://",
    "http:///path",
    "http://:PORT/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-1/",
    "http://user@127.0.0.1:PORT/",
    "http://user:pw@127.0.0.1:PORT/",
    "http://example.com@127.0.0.1:PORT/",
    "http://example.com:80@127.0.0.1:PORT/",
    "http://@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT\\@example.com/",
    "http://127.0.0.1\\.example.com:PORT/",
    "http://127.0.0.1:PORT/ x",
    " http://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT/\r\nHost: x",
    "http://127.0.0.1\t:PORT/",
    "http://127.0.0.1\u202e:PORT/",
    "http://[127.0.0.1]:PORT/",
    "http://[::1:PORT/",
    "http://exa mple.com/",
]
FINE = [
    "http://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "HTTP://127.0.0.1:PORT/a?b#c",
    "http://[::ffff:127.0.0.1]:PORT/",
]


def at(site: Site, url: str) -> str:
    return url.replace("PORT", str(site.server_address[1]))


@pytest.mark.parametrize("url", NEVER, ids=ascii)
def test_an_address_that_must_not_be_asked_is_an_error(site: Site, url: str) -> None:
    told = check(at(site, url), attempts=1, timeout="1s").run(FACTS)
    assert told.verdict is Verdict.ERROR, told.evidence
    assert "is never asked" in told.evidence
    assert site.asked == []


@pytest.mark.parametrize("url", NAMES)
def test_a_name_of_this_machine_is_no_number_and_has_to_be_listed(site: Site, url: str) -> None:
    told = check(at(site, url), attempts=1).run(FACTS)
    assert told.verdict in {Verdict.ERROR, Verdict.INCONCLUSIVE}, told.evidence
    assert site.asked == []


@pytest.mark.parametrize("url", NO_URLS, ids=ascii)
def test_what_is_no_url_of_http_is_refused_in_the_spec_and_as_a_fact(site: Site, url: str) -> None:
    with pytest.raises(ValidationError):
        check(at(site, url))
    told = check("{url}").run({**FACTS, "url": at(site, url)})
    assert told.verdict is Verdict.ERROR, told.evidence
    assert site.asked == []


@pytest.mark.parametrize("url", FINE)
def test_this_machine_may_be_asked_when_it_is_written_plainly(site: Site, url: str) -> None:
    told = check(at(site, url), attempts=1).run(FACTS)
    assert told.verdict is Verdict.PASS, told.evidence
    assert len(site.asked) == 1


class Dns:
    """Answers for every name what a test says, one answer after the other, and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.count, self.answers = 0, answers

        async def getaddrinfo(_loop: object, host: str, port: int, **_: object) -> list[Any]:
            if host[-1].isdigit():  # an address: the connection itself asks, too
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
            found = self.answers[min(self.count, len(self.answers) - 1)]
            self.count += 1
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)


def test_a_name_that_leads_to_a_private_address_has_to_be_listed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    Dns(monkeypatch, ["127.0.0.1"])
    url = at(site, "http://api.internal.test:PORT/")
    told = check(url, attempts=1).run(FACTS)
    assert told.verdict is Verdict.ERROR
    assert "list api.internal.test in `private_hosts` to allow it" in told.evidence
    assert site.asked == []
    assert check(url, private_hosts=["api.internal.test"]).run(FACTS).verdict is Verdict.PASS


def test_one_private_address_among_public_ones_is_enough_to_refuse(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    Dns(monkeypatch, ["8.8.8.8", "127.0.0.1"])
    told = check(at(site, "http://mixed.test:PORT/"), attempts=1).run(FACTS)
    assert told.verdict is Verdict.ERROR
    assert site.asked == []


def test_the_address_that_was_checked_is_the_one_that_is_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A DNS that answers well first and badly afterwards (rebinding) is not asked a second time."""
    dns = Dns(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    url = at(site, "http://rebinding.test:PORT/")
    told = check(url, attempts=1, private_hosts=["rebinding.test"]).run(FACTS)
    assert told.verdict is Verdict.PASS, told.evidence
    assert dns.count == 1
    assert site.asked[0][1]["Host"] == at(site, "rebinding.test:PORT")


def test_listing_a_host_never_opens_the_metadata_service(monkeypatch: pytest.MonkeyPatch) -> None:
    Dns(monkeypatch, ["169.254.169.254"])
    told = check("http://listed.test/", attempts=1, private_hosts=["listed.test"]).run(FACTS)
    assert told.verdict is Verdict.ERROR
    assert "is never asked" in told.evidence


def redirect(site: Site, path: str, target: str, status: int = 302) -> None:
    site.ways[path] = lambda answer: answer.send(status, Location=target)


def test_a_redirect_is_an_answer_unless_it_is_to_be_followed(site: Site) -> None:
    redirect(site, "/old", "/new", 301)
    assert check(f"{site.url}/old", status=301, answer_headers={"Location": "/new"}).run(FACTS).verdict is Verdict.PASS
    assert [path for path, _ in site.asked] == ["/old"]
    assert check(f"{site.url}/old", follow=1).run(FACTS).verdict is Verdict.PASS
    assert site.asked[-1][0] == "/new"
    redirect(site, "/loop", "/loop")
    told = check(f"{site.url}/loop", follow=3, attempts=1).run(FACTS)
    assert "status 302, expected 200" in told.evidence
    assert [path for path, _ in site.asked].count("/loop") == 4


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/",
        "http://127.0.0.1:OTHER/",
        "http://localhost:OTHER/",
        "//127.0.0.1:OTHER/",
        "http://[::ffff:127.0.0.1]:OTHER/",
        "file:///etc/passwd",
        "http://user:pw@127.0.0.1:PORT/",
        "https://127.0.0.1:PORT/",
    ],
)
def test_a_redirect_leads_to_no_private_place_but_where_it_came_from(site: Site, target: str) -> None:
    other = Site()
    threading.Thread(target=other.serve_forever, args=(0.02,), daemon=True).start()
    redirect(site, "/", at(site, target.replace("OTHER", str(other.server_address[1]))))
    told = check(site.url, follow=5, attempts=1).run(FACTS)
    other.shutdown()
    other.server_close()
    assert told.verdict is Verdict.ERROR, told.evidence
    assert other.asked == []
    assert len(site.asked) == 1


def test_a_secret_header_does_not_follow_a_redirect_to_another_host(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    Dns(monkeypatch, ["127.0.0.1"])
    redirect(site, "/", at(site, "http://elsewhere.test:PORT/landed"))
    asking = check(site.url, follow=1, private_hosts=["elsewhere.test"], secret_headers={"X-Key": "planted"})
    assert asking.run(FACTS).verdict is Verdict.PASS
    assert [("X-Key" in headers) for _, headers in site.asked] == [True, False]
