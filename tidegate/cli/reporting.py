"""`tidegate report` and `tidegate audit`: what a release's chain tells, and whether chain and report are whole."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit, UsageError
from tidegate.cli.periods import LENGTHS, of_period
from tidegate.cli.table import Command
from tidegate.errors import LedgerUnavailable, Refused

if TYPE_CHECKING:
    from tidegate.cli.opened import Opened
    from tidegate.ledger import ReleaseRow

_RELEASE = re.compile(r"[a-z][a-z0-9-]*/[A-Za-z0-9][A-Za-z0-9._-]*/\d+")
_HEAD = re.compile(r"\b[0-9a-f]{64}\b")


def _report_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "release", nargs="?", metavar="RELEASE|SYSTEM", help="a release's id, or a system: its newest release"
    )
    parser.add_argument("--lang", choices=("en", "ko"), default="en", help="language of the report (default: en)")
    parser.add_argument("--open-path", action="store_true", help="print the file's address alone, for xdg-open or open")
    parser.add_argument("--period", choices=LENGTHS, help="a system's delivery figures over a period, instead")
    parser.add_argument("--until", metavar="WHEN", help="where that period ends (default: now)")
    parser.add_argument("--verify", metavar="FILE", help="check a report: its own hash, and the chain it was made from")


def _audit_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", metavar="SYSTEM|RELEASE", help="all releases of a system, or one release")


def _report(arguments: Namespace) -> Exit:
    if arguments.verify is not None:
        return _verify(arguments)
    if arguments.period is not None:
        return of_period(arguments)
    named = _named(arguments.release)
    from tidegate.cli.opened import Opened, frozen_spec

    opened = Opened.here()
    row = opened.row(named)
    from blocks.folder_reports import FolderReports

    location, digest = FolderReports(opened.installation.home / "reports", opened.ledger, frozen_spec).write(row.id)
    path = Path(location)
    if arguments.lang != "en":
        path = path.with_name(f"{path.stem}.{arguments.lang}{path.suffix}")
    if arguments.json:
        terminal.give("report", {"release": row.id, "file": str(path), "url": path.as_uri(), "digest": digest})
    elif arguments.open_path:
        terminal.say(path.as_uri())
    else:
        terminal.say(f"Report of {row.id}: {path}")
        terminal.say(f"Check it at any time: tidegate report --verify {path}")
    return Exit.DONE


def _named(named: str | None) -> str:
    return named if named is not None and "/" in named else here.the_system(named)


# -- verifying ---------------------------------------------------------------------------------------------------------


def _verify(arguments: Namespace) -> Exit:
    """The file's own hash, and that the ledger's chain still goes through the head that the file names."""
    from tidegate.report.seal import verify

    path = Path(arguments.verify)
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except OSError as failed:
        raise UsageError(f"{path} cannot be read: {failed.strerror}", "name a report's HTML file") from None
    whole = verify(text)
    release, chain = (arguments.release or _release_in(text)), "not looked at: the file itself was changed"
    holds: bool | None = None
    if whole:
        holds, chain = _chain_behind(release, set(_HEAD.findall(text)))
    code = Exit.DONE if whole and holds is not False else Exit.FAILED
    if arguments.json:
        told = {"file": str(path), "hash": whole, "release": release, "chain": holds, "says": chain}
        terminal.give("report", {**told, "exit": int(code)})
        return code
    said = "its hash fits, nothing in it was changed" if whole else "CHANGED, its hash does not fit its text"
    terminal.say(f"{path}: {said}.")
    terminal.say(f"Ledger: {chain}.")
    return code


def _release_in(text: str) -> str:
    found = _RELEASE.search(text)
    return found[0] if found else ""


def _chain_behind(release: str, hashes: set[str]) -> tuple[bool | None, str]:
    """Whether the chain of now is whole and holds an entry that the report names; None: it cannot be asked here."""
    from tidegate.cli.opened import Opened

    try:
        opened = Opened.here()
        row = opened.ledger.find(release) if release else None
    except LedgerUnavailable as why:
        return None, f"not asked ({why})"
    if row is None:
        return None, f"this ledger has no release {release or '(none is named in the file)'}"
    broken = opened.ledger.audit(row.id)
    if broken is not None:
        return False, f"the chain of {row.id} DOES NOT HOLD at entry {broken}"
    entries = opened.ledger.entries(row.id)
    at = next((entry for entry in reversed(entries) if entry.hash in hashes), None)
    if at is None:
        return False, f"the chain of {row.id} is whole, but the head that the report names is NOT IN IT"
    later = f", {len(entries) - at.seq} entries later by now" if at.seq < len(entries) else ""
    return True, f"the chain of {row.id} is whole; the report was made at its entry {at.seq}{later}"


# -- auditing ----------------------------------------------------------------------------------------------------------


def _audit(arguments: Namespace) -> Exit:
    named = _named(arguments.system)
    from tidegate.cli.opened import Opened

    opened = Opened.here()
    rows = [opened.row(named)] if "/" in named else list(opened.ledger.releases(named))
    if not rows:
        raise Refused(f"no release of {named} has begun here", "there is no chain to look at")
    found = [_audited(opened, row) for row in rows]
    broken = [one for one in found if one["broken_at"] is not None]
    code = Exit.FAILED if broken else Exit.DONE
    if arguments.json:
        terminal.give("audit", {"releases": found, "exit": int(code)})
        return code
    for one in found:
        state = "whole" if one["broken_at"] is None else f"BROKEN at entry {one['broken_at']}"
        terminal.say(f"{one['release']}: {state}, {one['entries']} entries, head {one['head']}")
    if broken:
        terminal.tell(
            "What stands from there on may have been changed. Restore the ledger from its backup and compare the heads"
        )
        terminal.tell("with those in the reports; a release under way can be rolled back without the ledger.")
    return code


def _audited(opened: Opened, row: ReleaseRow) -> dict[str, Any]:
    entries = opened.ledger.entries(row.id)
    head = entries[-1].hash if entries else ""
    return {"release": row.id, "broken_at": opened.ledger.audit(row.id), "entries": len(entries), "head": head}


COMMANDS = {
    "report": Command(
        examples=(
            (
                "tidegate report shop --period weekly",
                "releases, lead time, failure rate, time to restore; the week before",
            ),
            ("tidegate report --verify report.html", "whether a report file is as it was written, and its chain whole"),
        ),
        arguments=_report_arguments,
        run=_report,
        more="Without --period: the newest release's report, one HTML file that opens offline, in English and Korean, "
        "with Markdown beside it; its place is told.",
    ),
    "audit": Command(
        examples=(
            ("tidegate audit shop", "every chain of shop, entry by entry, with its head"),
            ("tidegate audit shop/2.0/1 --json", "one release, for a script"),
        ),
        arguments=_audit_arguments,
        run=_audit,
        more="Exit code 1 when a chain does not hold: an entry was changed, lost, swapped or inserted.",
    ),
}
