"""What only Traefik's route file can go through: hands, editors, corruption, a proxy that is away."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.traefik_lowering import TraefikFile
from blocks.traefik_process import TraefikProcess
from blocks.traefik_router import TraefikRouter
from tests.contract.backends import Backend, ask, backends, side
from tidegate import kernel
from tidegate.errors import Denied, NotApplied, Unreachable
from tidegate.traffic import Change, Mark, Seen, Setting, Side, Split, Stop

RELEASE = "shop/2.0/1"
STOP = Stop("t1", "kim", "2025-01-25T09:00:00+00:00", "checkout is broken")


class Stand:
    """A proxy, two instances, and a route on which 2.0 has been claimed."""

    def __init__(self, home: Path, blue: Backend, green: Backend) -> None:
        self.proxy, self.blue, self.green = TraefikProcess(home), blue, green
        running = self.proxy.start()
        self.url = running.web_url
        self.router = TraefikRouter(
            directory=self.proxy.routes, route="shop", rule="PathPrefix(`/`)", api_url=running.api_url
        )
        self.file = self.proxy.routes / "shop.yaml"
        self.router.install(side(blue))
        self.router.write(kernel.claim(RELEASE, 1, side(green)))

    def set(self, weight: int) -> Seen:
        def decide(seen: Seen) -> Setting:
            assert seen.split is not None
            assert seen.mark is not None
            return Setting(seen.split.at(weight), seen.mark)

        return self.router.write(Change("raise", decide))

    def shows(self, answers: dict[str, int], within: float = 2.0) -> bool:
        """Whether the next requests are answered so; an edit by hand takes effect without telling anybody."""
        until = time.monotonic() + within
        while (seen := ask(self.url, sum(answers.values()))) != answers and time.monotonic() < until:
            time.sleep(0.02)
        return seen == answers


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with backends("1.0", "2.0") as (blue, green):
        made = Stand(tmp_path, blue, green)
        try:
            yield made
        finally:
            made.proxy.stop()


CORRUPTIONS = [
    b"", b"\n", b"{}", b"null", b"[]", b"http:", b'{"http": {}}', b"{{", b"{{ env \"HOME\" }}", b"\x00" * 500,
    b"\xff\xfe\x00", b"weights: 50", b"http: {routers: {}}", b"- a\n- b", b"\t\tno", b'{"http": {"services": 5}}',
]  # fmt: skip


@pytest.mark.proves("traf.zero")
def test_twenty_corruptions_of_the_file_cost_no_customer_an_answer(stand: Stand) -> None:
    """Broken text: the last good configuration stays. A valid nothing: the net catches it, stable serves."""
    stand.set(25)
    good = stand.file.read_bytes()
    dangling = good.replace(b'"name": "shop.2.0"', b'"name": "shop.gone"')
    corruptions = [
        *CORRUPTIONS,
        good[: len(good) // 2],
        good[:-3],
        dangling,
        good.replace(b'"service": "shop"', b'"service": "x"'),
    ]
    assert len(corruptions) == 20
    for corruption in corruptions:
        stand.file.write_bytes(corruption)
        time.sleep(0.05)
        answers = ask(stand.url, 40)
        assert set(answers) <= {"1.0", "2.0"}, corruption[:60]
        assert stand.router.read().split is None, corruption[:60]
        assert stand.router.write(kernel.lower(RELEASE, STOP)).split is not None
        assert stand.shows({"1.0": 20}), corruption[:60]
        stand.file.write_bytes(good)


def test_a_file_that_is_none_is_refused_and_customers_are_served(stand: Stand, tmp_path: Path) -> None:
    def link() -> None:
        (tmp_path / "elsewhere").write_text("{}")
        stand.file.symlink_to(tmp_path / "elsewhere")

    def huge() -> None:
        stand.file.write_bytes(b"#" * 300_000)

    for make in (link, stand.file.mkdir, huge, lambda: os.mkfifo(stand.file)):
        if stand.file.is_dir() and not stand.file.is_symlink():
            stand.file.rmdir()
        stand.file.unlink(missing_ok=True)
        make()
        with pytest.raises(Denied):
            stand.router.read()
        with pytest.raises(Denied):
            stand.router.write(kernel.lower(RELEASE, STOP))
        assert set(ask(stand.url, 20)) == {"1.0"}
    # Traefik itself waits for somebody to write into a pipe (docs/limits.md); it goes on once that is over.
    pipe = os.open(stand.file, os.O_RDWR | os.O_NONBLOCK)
    stand.file.unlink()
    os.close(pipe)
    assert stand.router.write(kernel.lower(RELEASE, STOP)) == stand.router.read()


def test_a_lost_file_is_written_anew_by_a_lowering(stand: Stand) -> None:
    stand.set(50)
    address = stand.router.address()
    stand.file.unlink()
    seen = TraefikFile(address).write(kernel.lower(RELEASE, STOP))
    assert seen == Seen(Split(side(stand.blue)), Mark(RELEASE, stop=STOP))
    assert stand.shows({"1.0": 20})


def test_the_line_to_type_works_as_it_stands(stand: Stand) -> None:
    stand.set(50)
    _, command = stand.router.by_hand().splitlines()
    subprocess.run(shlex.split(command), check=True, timeout=5)
    assert stand.shows({"1.0": 40})
    assert stand.router.read() == Seen(Split(side(stand.blue), side(stand.green), 0), Mark(RELEASE, 1))


def test_the_two_numbers_can_be_edited(stand: Stand) -> None:
    stand.set(50)
    weights = iter(["100", "0"])
    stand.file.write_text(re.sub(r'(?<="weight": )\d+', lambda _: next(weights), stand.file.read_text()))
    assert stand.shows({"1.0": 40})


def test_weights_of_a_hand_are_read_as_shares_and_a_stamp_leaves_them(stand: Stand) -> None:
    text = stand.file.read_text().replace('"weight": 100', '"weight": 2').replace('"weight": 0', '"weight": 1')
    stand.file.write_text(text)
    time.sleep(0.1)
    assert stand.router.read().weight == 33
    stand.router.write(kernel.stamp(RELEASE, 2))
    assert stand.file.read_text() == text.replace('"epoch": 1', '"epoch": 2')
    assert ask(stand.url, 30) == {"1.0": 20, "2.0": 10}


def test_what_a_person_added_to_the_configuration_stays(stand: Stand) -> None:
    head, body = stand.file.read_text().split("\n{\n", 1)
    document = json.loads("{" + body)
    document["http"]["routers"]["staff"] = {"rule": "Header(`X-Staff`, `yes`)", "service": "shop.2.0"}
    stand.file.write_text(f"{head}\n{json.dumps(document)}\n")
    stand.set(25)
    assert "staff" in stand.file.read_text()


def test_a_raise_over_a_reference_to_nothing_is_refused_and_a_lowering_mends_it(stand: Stand) -> None:
    stand.set(25)
    broken = stand.file.read_text().replace('"shop-retry"\n', '"shop-gone"\n')
    stand.file.write_text(broken)
    with pytest.raises(Denied, match="shop-gone"):
        stand.set(50)
    assert stand.file.read_text() == broken
    stand.router.write(kernel.lower(RELEASE, STOP))
    assert stand.shows({"1.0": 20})


def test_an_instance_at_no_address_is_refused_before_anything_is_written(stand: Stand) -> None:
    before = stand.file.read_bytes()
    for urls in ((), ("ftp://127.0.0.1:1",), ("http://",)):
        with pytest.raises(Denied, match="Nothing was written"):
            stand.router.write(kernel.claim(RELEASE, 2, Side("2.0", urls)))
    assert stand.file.read_bytes() == before


def test_somebody_elses_broken_file_stops_a_raise_and_it_is_taken_back(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traefik reads all files of its folder or none."""
    monkeypatch.setattr("blocks.traefik_lowering.RAISE_CONFIRMS", 0.4)
    (stand.proxy.routes / "other.yaml").write_text("{{")
    before = stand.file.read_bytes()
    with pytest.raises(NotApplied, match=r"still shows .* 100, .* 0; the file before was put back"):
        stand.set(25)
    assert stand.file.read_bytes() == before


