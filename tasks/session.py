"""What a flow's process opens: its installation, the ledger, Prefect's API, the connected world of a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from blocks import connect
from blocks.folder_reports import FolderReports
from blocks.installation import Installation
from blocks.metrics_aside import PATIENCE
from blocks.prefect_runs import PrefectRuns
from blocks.public_holidays import public_holidays
from blocks.sql_ledger import SqlLedger
from blocks.system_clock import SystemClock
from blocks.wayback_folder import WayBackFolder
from tasks.couriers import Couriers
from tidegate.clockwork.moments import Clockwork
from tidegate.clockwork.windows import AHEAD, Closed, closed_between
from tidegate.ledger import Ledger, ReleaseRow
from tidegate.ports import Clock
from tidegate.spec import Spec
from tidegate.world import World

COURIERS = Couriers()  # one post for the process: it remembers which channels hang


@dataclass(frozen=True, slots=True)
class Session:
    """The parts that every flow of this installation stands on."""

    installation: Installation
    ledger: Ledger
    runs: PrefectRuns
    clock: Clock

    @classmethod
    def here(cls) -> Session:
        installation = Installation.here()
        ledger = SqlLedger(installation.ledger_url)
        return cls(installation, ledger, PrefectRuns(installation.prefect_url, scope=installation.id), SystemClock())

    def links(self, run_id: str) -> dict[str, str]:
        """Where a person can look: the run, and whatever address of this installation is worth a click."""
        told = {"run": f"{self.installation.ui_url}/runs/flow-run/{run_id}"}
        for name, value in self.installation.values.items():
            if name.endswith("_url") and value not in told.values():
                told[name.removesuffix("_url")] = value
        return told

    def frozen_spec(self, opened: Mapping[str, Any]) -> Spec:
        """The spec's own bytes as the release's first entry keeps them; the file is not read again."""
        return connect.read_spec(str(opened["spec"]).encode(), f"{opened['system']} (frozen)", int(opened["compress"]))

    def world(self, spec: Spec, closed: Sequence[Closed] = (), release: str = "", patience: float = PATIENCE) -> World:
        """
        `closed` are the times in which no traffic may be raised, as the release's first entry keeps them; `patience` is
        how many seconds a measurement is waited for.
        """
        home = self.installation.home
        return connect.world(
            spec,
            self.installation,
            self.ledger,
            self.clock,
            wayback=WayBackFolder(home / "wayback"),
            bookings=self.runs,
            reports=FolderReports(home / "reports", self.ledger, self.frozen_spec),
            closed=closed,
            post=COURIERS,
            release=release,
            patience=patience,
        )

    def world_of(self, row: ReleaseRow) -> World:
        """The world of a release that is under way, from its first entry."""
        opened = self.ledger.entries(row.id)[0].body
        return self.world(self.frozen_spec(opened), closed_of(opened), row.id)

    def closed_times(self, spec: Spec) -> list[Closed]:
        """The spec's calendar as instants, from now on, with the public holidays that are known today."""
        now = self.clock.now()
        holidays = public_holidays(spec.calendar.holidays, now.date() - timedelta(days=2))
        return list(closed_between(spec.calendar, Clockwork.of(spec, {}), holidays, now, now + AHEAD))


def closed_of(opened: Mapping[str, Any]) -> tuple[Closed, ...]:
    """The closed times of a release's first entry."""
    return tuple(Closed.from_json(told) for told in opened.get("closed", ()))
