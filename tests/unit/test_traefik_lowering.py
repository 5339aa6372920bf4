"""A route's file without a proxy: what is written is read back, and nothing that lies there breaks a lowering."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks import traefik_document as text
from blocks.connector_files import LARGEST, locked, replace, text_at
from blocks.traefik_lowering import TraefikFile, by_hand
from tests.house.tree import ROOT
from tidegate import kernel
from tidegate.errors import Denied, NotApplied, NotUnderstood, Refused, TidegateError, Unreachable
from tidegate.traffic import Change, Mark, Seen, Setting, Side, Split, Stop

RELEASE = "shop/2.0/1"
STOP = Stop("t1", "kim", "2025-01-25T09:00:00+00:00", "checkout is broken")
BLUE = Side("1.0", ("http://127.0.0.1:7001", "http://127.0.0.1:7002"))
GREEN = Side("2.0", ("http://127.0.0.1:7003",))
HALF = Setting(Split(BLUE, GREEN, 50), Mark(RELEASE, 3))


def address(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "file": str(folder / "shop.yaml"), "route": "shop", "api_url": "", "rule": "PathPrefix(`/`)",
        "health": {"path": "/health", "interval": "1000ms", "timeout": "500ms"}, "stable": BLUE.to_json(), **more,
    }  # fmt: skip


def lay(folder: Path, setting: Setting = HALF) -> TraefikFile:
    """A route's file as Tidegate writes it."""
    file = TraefikFile(address(folder))
    document = text.filled("shop", None, setting.split, file.address)
    file.path.write_text(text.text_of("shop", setting, document))
    return file


names = st.from_regex(text.SIDE_NAME, fullmatch=True)
sides = st.builds(Side, names, st.lists(st.integers(1, 65535).map("http://127.0.0.1:{}".format), min_size=1).map(tuple))
stops = st.none() | st.builds(Stop, st.text(), st.text(), st.text(), st.text(), st.booleans())
marks = st.builds(Mark, st.text(), st.integers(0, 10**9), stops, st.booleans())


@st.composite
def settings_of_a_route(draw: st.DrawFn) -> Setting:
    stable, canary = draw(sides), draw(st.none() | sides)
    if canary is None or canary.name == stable.name:
        return Setting(Split(stable), draw(marks))
    return Setting(Split(stable, canary, draw(st.integers(0, 100))), draw(marks))


@given(settings_of_a_route())
def test_what_is_written_is_read_back_exactly_and_is_the_same_in_yaml(setting: Setting) -> None:
    document = text.filled("shop", None, setting.split, address(Path("/nowhere")))
    written = text.text_of("shop", setting, document)
    assert text.split_of("shop", text.document_of(written)) == setting.split
    assert text.mark_of(written) == setting.mark
    assert yaml.safe_load(written) == text.document_of(written)
    assert "{{" not in written, "an instruction to Traefik's templates"
    assert not text.objections("shop", document)


@settings(max_examples=300)
@given(st.binary(max_size=400), st.integers(0, 3000), st.integers(0, 3000))
def test_no_bytes_in_the_file_make_reading_fail(junk: bytes, start: int, end: int) -> None:
    document = text.filled("shop", None, HALF.split, address(Path("/nowhere")))
    good = text.text_of("shop", HALF, document).encode()
    spoilt = (good[:start] + junk + good[end:]).decode("utf-8", "replace")
    seen = Seen(text.split_of("shop", text.document_of(spoilt)), text.mark_of(spoilt))
    assert seen.split is None or isinstance(seen.weight, int)


@pytest.mark.parametrize(
    ("stable", "canary", "read"),
    [(100, 0, 0), (0, 100, 100), (2, 1, 33), (7, 5, 42), (1000, 1, 1), (1, 1000, 99), (0, 0, 0), (60, 60, 50)],
)
def test_traffic_is_never_rounded_away(tmp_path: Path, stable: int, canary: int, read: int) -> None:
    file = lay(tmp_path)
    first, second = '"weight": 50', '"weight": 50'
    edited = file.path.read_text().replace(first, f'"weight": {stable}', 1).replace(second, f'"weight": {canary}', 1)
    file.path.write_text(edited)
    assert file.read().weight == read


