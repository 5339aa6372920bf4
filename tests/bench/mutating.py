"""Mutations of a release spec: what people, merges and editors do to one. Seeded: one number, one mutation."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

Path = tuple[str | int, ...]
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 5, 10**30, -(10**12), 0.5, 1e300, "", " ", "yes", "no", "1:30",
    "45", "45m", "-5m", "999999999d", "1e9h", "9" * 300 + "d", "0s", "5 %", "500 %", "0.5",
    "above 5 %", "below", "above baseline x nan", "above baseline x 99999999", "at most baseline + 5ms",
    "above " + "9" * 400 + " count", "Asia/Seul", "XX", "9999-12-31", "0001-01-01", "2026-02-30", "2026-02-11",
    "25:00", "24:00", "00:00", "mon", "Monday", "a" * 100_000, "한국어", "${nothing}", "{version",
    "../../etc/passwd", "http://[", "a\x01b", [], {}, [[]], [None], {"use": "nothing"}, {"use": 5},
    {"day": 400, "clock": "24:00"}, {"after": "full", "by": "3660d"}, {"date": "2100-12-31"}, {"a": {"b": {}}},
)  # fmt: skip


def places(value: Any, path: Path = ()) -> list[Path]:
    """Every path of a value, without its root."""
    found = [path] if path else []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        found += places(one, (*path, key))
    return found


def _at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def change(value: Any, path: Path, chance: random.Random) -> None:
    _at(value, path[:-1])[path[-1]] = copy.deepcopy(chance.choice(ODD))


def delete(value: Any, path: Path, _: random.Random) -> None:
    del _at(value, path[:-1])[path[-1]]


def duplicate(value: Any, path: Path, chance: random.Random) -> None:
    """An entry of a list twice; of a mapping, under a second name."""
    owner, again = _at(value, path[:-1]), copy.deepcopy(_at(value, path))
    if isinstance(owner, list):
        owner.insert(chance.randrange(len(owner) + 1), again)
    else:
        owner[f"{path[-1]}-2"] = again


def retype(value: Any, path: Path, chance: random.Random) -> None:
    found = _at(value, path)
    made: list[Any] = [str(found)[:200], [found], {"value": found}, {"name": found}, None]
    if isinstance(found, dict):
        made += [list(found), list(found.values())]
    if isinstance(found, list):
        made += [{str(at): one for at, one in enumerate(found)}, found[0] if found else None]
    _at(value, path[:-1])[path[-1]] = chance.choice(made)


def misspell(value: Any, path: Path, chance: random.Random) -> None:
    """Two letters of a key change places, or one is lost; in a list, of the text."""
    owner, key = _at(value, path[:-1]), path[-1]
    if isinstance(key, str):
        owner[_misspelt(key, chance)] = owner.pop(key)
    elif isinstance(owner[key], str):
        owner[key] = _misspelt(owner[key], chance)


def _misspelt(word: str, chance: random.Random) -> str:
    at = chance.randrange(max(1, len(word) - 1))
    swapped = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
    return chance.choice((swapped, word[:at] + word[at + 1 :], word.upper(), f"{word}s", word.replace("_", "-")))


def swap(value: Any, path: Path, chance: random.Random) -> None:
    """Two values of one spec change places, as a careless edit leaves them."""
    other = chance.choice(places(value))
    if other[: len(path)] == path or path[: len(other)] == other:
        return
    one, two = copy.deepcopy(_at(value, path)), copy.deepcopy(_at(value, other))
    _at(value, path[:-1])[path[-1]], _at(value, other[:-1])[other[-1]] = two, one


def unit(value: Any, path: Path, chance: random.Random) -> None:
    """A number loses its unit, gets another, or many more digits."""
    text = str(_at(value, path))[:100]
    digits = "".join(sign for sign in text if sign.isdigit() or sign == ".")[:20] or "7"
    endings = ("", "ms", "min", "d", "w", "%", " %", "GB", "kb", "/s", "/m", " count", "000000000d", "e9s", "h 30")
    _at(value, path[:-1])[path[-1]] = digits + chance.choice(endings)


MUTATIONS: tuple[Callable[[Any, Path, random.Random], None], ...] = (
    change, change, delete, duplicate, retype, misspell, swap, unit,
)  # fmt: skip


def mutated(value: Any, chance: random.Random) -> tuple[Any, str]:
    """One to three mutations of a copy, and what was done, in words."""
    made, done = copy.deepcopy(value), list[str]()
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        mutation, path = chance.choice(MUTATIONS), chance.choice(places(made) or [()])
        if path:
            mutation(made, path, chance)
            done.append(f"{mutation.__name__} {'.'.join(map(str, path))}"[:200])
    return made, "; ".join(done)


PIECES = (b"\t", b"&x ", b"*x", b"!!python/object ", b"<<: ", b".nan", b"\xff", b"\0", b"- ", b": ", b"{", b"]", b"'",
          b"\n", b"  ", b"%YAML 3\n", b"---\n", "\u202e".encode(), b"? ", b"|\n", b"1e999")  # fmt: skip


def mutated_text(text: bytes, chance: random.Random) -> tuple[bytes, str]:
    """A line twice, lost, or further in; a piece of YAML that nobody meant."""
    lines = text.split(b"\n")
    at = chance.randrange(len(lines))
    match chance.randrange(5):
        case 0:
            lines.insert(at, lines[at])
            done = "line twice"
        case 1:
            del lines[at]
            done = "line lost"
        case 2:
            lines[at] = b" " * chance.randrange(1, 9) + lines[at]
            done = "line moved in"
        case 3:
            cut = chance.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:cut] + chance.choice(PIECES) + lines[at][cut:]
            done = "piece put in"
        case _:
            lines = [*lines[:at], lines[at][: chance.randrange(len(lines[at]) + 1)]]
            done = "file cut off"
    return b"\n".join(lines), f"{done}, line {at + 1}"
