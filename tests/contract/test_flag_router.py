"""A flag as a router: its file is read as every OpenFeature client reads it (flagd's own core), its service by HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

from blocks.flag_lowering import FlagFile, by_hand
from blocks.flag_router import FlagRouter
from tests.contract.shown_world import spec_of
from tests.contract.test_http_check import Site
from tidegate import kernel
from tidegate.errors import Denied, Fenced, NotApplied, Refused
from tidegate.traffic import Change, Mark, Seen, Setting, Side, Split, Stop

RELEASE, FLAG = "dashboard/2.0/1", "new-dashboard"
BLUE, GREEN = Side("dashboard-1", ("https://one.example",)), Side("dashboard-2", ("https://two.example",))
STOP = Stop("t1", "kim", "2025-01-25T09:00:00+00:00", "edit mode is broken")
USERS = 4000


def router(folder: Path, **fields: Any) -> FlagRouter:
    return FlagRouter(**{"flag": FLAG, "file": folder / "flags.json", **fields})


def claimed(folder: Path, **fields: Any) -> FlagRouter:
    made = router(folder, **fields)
    made.install(BLUE)
    made.write(kernel.claim(RELEASE, 1, GREEN))
    return made


def set_to(made: FlagRouter | FlagFile, weight: int) -> Seen:
    """A raise without the proof; what proof it needs is the kernel's own test."""

    def decide(seen: Seen) -> Setting:
        assert seen.split is not None
        assert seen.mark is not None
        return Setting(seen.split.at(weight), seen.mark)

    return made.write(Change("raise", decide))


def given(folder: Path, group: str = "", users: int = USERS) -> dict[str, bool]:
    """Who gets the new version, as flagd's own core decides it for each user."""
    core = FlagdCore()
    core.set_flags((folder / "flags.json").read_text("utf-8"))
    context = {"group": group} if group else {}
    return {
        f"user-{n}": core.resolve_boolean_value(FLAG, False, EvaluationContext(f"user-{n}", context)).value
        for n in range(users)
    }


@pytest.mark.proves("ff.percentage", "S0-034", "traf.weights", "I1")
def test_each_weight_gives_that_share_of_the_users_the_new_version(tmp_path: Path) -> None:
    made = claimed(tmp_path)
    assert not any(given(tmp_path).values())
    for weight in (5, 25, 50, 75, 100, 0):
        assert set_to(made, weight).weight == weight
        assert made.read().weight == weight
        share = Counter(given(tmp_path).values())[True] / USERS
        assert share == pytest.approx(weight / 100, abs=0 if weight in {0, 100} else 0.03)


@pytest.mark.proves("ff.percentage")
def test_whoever_has_it_keeps_it_while_the_share_grows(tmp_path: Path) -> None:
    made = claimed(tmp_path)
    set_to(made, 25)
    early = {user for user, has in given(tmp_path).items() if has}
    set_to(made, 50)
    assert early < {user for user, has in given(tmp_path).items() if has}


@pytest.mark.proves("ff.targeting", "S0-036")
def test_the_groups_have_it_from_the_first_raise_on_and_not_before(tmp_path: Path) -> None:
    made = claimed(tmp_path, groups=["beta", "internal"])
    assert not any(given(tmp_path, "beta", 50).values())
    set_to(made, 5)
    assert all(given(tmp_path, "beta", 50).values())
    assert all(given(tmp_path, "internal", 50).values())
    assert Counter(given(tmp_path, "somebody").values())[True] / USERS == pytest.approx(0.05, abs=0.03)
    made.write(kernel.lower(RELEASE, STOP))
    assert not any(given(tmp_path, "beta", 50).values())


def test_the_groups_are_the_specs_flags_own(tmp_path: Path) -> None:
    spec = spec_of("dashboard")
    told = router(tmp_path, flag="ios-style-dashboard").told_of(spec)
    assert told.groups == ["beta", "premium", "internal"]
    assert router(tmp_path, flag="another").told_of(spec).groups == []


@pytest.mark.proves("rb.flag", "rb.traffic", "I5")
def test_a_lowering_takes_it_from_everybody_and_leaves_its_stop_in_the_same_file(tmp_path: Path) -> None:
    made = claimed(tmp_path)
    set_to(made, 50)
    seen = made.write(kernel.lower(RELEASE, STOP))
    assert seen.mark is not None
    assert (seen.weight, seen.mark.stop) == (0, STOP)
    assert made.read() == seen
    assert not any(given(tmp_path).values())
    told = json.loads((tmp_path / "flags.json").read_text())["flags"][FLAG]["metadata"]["tidegate"]
    assert json.loads(told)["mark"]["stop"]["who"] == "kim"


def test_a_person_who_disables_the_flag_has_rolled_back(tmp_path: Path) -> None:
    made = claimed(tmp_path)
    set_to(made, 50)
    line = made.by_hand().splitlines()[-1]
    subprocess.run(["sh", "-c", line], check=True)
    assert made.read().weight == 0
    assert not any(given(tmp_path).values())


def test_final_is_everybody_for_good_and_the_flag_is_no_other_releases(tmp_path: Path) -> None:
    made = claimed(tmp_path)
    read = set_to(made, 100)
    seen = made.write(kernel.final(RELEASE, 1, read))
    assert seen == Seen(Split(GREEN), Mark(RELEASE, 1, final=True)) == made.read()
    assert all(given(tmp_path).values())
    with pytest.raises(Denied, match="for good"):
        made.write(kernel.claim("dashboard/3.0/1", 2, BLUE, over={RELEASE}))
    assert all(given(tmp_path).values())