@pytest.mark.parametrize("weight", ["-1", "0.5", '"50"', "true", "null"])
def test_a_weight_that_traefik_would_not_take_is_no_weight(tmp_path: Path, weight: str) -> None:
    file = lay(tmp_path)
    file.path.write_text(file.path.read_text().replace('"weight": 50', f'"weight": {weight}', 1))
    assert file.read() == Seen(None, HALF.mark)


def test_two_zeros_are_mended_by_the_next_lowering(tmp_path: Path) -> None:
    file = lay(tmp_path)
    file.path.write_text(file.path.read_text().replace('"weight": 50', '"weight": 0'))
    file.write(kernel.lower(RELEASE, STOP))
    assert '"weight": 100' in file.path.read_text()


@pytest.mark.proves("I6", "rb.traffic")
def test_a_lowering_needs_neither_a_readable_mark_nor_the_proxy(tmp_path: Path) -> None:
    file = lay(tmp_path)
    file.path.write_text(file.path.read_text().replace(text.MARK, "# somebody's note:"))
    assert file.read().mark is None
    seen = file.write(kernel.lower(RELEASE, STOP))
    assert seen == Seen(HALF.split.at(0), Mark(RELEASE, stop=STOP))
    assert "not asked" in file.doubt


def test_two_marks_are_none(tmp_path: Path) -> None:
    file = lay(tmp_path)
    file.path.write_text(file.path.read_text() + f"{text.MARK} {json.dumps(Mark('x', 9).to_json())}\n")
    assert file.read() == Seen(HALF.split, None)


@pytest.mark.parametrize("lost", ["", "{}", "nonsense", '{"http": {"services": {}}}'])
def test_a_lost_configuration_comes_back_from_the_address(tmp_path: Path, lost: str) -> None:
    file = lay(tmp_path)
    file.path.write_text(lost)
    assert file.write(kernel.lower(RELEASE, STOP)).split == Split(BLUE)
    assert json.loads(file.path.read_text().split("\n{\n", 1)[1].join(["{", ""]))["http"]["routers"]["shop"]["rule"]


def test_without_a_stable_side_a_lost_configuration_is_refused_and_said(tmp_path: Path) -> None:
    file = TraefikFile(address(tmp_path, stable=None))
    with pytest.raises(Refused, match="no copy of it"):
        file.write(kernel.lower(RELEASE, STOP))
    with pytest.raises(NotUnderstood, match="no rule"):
        TraefikFile(address(tmp_path, rule="")).write(kernel.lower(RELEASE, STOP))


def test_strange_parts_of_a_hand_do_not_stop_a_lowering(tmp_path: Path) -> None:
    for strange in (None, 5, "x", [], [1], {"service": 5}, {"middlewares": 5, "service": "shop"}):
        file = lay(tmp_path)
        head, body = file.path.read_text().split("\n{\n", 1)
        document = json.loads("{" + body)
        document["http"]["routers"]["strange"] = strange
        file.path.write_text(f"{head}\n{json.dumps(document)}")
        assert file.read().split == HALF.split
        assert file.write(kernel.lower(RELEASE, STOP)).weight == 0


@pytest.mark.parametrize("kind", ["raise", "claim", "final"])
def test_what_nobody_confirms_is_taken_back_upwards_only(tmp_path: Path, kind: Any) -> None:
    file = lay(tmp_path)
    before = file.path.read_bytes()
    with pytest.raises(NotApplied, match=r"was not asked.*put back"):
        file.write(Change(kind, lambda _: Setting(HALF.split.at(60), HALF.mark)))
    assert file.path.read_bytes() == before


