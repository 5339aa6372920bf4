"""A changed chain is found, whatever was changed and wherever."""

from __future__ import annotations

import random
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from blocks.sql_ledger import SqlLedger
from tests.ledgers import HandedClock, sqlite_place
from tidegate.ledger import Draft, Entry, Head, Kind, broken_at, chain
from tidegate.memory_ledger import MemoryLedger

TAMPERINGS = 10_000


def told() -> list[Entry]:
    """The chain of a short release."""
    clock = HandedClock()
    ledger = MemoryLedger(clock)
    release = ledger.open("shop", "2.0", "run", {"digest": "sha256:1"}, "mina").id
    epoch = ledger.take(release, "run", 600).epoch
    for weight in (5, 25, 50, 100):
        clock.sleep(1)
        ledger.append(release, Draft(Kind.INTENT, f"weight {weight}", {"weight": weight}, "flow", epoch))
        ledger.append(release, Draft(Kind.OUTCOME, f"weight {weight}", {"weight": weight}, "flow", epoch))
        ledger.append(release, Draft(Kind.NOTE, "look", {"verdict": "PASS"}, "watch"))
    return list(ledger.entries(release))


def flipped(entry: Entry, chance: random.Random) -> Entry:
    """The entry with one field changed."""
    others = [
        replace(entry, kind=chance.choice([kind for kind in Kind if kind is not entry.kind])),
        replace(entry, key=entry.key + chance.choice("ab ")),
        replace(entry, at=entry.at.replace(microsecond=chance.randrange(200_000))),
        replace(entry, epoch=(entry.epoch or 0) + chance.randrange(1, 5)),
        replace(entry, who=entry.who[:-1]),
        replace(entry, body={**entry.body, "weight": chance.randrange(101, 200)}),
        replace(entry, previous=entry.hash),
        replace(entry, hash=entry.previous),
        replace(entry, seq=entry.seq + chance.choice([-1, 1])),
        replace(entry, release=entry.release + "0"),
    ]
    return chance.choice(others)


def tampered(entries: list[Entry], chance: random.Random) -> list[Entry]:
    """The chain after one change that somebody with a text editor could make."""
    wrong = list(entries)
    one, other = sorted(chance.sample(range(len(wrong)), 2))
    match chance.choice(["flip", "delete", "swap", "insert", "forge", "cut"]):
        case "flip":
            wrong[one] = flipped(wrong[one], chance)
        case "delete":
            del wrong[one]
        case "swap":
            wrong[one], wrong[other] = wrong[other], wrong[one]
        case "insert":
            wrong.insert(other, wrong[one])
        case "forge":  # an insertion by somebody who can count and hash
            before, after = wrong[one], wrong[one].seq + 1
            wrong.insert(one + 1, chain(before.release, after, Draft(Kind.NOTE, "x"), before.at, before.hash))
        case "cut":
            del wrong[other:]
    return wrong


@pytest.mark.proves("I23", "G8")
def test_ten_thousand_random_changes_of_a_chain_are_all_found() -> None:
    entries, chance = told(), random.Random(8)
    head = Head(len(entries), entries[-1].hash)
    assert broken_at(entries, head) is None
    missed = [number for number in range(TAMPERINGS) if broken_at(tampered(entries, chance), head) is None]
    assert missed == []


def test_only_the_head_kept_elsewhere_tells_of_a_chain_cut_at_its_end() -> None:
    entries = told()
    head = Head(len(entries), entries[-1].hash)
    for left in range(len(entries)):
        assert broken_at(entries[:left]) is None
        assert broken_at(entries[:left], head) == left + 1
    anchor = Head(5, entries[4].hash)
    assert broken_at(entries[: anchor.seq], anchor) is None


@pytest.mark.proves("I23", "G8")
@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE tidegate_entry SET body = '{\"weight\":100}' WHERE seq = 3", 3),
        ("UPDATE tidegate_entry SET at = at + 1 WHERE seq = 2", 2),
        ("DELETE FROM tidegate_entry WHERE seq = 4", 4),
        ("DELETE FROM tidegate_entry WHERE seq > 4", 5),
        ("DELETE FROM tidegate_entry", 1),
        ("UPDATE tidegate_release SET head_seq = 5", 7),
        ("UPDATE tidegate_release SET head_hash = 'f'", 7),
    ],
)
def test_the_audit_finds_what_was_changed_in_the_database_itself(tmp_path: Path, change: str, broken: int) -> None:
    ledger = SqlLedger(sqlite_place(tmp_path))
    ledger.create()
    release = ledger.open("shop", "2.0", "run", {}, "mina").id
    for number in range(5):
        ledger.append(release, Draft(Kind.NOTE, "told", {"number": number}))
    assert ledger.audit(release) is None
    with closing(sqlite3.connect(tmp_path / "kept" / "ledger.db")) as connection, connection:
        connection.execute(change)
    assert ledger.audit(release) == broken
    ledger.close()


def test_the_audit_that_the_docs_show_does_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
    audit, anchor = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    ledger = SqlLedger("sqlite:///ledger.db")
    ledger.create()
    release = ledger.open("shop", "2.0", "run", {}, "mina").id
    for number in range(20):
        ledger.append(release, Draft(Kind.NOTE, "told", {"number": number}))
    sent = ledger.entries(release)[11].hash
    ledger.close()
    shown: dict[str, object] = {}
    exec(audit + anchor.replace("the hash that was sent outside", sent), shown)  # noqa: S102
    assert capsys.readouterr().out == "shop/2.0/1 21 holds\n"
    with pytest.raises(AssertionError):
        exec(anchor, shown)  # noqa: S102
    with closing(sqlite3.connect("ledger.db")) as connection, connection:
        connection.execute("DELETE FROM tidegate_entry WHERE seq = 8")
    exec(audit, shown)  # noqa: S102
    assert capsys.readouterr().out == "shop/2.0/1 21 broken at entry 8\n"
