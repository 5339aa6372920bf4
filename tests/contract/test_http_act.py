"""An act by HTTP against a real server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from blocks.http_act import HttpAct
from tests.contract.test_http_check import Site
from tidegate.errors import Denied, NotApplied, Unreachable

FACTS = {"release": "dashboard/2.0/1", "version": "2.0", "system": "dashboard"}
TOKEN = "made-up-token"


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def act(site: Site, **fields: Any) -> HttpAct:
    made = HttpAct(**{"url": f"{site.url}/features/x", **fields})
    made._sleep = list[float]().append
    return made


@pytest.mark.proves("rb.flag", "S0-093", "S0-098")
def test_a_flag_is_switched_off_and_a_second_look_shows_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", TOKEN)
    state: dict[str, Any] = {"flag": {"enabled": True}}

    def answers(one: Any) -> None:
        if one.command == "POST":
            sent = json.loads(one.rfile.read(int(one.headers["Content-Length"])))
            state["flag"]["enabled"], state["by"] = sent["enabled"], sent["by"]
        one.send(body=json.dumps(state).encode())

    site.ways["/features/x"] = answers
    off = act(
        site, body={"enabled": False, "by": "{release}"}, bearer_secret="API_TOKEN",
        done_url=f"{site.url}/features/x", done_equals={"flag.enabled": False},
    )  # fmt: skip
    assert off.done("r", FACTS) == ""
    assert off.do("r", FACTS) == f"POST {site.url}/features/x: HTTP 200"
    assert state == {"flag": {"enabled": False}, "by": "dashboard/2.0/1"}
    assert off.done("r", FACTS) == f"{site.url}/features/x shows flag.enabled=False"
    assert site.asked[-1][1]["Authorization"] == f"Bearer {TOKEN}"


def test_an_answer_that_the_second_look_does_not_confirm_is_not_done(site: Site) -> None:
    site.ways["/features/x"] = lambda one: one.send(body=b'{"enabled": true}')
    with pytest.raises(NotApplied, match="does not show it"):
        act(site, done_url=f"{site.url}/features/x", done_equals={"enabled": False}).do("r", FACTS)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Denied), (404, Denied), (302, Denied), (429, NotApplied), (503, NotApplied)]
)
def test_what_the_other_side_says_decides(site: Site, status: int, kind: type[Exception]) -> None:
    site.ways["/features/x"] = lambda one: one.send(status, Location="/elsewhere")
    with pytest.raises(kind, match=f"HTTP {status}, wanted: 200, 204"):
        act(site, status=[200, 204]).do("r", FACTS)
    assert len(site.asked) == 1, "sent once, and no redirect is followed"


def test_it_is_sent_again_where_the_spec_says_that_this_does_no_harm(site: Site) -> None:
    statuses = iter([503, 500, 204])
    site.ways["/features/x"] = lambda one: one.send(next(statuses))
    assert act(site, status=204, attempts=3).do("r", FACTS).endswith("HTTP 204")
    assert len(site.asked) == 3


@pytest.mark.proves("I24")
def test_nobody_there_is_unreachable_and_no_secret_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = act(
        site, url="http://127.0.0.1:9/hook?key=planted-77", secret_headers={"X-Key": SecretStr(TOKEN)}, attempts=2
    )
    with pytest.raises(Unreachable, match="ConnectError") as told:
        made.do("r", FACTS)
    assert "planted-77" not in str(told.value)
    assert TOKEN not in repr(made)
    monkeypatch.delenv("API_TOKEN", raising=False)
    with pytest.raises(Denied, match="API_TOKEN is not set"):
        act(site, bearer_secret="API_TOKEN").do("r", FACTS)
    with pytest.raises(Denied, match="not of http"):
        act(site, url="ftp://x/").do("r", FACTS)


def test_a_second_look_needs_both_its_fields(site: Site) -> None:
    with pytest.raises(ValidationError, match="belong together"):
        act(site, done_url=site.url)