def test_taking_back_never_undoes_somebody_elses_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a raise and its doubt somebody lowers: the lowering stays."""
    file = lay(tmp_path)

    def lowered_meanwhile(*_: object) -> str:
        monkeypatch.setattr(TraefikFile, "confirm", lambda *_: "")
        TraefikFile(file.address).write(kernel.lower(RELEASE, STOP))
        return "Traefik shows something else"

    monkeypatch.setattr(TraefikFile, "confirm", lowered_meanwhile)
    with pytest.raises(NotApplied, match="somebody has written"):
        file.write(Change("raise", lambda _: Setting(HALF.split.at(60), HALF.mark)))
    assert file.read() == Seen(HALF.split.at(0), Mark(RELEASE, 3, STOP))


def test_a_lock_that_is_held_is_said_and_not_waited_for_long(tmp_path: Path) -> None:
    file = lay(tmp_path)
    with locked(file.path, ""), pytest.raises(Unreachable, match=f"locked by process {os.getpid()} for 2 s") as said:
        file.write(kernel.lower(RELEASE, STOP))
    assert "sed -i" in said.value.advice
    assert file.write(kernel.lower(RELEASE, STOP)).weight == 0


def test_links_pipes_folders_and_huge_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder").mkdir()
    (tmp_path / "huge").write_bytes(b"x" * (LARGEST + 1))
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "huge", "pipe"):
        with pytest.raises(Denied, match=name):
            text_at(tmp_path / name)
    assert text_at(tmp_path / "nothing") == ""


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TidegateError, match="No such file or directory"):
        TraefikFile(address(tmp_path / "gone")).write(kernel.lower(RELEASE, STOP))


def test_a_leftover_of_a_crash_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / ".shop.tmp").write_text("half a fi")
    replace(tmp_path / "shop.yaml", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["shop.yaml"]
    assert (tmp_path / "shop.yaml").stat().st_mode & 0o777 == 0o644


FULL = """
import os, sys, pathlib
sys.path.insert(0, sys.argv[2])
from tests.unit.test_traefik_lowering import HALF, STOP, RELEASE, lay, kernel, Change, Setting
folder = pathlib.Path(sys.argv[1])
file = lay(folder)
(folder / ".shop.lock").touch()
with open(folder / "rest", "wb", buffering=0) as rest:
    try:
        while rest.write(bytes(4096)): pass
    except OSError: pass
try:
    file.write(Change("raise", lambda _: Setting(HALF.split.at(60), HALF.mark)))
except Exception as said: print(said)
seen = file.write(kernel.lower(RELEASE, STOP))
print(seen.weight, seen.mark.stop.who, file.read() == seen)
"""


@pytest.mark.proves("I6")
def test_on_a_full_disk_a_raise_is_refused_and_a_lowering_is_written(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=128k tmpfs {tmp_path} && exec "$@"'
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    try:
        subprocess.run([*inside, "true"], check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("elsewhere: no right to mount a small disk")
    done = subprocess.run(
        [*inside, sys.executable, "-c", FULL, str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == [f"{tmp_path}/shop.yaml: No space left on device.", "0 kim True"], done.stderr


def test_the_lines_for_a_person_name_the_file_and_the_two_numbers(tmp_path: Path) -> None:
    words, command = by_hand(address(tmp_path)).splitlines()
    assert "shop.1.0 to 100 and the other one to 0" in words
    assert command.startswith("sed ")
    assert command.endswith(str(tmp_path / "shop.yaml"))
    head = lay(tmp_path).path.read_text().split("\n{\n")[0]
    assert '"weight" of shop.1.0 to 100' in head
    assert "shop.2.0 to 0" in head


def test_an_address_without_a_file_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="file"):
        TraefikFile({"route": "shop"})


ALONE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import blocks.traefik_lowering
print(*sorted({{name.split(".")[0] for name in sys.modules}} - set(sys.stdlib_module_names) - {{"__main__"}}))
"""


@pytest.mark.proves("rb.rto")
def test_the_way_down_loads_without_anything_that_is_not_pythons_own() -> None:
    """In an isolated interpreter without site-packages."""
    isolated = [sys.executable, "-I", "-S", "-c", ALONE]
    loaded = subprocess.run(isolated, capture_output=True, text=True, check=True, timeout=30)
    assert loaded.stdout.split() == ["blocks", "tidegate"]