@pytest.mark.proves("I11")
def test_of_eight_raises_that_read_the_same_one_is_written(tmp_path: Path) -> None:
    made = claimed(tmp_path)
    read, done = made.read(), list[str]()

    def raise_to(weight: int) -> None:
        def decide(seen: Seen) -> Setting:
            if seen != read or seen.split is None or seen.mark is None:
                raise Fenced("the flag has changed since it was read")
            return Setting(seen.split.at(weight), seen.mark)

        try:
            made.write(Change("raise", decide))
            done.append("written")
        except Refused:
            done.append("refused")

    writers = [threading.Thread(target=raise_to, args=(10 + n,)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert sorted(done) == ["refused"] * 7 + ["written"]


def test_what_the_kernel_refuses_and_a_stamp_leave_the_share_alone(tmp_path: Path) -> None:
    made = claimed(tmp_path)
    set_to(made, 25)
    with pytest.raises(Refused):
        made.write(kernel.claim("dashboard/3.0/1", 6, GREEN))
    made.write(kernel.stamp(RELEASE, 7))
    seen = made.write(kernel.bar(STOP))
    assert seen == Seen(Split(BLUE, GREEN, 25), Mark(RELEASE, 7, stop=replace(STOP, bar=True)))


def test_other_flags_and_what_else_the_flag_has_stay(tmp_path: Path) -> None:
    mine = {"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": "a", "metadata": {"owner": "web"}}
    (tmp_path / "flags.json").write_text(json.dumps({"flags": {"other": mine, FLAG: {"metadata": {"owner": "web"}}}}))
    set_to(claimed(tmp_path), 25)
    told = json.loads((tmp_path / "flags.json").read_text())["flags"]
    assert told["other"] == mine
    assert told[FLAG]["metadata"]["owner"] == "web"


@pytest.mark.parametrize(
    "text", ["", "no json", '{"flags": {}}', '{"flags": {"new-dashboard": {"targeting": {"if": [1]}}}}']
)
def test_a_lost_or_strange_file_has_no_split_and_is_lowered_all_the_same(tmp_path: Path, text: str) -> None:
    made = claimed(tmp_path)
    set_to(made, 50)
    address = made.address()
    (tmp_path / "flags.json").write_text(text)
    assert made.read().split is None
    with pytest.raises(Refused):
        set_to(made, 75) if made.read().split else made.write(kernel.stamp(RELEASE, 9))
    seen = FlagFile(address).write(kernel.lower(RELEASE, STOP))
    assert seen.split == Split(BLUE)
    assert not any(given(tmp_path, users=50).values())


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Site]:
    """The flag's own service: its share stands in a file, which the project's command writes."""
    site = Site()
    site.ways["/features"] = lambda answer: answer.send(body=(tmp_path / "service.json").read_bytes())
    (tmp_path / "service.json").write_text('{"enabled": true, "percentage": 0}')
    threading.Thread(target=site.serve_forever, args=(0.02,), daemon=True).start()
    yield site
    site.shutdown()
    site.server_close()


def with_service(folder: Path, site: Site, script: str = "") -> FlagRouter:
    script = (
        script or "import sys; open(sys.argv[1], 'w').write('{\"enabled\": true, \"percentage\": %s}' % sys.argv[2])"
    )
    command = [sys.executable, "-c", script, str(folder / "service.json"), "{weight}"]
    return claimed(folder, command=command, read_url=f"{site.url}/features", bearer_secret="API_TOKEN")


@pytest.mark.proves("ff.percentage", "S0-082", "S0-098")
def test_the_flags_service_is_told_and_read_back(
    tmp_path: Path, service: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "made-up-token")
    made = with_service(tmp_path, service)
    assert set_to(made, 50).weight == 50
    assert json.loads((tmp_path / "service.json").read_text())["percentage"] == 50
    assert service.asked[-1][1]["Authorization"] == "Bearer made-up-token"
    (tmp_path / "service.json").write_text('{"enabled": false, "percentage": 50}')
    assert made.read().weight == 0, "somebody switched it off at the service"
    made.write(kernel.lower(RELEASE, STOP))
    assert json.loads((tmp_path / "service.json").read_text())["percentage"] == 0
    assert "made-up-token" not in json.dumps(made.address()) + made.by_hand()


def test_a_raise_that_the_service_does_not_show_is_taken_back_and_a_lowering_stays(
    tmp_path: Path, service: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "made-up-token")
    monkeypatch.setattr("blocks.flag_lowering.RAISE_CONFIRMS", 0.5)
    made = with_service(tmp_path, service)
    made.command[2] = "import sys; sys.exit('no rights')"
    with pytest.raises(NotApplied, match=r"ended with 1: 'no rights'; the file before was put back"):
        set_to(made, 50)
    assert made.read().weight == 0
    made.command[2] = "pass"
    with pytest.raises(NotApplied, match="the flag's service shows 0 %"):
        set_to(made, 50)
    (tmp_path / "service.json").write_text('{"enabled": true, "percentage": 40}')
    half = FlagFile(made.address())
    half.write(kernel.lower(RELEASE, STOP))
    assert half.doubt == "the flag's service shows 40 %"
    assert half.read().weight == 0


def test_without_the_token_the_service_cannot_confirm(tmp_path: Path, service: Site) -> None:
    with pytest.raises(NotApplied, match="API_TOKEN is not set"):
        with_service(tmp_path, service)


def test_installed_once_and_the_way_back_is_json(tmp_path: Path) -> None:
    made = claimed(tmp_path)
    with pytest.raises(Denied, match="already"):
        made.install(BLUE)
    address = made.address()
    assert json.loads(json.dumps(address)) == address == made.address()
    assert address["stable"] == BLUE.to_json()
    assert "DISABLED" in by_hand(address)
    assert made.drained(BLUE) is None