def test_reading_tells_what_is_in_force_not_what_was_written(stand: Stand) -> None:
    stand.set(25)
    (stand.proxy.routes / "other.yaml").write_text("{{")
    file = TraefikFile(stand.router.address())
    file.write(kernel.lower(RELEASE, STOP))
    assert "still shows shop.1.0 75, shop.2.0 25" in file.doubt
    assert (file.read().weight, stand.router.read().weight) == (0, 25)
    (stand.proxy.routes / "other.yaml").unlink()
    assert stand.shows({"1.0": 20})
    assert stand.router.read().weight == 0


@pytest.mark.proves("I6", "G9")
def test_without_the_proxy_a_raise_is_taken_back_and_a_lowering_is_written(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blocks.traefik_lowering.RAISE_CONFIRMS", 0.3)
    stand.set(25)
    stand.proxy.stop()
    with pytest.raises(Unreachable):
        stand.router.read()
    with pytest.raises(NotApplied, match="does not answer"):
        stand.set(50)
    assert TraefikFile(stand.router.address()).read().weight == 25
    assert stand.router.write(kernel.lower(RELEASE, STOP)).weight == 0
    stand.proxy.start()
    assert ask(stand.url, 40) == {"1.0": 40}


def test_a_restarted_proxy_keeps_weights_and_addresses(stand: Stand) -> None:
    stand.set(25)
    stand.proxy.stop()
    assert stand.proxy.start().web_url == stand.url
    assert ask(stand.url, 40) == {"1.0": 30, "2.0": 10}


def test_braces_in_a_persons_reason_are_no_instruction_to_the_proxy(stand: Stand) -> None:
    stand.set(50)
    stop = Stop("t", "kim", "2025-01-25T09:00:00+00:00", '{{ env "HOME" }} {{ fail }} 결제 오류\n{{')
    seen = stand.router.write(kernel.lower(RELEASE, stop))
    assert seen.mark is not None
    assert seen.mark.stop == stop
    assert ask(stand.url, 20) == {"1.0": 20}
    assert stand.router.read() == seen


@pytest.mark.proves("G3")
def test_a_post_that_an_instance_may_have_read_is_not_sent_again(stand: Stand) -> None:
    stand.green.cuts = True
    stand.set(100)
    answers = ask(stand.url, 30, "POST")
    assert set(answers) == {"502"}
    assert stand.green.requests["POST"] == 30
    assert all(stand.green.requests[f"POST {n}"] == 1 for n in range(30))


@pytest.mark.proves("G3")
def test_an_instance_that_just_died_costs_no_customer_an_answer(tmp_path: Path) -> None:
    """The other one gets the request when no connection came about; weight changes do not bring the dead one back."""
    with backends("1.0", "2.0", "2.0") as (blue, green, dying):
        stand = Stand(tmp_path, blue, green)
        try:
            stand.router.write(
                Change("claim", lambda _: Setting(Split(side(blue), side(green, dying), 50), Mark(RELEASE, 2)))
            )
            assert set(ask(stand.url, 20)) == {"1.0", "2.0"}
            dying.stop()
            for weight in (60, 70, 80, 90, 100):
                stand.set(weight)
                assert "502" not in ask(stand.url, 60)
                assert ask(stand.url, 30, "POST").keys() <= {"1.0", "2.0"}
        finally:
            stand.proxy.stop()


def test_two_routes_of_one_folder_do_not_wait_for_each_other(stand: Stand) -> None:
    other = stand.router.model_copy(update={"route": "shop-two", "rule": "PathPrefix(`/two`)"})
    other.install(side(stand.green))
    taken = threading.Event()
    release = threading.Event()

    def slow(seen: Seen) -> Setting:
        taken.set()
        assert release.wait(5)
        assert seen.split is not None
        assert seen.mark is not None
        return Setting(seen.split, seen.mark)

    holder = threading.Thread(target=lambda: stand.router.write(Change("stamp", slow)))
    holder.start()
    assert taken.wait(5)
    other.write(kernel.claim(RELEASE, 1, side(stand.blue)))
    with pytest.raises(Unreachable, match=f"locked by process {os.getpid()}"):
        stand.router.write(kernel.lower(RELEASE, STOP))
    release.set()
    holder.join(5)
    assert stand.router.write(kernel.lower(RELEASE, STOP)).weight == 0
    assert ask(stand.url, 10, path="/two/x") == {"2.0": 10}
