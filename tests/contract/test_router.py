"""What every Router does, over every router that can be started here: one more is one more case."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from blocks.alb_router import AlbRouter
from blocks.traefik_process import TraefikProcess
from blocks.traefik_router import TraefikRouter
from examples.aws.ground import api, lay
from examples.aws.plane import Plane
from tests.contract.aws_double import aws_double
from tests.contract.backends import ask, backends, side
from tidegate import kernel
from tidegate.errors import Fenced, Refused
from tidegate.ports import Router
from tidegate.traffic import Change, Mark, Seen, Setting, Side, Split, Stop

RELEASE = "shop/2.0/1"
STOP = Stop("t1", "kim", "2025-01-25T09:00:00+00:00", "checkout is broken")


@dataclass
class Bench:
    """A router on which `blue` serves everything and nobody has claimed the route, and where its customers ask."""

    router: Router
    web: Callable[[], str]
    stable: Side
    canary: Side
    path: str = "/"

    @property
    def url(self) -> str:
        """Where customers ask, once the data plane follows what was written last."""
        return self.web()

    def ask(self, times: int) -> Counter[str]:
        return ask(self.url, times, path=self.path)

    def claim(self, epoch: int = 1) -> Seen:
        return self.router.write(kernel.claim(RELEASE, epoch, self.canary))

    def set(self, weight: int) -> Seen:
        """A raise without the proof; what proof it needs is the kernel's own test."""
        return self.router.write(Change("raise", lambda seen: Setting(_split(seen).at(weight), _mark(seen))))


def _split(seen: Seen) -> Split:
    assert seen.split is not None
    return seen.split


def _mark(seen: Seen) -> Mark:
    assert seen.mark is not None
    return seen.mark


@contextmanager
def traefik(home: Path) -> Iterator[Bench]:
    proxy = TraefikProcess(home)
    with backends("1.0", "2.0") as (blue, green):
        running = proxy.start()
        try:
            router = TraefikRouter(
                directory=proxy.routes, route="shop", rule="PathPrefix(`/`)", api_url=running.api_url
            )
            router.install(side(blue))
            yield Bench(router, lambda: running.web_url, side(blue), side(green))
        finally:
            proxy.stop()


@contextmanager
def alb(home: Path) -> Iterator[Bench]:
    """moto's API, and a proxy that splits as its rules say: sides are target groups here."""
    with aws_double() as double, backends("1.0", "2.0") as made:
        ground = lay(double, {"/api/*": ("shop-blue", "shop-green")})
        team, sides = api(double, "elbv2"), []
        for backend, arn in zip(made, ground.groups.values(), strict=True):
            host, port = urlsplit(backend.url).hostname, urlsplit(backend.url).port
            team.register_targets(TargetGroupArn=arn, Targets=[{"Id": host, "Port": port}])
            team.add_tags(ResourceArns=[arn], Tags=[{"Key": "tidegate:side", "Value": backend.version}])
            sides.append(Side(backend.version, (arn,)))
        router = AlbRouter(
            region=double.access.region,
            endpoint_url=double.url,
            listener_arn=ground.listener,
            path="/api/*",
            target_groups={"blue": "shop-blue", "green": "shop-green"},
        )
        router.install()
        plane = Plane(double, home, every=3600.0).start()
        try:
            yield Bench(router, lambda: plane.url, sides[0], sides[1], path="/api/")
        finally:
            plane.stop()


CASES: dict[str, Callable[[Path], AbstractContextManager[Bench]]] = {"traefik": traefik, "alb": alb}


@pytest.fixture(params=CASES)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with CASES[request.param](tmp_path) as made:
        yield made


def test_a_new_route_serves_stable_and_belongs_to_nobody(bench: Bench) -> None:
    assert bench.router.read() == Seen(Split(bench.stable), Mark())
    assert bench.ask(20) == {"1.0": 20}


def test_a_claim_sends_nobody_to_green(bench: Bench) -> None:
    seen = bench.claim()
    assert seen == Seen(Split(bench.stable, bench.canary, 0), Mark(RELEASE, 1))
    assert bench.router.read() == seen
    assert bench.ask(200) == {"1.0": 200}


@pytest.mark.proves("traf.weights", "I1", "S2-076")
def test_each_weight_gives_green_that_share_of_a_thousand_requests(bench: Bench) -> None:
    bench.claim()
    for weight in (5, 25, 50, 100, 0):
        assert bench.set(weight).weight == weight
        answers = bench.ask(1000)
        assert answers.total() == answers["1.0"] + answers["2.0"] == 1000
        assert answers["2.0"] == pytest.approx(10 * weight, abs=0 if weight in {0, 100} else 10)


