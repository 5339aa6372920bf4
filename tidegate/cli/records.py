"""Which way-back records lie here, and what can still be said of one that cannot be read. Standard library only."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tidegate.cli.here import home
from tidegate.wayback import WayBack

MARK = "# tidegate-mark:"
_BY_HAND = re.compile(r'"by_hand":\s*"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Found:
    """A record's file; `record` is None where it cannot be read, `why` says then what was found."""

    system: str
    path: Path
    record: WayBack | None
    why: str = ""

    @property
    def written_at(self) -> datetime:
        with suppress(ValueError, TypeError):
            if self.record is not None:
                at = datetime.fromisoformat(self.record.written_at)
                return at if at.tzinfo else at.replace(tzinfo=UTC)
        with suppress(OSError):
            return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        return datetime.fromtimestamp(0, UTC)

    @property
    def line(self) -> str:
        if self.record is None:
            return f"{self.system}: {self.path} cannot be read ({self.why})"
        record = self.record
        written = f"{record.state}, written {age(self.written_at)} ago"
        return f"{self.system}: from {record.version} back to {record.blue} ({written})"


def records() -> list[Found]:
    """All records of this home, the newest first."""
    return sorted(
        map(_found, (home() / "wayback").glob("[!.]*.json")), key=lambda found: found.written_at, reverse=True
    )


def _found(path: Path) -> Found:
    try:
        record = WayBack.from_text(path.read_text("utf-8"))
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as broken:
        return Found(path.stem, path, None, str(broken) or type(broken).__name__)
    if record.system != path.stem or not record.ways:
        what = f"it is of the system {record.system!r}" if record.ways else "it names no route"
        return Found(path.stem, path, None, what)
    return Found(path.stem, path, record)


def by_hand(found: Found) -> list[str]:
    """What a person can still do: the manual lines that a damaged record holds, else the route files that are here."""
    with suppress(OSError):
        text = found.path.read_text("utf-8", "replace")
        lines = [match[1].encode().decode("unicode_escape", "replace") for match in _BY_HAND.finditer(text)]
        if lines:
            return lines
    return routes_by_hand()


def routes_by_hand(system: str = "") -> list[str]:
    """The embedded proxy's route files of a system (or all): each says in its first lines what to change in it."""
    lines = []
    for path in sorted((home() / "proxy" / "routes").glob("*.yaml")):
        with suppress(OSError):
            first = path.read_text("utf-8", "replace").split("\n", 1)[0]
            if first.startswith(MARK) and (not system or f'"release": "{system}/' in first):
                lines.append(f"edit {path}: its first lines say which two numbers to change")
    return lines


def age(at: datetime) -> str:
    """`41 s`, `12 min`, `3 h`, `2 d`."""
    seconds = max(0.0, (datetime.now(UTC) - at).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
