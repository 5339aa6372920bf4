"""
What most commands open: the installation, the ledger, Prefect's API; without importing Prefect, which takes seconds.

Imported inside commands only: everything here is heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocks.installation import FILE, Installation
from blocks.prefect_runs import PrefectRuns
from blocks.sql_ledger import SqlLedger
from blocks.yaml_reading import read_spec
from tidegate.errors import LedgerUnavailable, Refused, Unreachable
from tidegate.ledger import ReleaseRow
from tidegate.spec import Spec, compressed
from tidegate.story import Story

PATIENCE = 3.0  # seconds that a command waits for the ledger


@dataclass(slots=True)
class Opened:
    """One installation as the command line sees it."""

    installation: Installation
    ledger: SqlLedger

    @classmethod
    def here(cls) -> Opened:
        """LedgerUnavailable, kindly, when there is none yet."""
        installation = Installation.here()
        url = installation.ledger_url
        if url.startswith("sqlite:///") and not Path(file := url.removeprefix("sqlite:///")).exists():
            raise LedgerUnavailable(
                f"there is no ledger at {file} yet: nothing has been released here", "tidegate up makes it"
            )
        return cls(installation, SqlLedger(url, patience=PATIENCE))

    def runs(self) -> PrefectRuns:
        """Prefect's API; Unreachable when this installation knows no server."""
        url = self.installation.prefect_url
        if not url:
            file = self.installation.home / FILE
            raise Unreachable(
                f"no Prefect server is known here: PREFECT_API_URL is not set and {file} names none",
                "start it: tidegate up",
            )
        return PrefectRuns(url)

    def run_link(self, run_id: str) -> str:
        return f"{self.installation.ui_url}/runs/flow-run/{run_id}"

    def story(self, release: str) -> Story:
        return Story.of(self.ledger.entries(release))

    def row(self, named: str) -> ReleaseRow:
        """The release that `named` (a system, or a release's id) means: the one under way, else the newest one."""
        if "/" in named:
            found = self.ledger.find(named)
            if found is None:
                known = ", ".join(row.id for row in self.ledger.releases(named.split("/")[0])[:5]) or "none"
                raise Refused(f"the ledger knows no release {named!r}", f"releases: {known}")
            return found
        rows = self.ledger.releases(named)
        if not rows:
            raise Refused(f"no release of {named} has begun here", f"start one: tidegate release {named} VERSION")
        return next((row for row in rows if not row.over), rows[0])


def frozen_spec(opened: Mapping[str, Any]) -> Spec:
    """The spec that a release's first entry keeps, without connecting anything."""
    name = f"{opened.get('system')} (frozen)"
    return compressed(spec_of(str(opened["spec"]).encode(), name), int(opened.get("compress", 1)))


def spec_of(text: bytes, name: str) -> Spec:
    """A spec from its bytes; its connectors' own fields are not looked at."""
    return read_spec(text, name)