@pytest.mark.proves("rb.traffic", "S3-037", "I5")
def test_a_lowering_takes_every_request_away_from_green_and_leaves_its_stop(bench: Bench) -> None:
    bench.claim()
    bench.set(50)
    seen = bench.router.write(kernel.lower(RELEASE, STOP))
    assert (seen.weight, _mark(seen).stop) == (0, STOP)
    assert bench.ask(200) == {"1.0": 200}
    assert bench.router.read() == seen


def test_final_leaves_green_alone(bench: Bench) -> None:
    bench.claim()
    read = bench.set(100)
    seen = bench.router.write(kernel.final(RELEASE, 1, read))
    assert seen == Seen(Split(bench.canary), Mark(RELEASE, 1, final=True))
    assert bench.ask(50) == {"2.0": 50}


def test_the_next_release_finds_the_last_one_as_stable(bench: Bench) -> None:
    bench.claim()
    bench.set(100)
    bench.router.write(kernel.final(RELEASE, 1, bench.router.read()))
    seen = bench.router.write(kernel.claim("shop/3.0/1", 2, bench.stable, over={RELEASE}))
    assert (_split(seen).stable, _split(seen).canary) == (bench.canary, bench.stable)
    assert bench.ask(50) == {"2.0": 50}


def test_what_the_kernel_refuses_changes_nothing(bench: Bench) -> None:
    before = bench.claim(epoch=5)
    with pytest.raises(Fenced):
        bench.router.write(kernel.stamp(RELEASE, 4))
    with pytest.raises(Refused):
        bench.router.write(kernel.claim("shop/3.0/1", 6, bench.canary))
    assert bench.router.read() == before


def test_a_stamp_and_a_bar_change_the_mark_alone(bench: Bench) -> None:
    bench.claim()
    bench.set(25)
    bench.router.write(kernel.stamp(RELEASE, 7))
    seen = bench.router.write(kernel.bar(STOP))
    assert seen == Seen(Split(bench.stable, bench.canary, 25), Mark(RELEASE, 7, stop=replace(STOP, bar=True)))


@pytest.mark.proves("I5")
def test_a_raise_that_was_decided_before_a_lowering_is_refused_after_it(bench: Bench) -> None:
    bench.claim()
    read = bench.router.read()
    bench.router.write(kernel.lower(RELEASE, STOP))

    def late(seen: Seen) -> Setting:
        if seen != read:
            raise Fenced("the route has changed since it was read")
        return Setting(_split(seen).at(25), _mark(seen))

    with pytest.raises(Fenced):
        bench.router.write(Change("raise", late))
    assert bench.router.read().weight == 0


@pytest.mark.proves("I11")
def test_of_eight_writers_at_once_each_epoch_is_taken_by_one(bench: Bench) -> None:
    """Each adds one to what it read under the lock; none of sixteen additions is lost where the router compares."""
    if not bench.router.compares:
        pytest.skip("elsewhere: this router cannot compare and set, its window is measured instead")
    bench.claim(epoch=1)

    def add(seen: Seen) -> Setting:
        mark = _mark(seen)
        return Setting(_split(seen), replace(mark, epoch=mark.epoch + 1))

    def write_twice() -> None:
        for _ in range(2):
            bench.router.write(Change("stamp", add))

    writers = [threading.Thread(target=write_twice) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert _mark(bench.router.read()).epoch == 17


@pytest.mark.proves("I11", "G3")
def test_of_eight_raises_that_read_the_same_one_is_written(bench: Bench) -> None:
    bench.claim()
    read = bench.router.read()
    done: list[str] = []

    def raise_to(weight: int) -> None:
        def decide(seen: Seen) -> Setting:
            if seen != read:
                raise Fenced("the route has changed since it was read")
            return Setting(_split(seen).at(weight), _mark(seen))

        try:
            bench.router.write(Change("raise", decide))
            done.append("written")
        except Refused:
            done.append("refused")

    writers = [threading.Thread(target=raise_to, args=(10 + n,)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert sorted(done) == ["refused"] * 7 + ["written"]


def test_the_way_back_is_complete_without_the_router(bench: Bench) -> None:
    """JSON that names no secret, the same at each look, and a line that a person can follow."""
    bench.claim()
    address = bench.router.address()
    assert address == bench.router.address()
    assert address["stable"] == bench.stable.to_json()
    assert "100" in bench.router.by_hand()


def test_a_router_says_drained_only_of_what_it_knows(bench: Bench) -> None:
    assert bench.router.drained(bench.stable) in {False, None}
