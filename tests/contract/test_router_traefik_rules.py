"""What a Traefik route can be told besides weights: paths that never see a canary, visitors who stay."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from blocks.traefik_process import Running, TraefikProcess
from blocks.traefik_router import TraefikRouter
from tests.contract.backends import Backend, ask, backends, side
from tidegate import kernel
from tidegate.traffic import Change, Seen, Setting, Stop

RELEASE = "shop/2.0/1"
STOP = Stop("t1", "kim", "2025-01-25T09:00:00+00:00", "checkout is broken")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[TraefikProcess, Running, Backend, Backend]]:
    proxy = TraefikProcess(tmp_path)
    with backends("1.0", "2.0") as (blue, green):
        yield proxy, proxy.start(), blue, green
        proxy.stop()


def route(proxy: TraefikProcess, running: Running, **more: object) -> TraefikRouter:
    settings = {"directory": proxy.routes, "route": "shop", "rule": "PathPrefix(`/`)", "api_url": running.api_url}
    return TraefikRouter.model_validate({**settings, **more})


def raise_to(router: TraefikRouter, weight: int) -> None:
    def decide(seen: Seen) -> Setting:
        assert seen.split is not None
        assert seen.mark is not None
        return Setting(seen.split.at(weight), seen.mark)

    router.write(Change("raise", decide))


@pytest.mark.proves("traf.exclude", "S3-058")
def test_paths_kept_from_the_canary_stay_on_stable_until_it_has_everything(
    running: tuple[TraefikProcess, Running, Backend, Backend],
) -> None:
    proxy, at, blue, green = running
    router = route(proxy, at, stable_paths=["/api/admin/", "/api/internal/"])
    router.install(side(blue))
    router.write(kernel.claim(RELEASE, 1, side(green)))
    raise_to(router, 50)
    for path in ("/api/admin/users", "/api/internal/jobs"):
        assert ask(at.web_url, 20, path=path) == {"1.0": 20}
    assert ask(at.web_url, 20, path="/api/products") == {"1.0": 10, "2.0": 10}
    raise_to(router, 100)
    assert ask(at.web_url, 20, path="/api/admin/users") == {"2.0": 20}
    router.write(kernel.lower(RELEASE, STOP))
    assert ask(at.web_url, 20, path="/api/admin/users") == {"1.0": 20}


@pytest.mark.proves("traf.sticky")
def test_a_sticky_visitor_stays_while_a_side_has_weight_and_moves_when_it_has_none(
    running: tuple[TraefikProcess, Running, Backend, Backend],
) -> None:
    proxy, at, blue, green = running
    router = route(proxy, at, sticky_cookie="side")
    router.install(side(blue))
    router.write(kernel.claim(RELEASE, 1, side(green)))
    raise_to(router, 50)
    visitors = [Visitor(at.web_url) for _ in range(4)]
    first = [visitor.visit() for visitor in visitors]
    assert set(first) == {"1.0", "2.0"}
    assert [[visitor.visit() for visitor in visitors] for _ in range(5)] == [first] * 5
    router.write(kernel.lower(RELEASE, STOP))
    assert {visitor.visit() for visitor in visitors} == {"1.0"}


class Visitor:
    """Somebody with a browser that keeps its cookie."""

    def __init__(self, url: str) -> None:
        self.at, self.cookie = urlsplit(url), ""

    def visit(self) -> str:
        connection = http.client.HTTPConnection(self.at.hostname or "", self.at.port, timeout=5)
        connection.request("GET", "/", headers={"Cookie": self.cookie})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        self.cookie = (answer.getheader("Set-Cookie") or self.cookie).split(";")[0]
        return answer.getheader("X-Version") or "nobody"


def test_a_path_that_is_no_path_is_refused_by_the_form(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stable_paths"):
        TraefikRouter.model_validate(
            {
                "directory": tmp_path,
                "route": "shop",
                "rule": "x",
                "api_url": "http://x",
                "stable_paths": ["`) || Path(`/"],
            }
        )
