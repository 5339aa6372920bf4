"""A project's own backup command: its result is looked at, and what it cannot show is not believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blocks.command_backup import FILE, CommandBackup
from blocks.command_backup_manifest import MANIFEST, counted
from tests.contract.spec_with_environment import with_environment
from tidegate.errors import Denied, NotApplied, SpecError

RELEASE = "shop/2.1.0/1"


def backup(tmp_path: Path, script: str, **fields: object) -> CommandBackup:
    file = tmp_path / "backup.sh"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    usual = {"argv": [str(file), "{file}"], "directory": tmp_path / "backups", "folder": tmp_path}
    return CommandBackup(**(usual | fields))  # type: ignore[arg-type]


@pytest.mark.proves("bak.script", "S0-081")
def test_the_result_of_a_script_is_written_down_with_the_way_back(tmp_path: Path) -> None:
    script = 'echo content > dump.tar; echo "wrote it"; echo dump.tar'
    taken = backup(tmp_path, script, argv=[str(tmp_path / "backup.sh")], restore=["./restore.sh", "{location}"])
    location = Path(taken.take(RELEASE))
    told = json.loads((location / MANIFEST).read_text())
    assert told["file"] == str(tmp_path / "dump.tar")
    assert (told["size"], told["way_back"]) == (8, ["./restore.sh", str(tmp_path / "dump.tar")])
    assert "wrote it" in told["printed"]
    proof = taken.verify(str(location))
    assert (proof.size, dict(proof.tables)) == (8, {}), "nothing was restored, and nothing is claimed"
    assert not (tmp_path / "restored").exists()


@pytest.mark.proves("bak.script")
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('touch "$1"', "wrote 0 bytes; wanted: at least 1B"),
        ("true", "wrote no file"),
        ('echo half > "$1"; exit 3', "ended with exit code 3"),
    ],
)
def test_a_backup_that_is_none_is_refused_and_not_kept(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(Denied, match=said):
        backup(tmp_path, script).take(RELEASE)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_printed_path_that_is_none_is_refused(tmp_path: Path) -> None:
    for script, said in (("echo nowhere.tar", "wrote no file"), ("true", "printed no path")):
        with pytest.raises(Denied, match=said):
            backup(tmp_path, script, argv=[str(tmp_path / "backup.sh")]).take(RELEASE)


def test_a_command_that_hangs_may_be_asked_again(tmp_path: Path) -> None:
    with pytest.raises(NotApplied, match="did not end within 1s"):
        backup(tmp_path, "sleep 60", deadline="1s").take(RELEASE)


def test_a_file_that_is_gone_or_changed_does_not_hold(tmp_path: Path) -> None:
    taken = backup(tmp_path, 'echo content > "$1"')
    location = taken.take(RELEASE)
    (Path(location) / FILE).write_text("content!")
    with pytest.raises(Denied, match="was changed since"):
        taken.verify(location)
    (Path(location) / FILE).unlink()
    with pytest.raises(Denied, match="is gone"):
        taken.verify(location)


@pytest.mark.proves("bak.collections", "S4-010")
def test_collections_have_to_be_counted_by_the_proof(tmp_path: Path) -> None:
    script = 'printf "memos 3 aa\\nusers 2 bb\\n" > "$1"'
    both = ["memos", "users"]
    unproven = backup(tmp_path, script, collections=both)
    location = unproven.take(RELEASE)
    with pytest.raises(Denied, match="whether memos is in it: no `proof` counts it"):
        unproven.verify(location)
    counting = backup(tmp_path, script, collections=both, proof=["/bin/cat", "{location}"])
    assert dict(counting.verify(location).tables) == {"memos": (3, "aa"), "users": (2, "bb")}
    more = backup(tmp_path, script, collections=["orders"], proof=["/bin/cat", "{location}"])
    with pytest.raises(Denied, match="/bin/cat does not count it"):
        more.verify(location)


def test_a_proof_that_counts_nothing_proves_nothing() -> None:
    assert counted("restored\norders 3 9f86\nprices 2\n", "x") == {"orders": (3, "9f86"), "prices": (2, "")}
    with pytest.raises(Denied, match="printed no line of the form"):
        counted("all fine\n", "x")


@pytest.mark.proves("I24")
def test_the_database_s_address_is_passed_on_and_never_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONGODB_URI", "mongodb://mina:planted-secret-77@db/shop")
    taken = backup(
        tmp_path, 'echo "$MONGODB_URI"; test -n "$MONGODB_URI" && echo content > "$1"', uri_secret="MONGODB_URI"
    )
    location = Path(taken.take(RELEASE))
    told = (location / MANIFEST).read_text()
    assert "***" in told
    assert "planted" not in told


def test_an_environment_of_the_spec_is_given_and_an_unknown_one_refused(tmp_path: Path) -> None:
    spec = with_environment("production", [{"name": "TZ", "value": "Asia/Seoul"}])
    told = backup(tmp_path, 'echo "$TZ" > "$1"', environment="production").told_of(spec)
    assert (Path(told.take(RELEASE)) / FILE).read_text() == "Asia/Seoul\n"
    with pytest.raises(SpecError, match="no environment 'nowhere'; it has production"):
        backup(tmp_path, "", environment="nowhere").told_of(spec)
