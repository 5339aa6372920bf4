"""What is written down of a backup that a project's own command took, and how two counts of it are compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tidegate.errors import Denied

MANIFEST = "manifest.json"
Tables = Mapping[str, tuple[int, str]]  # rows, checksum


@dataclass(frozen=True, slots=True)
class Manifest:
    """Of one backup; it lies beside it and is written last."""

    release: str
    taken_at: str
    file: str
    size: int  # bytes
    sha256: str
    printed: str
    way_back: list[str] = field(default_factory=list)  # the command that would restore it, ready to be typed
    holds: dict[str, tuple[int, str]] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Denied when it cannot be used."""
        try:
            told = json.loads((folder / MANIFEST).read_text("utf-8"))
            told["holds"] = {str(name): (int(rows), str(digest)) for name, (rows, digest) in told["holds"].items()}
            made = cls(**told)
            return cls(**{**told, "size": int(made.size), "file": str(made.file), "sha256": str(made.sha256)})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as why:
            raise Denied(f"{folder.name} has no usable manifest: {why}", "Take another backup.") from None


def counted(printed: str, command: str) -> dict[str, tuple[int, str]]:
    """
    Lines of `orders 3 9f86d081`: a table, its rows, and a checksum over them (which may be left out).

    Denied when there is no such line: a proof that counts nothing proves nothing.
    """
    found = {}
    for line in printed.splitlines():
        words = line.split()
        if len(words) in {2, 3} and words[1].isdecimal():
            found[words[0]] = (int(words[1]), words[2] if words[2:] else "")
    if not found:
        raise Denied(f"{command} printed no line of the form `table rows checksum`")
    return found


def difference(ours: Tables, theirs: Tables) -> str:
    """What `theirs` has otherwise, in one sentence; empty when nothing."""
    for name in sorted(ours.keys() | theirs.keys()):
        was, now = ours.get(name), theirs.get(name)
        if was == now:
            continue
        if was is None or now is None:
            return f"table {name} is {'missing' if now is None else 'too many'}"
        if was[0] != now[0]:
            return f"table {name} has {now[0]:,} rows instead of {was[0]:,}"
        return f"table {name} has {was[0]:,} rows, but holds other values"
    return ""


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
