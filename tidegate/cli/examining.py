"""The parts that `tidegate doctor` looks at, in the order in which they need each other."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from blocks.installation import FILE, Installation
from blocks.prefect_runs import PrefectRuns
from blocks.traefik_process import TraefikProcess
from deployments.offers import offered, withheld
from tidegate.cli.doctor import Examination, Finding, State
from tidegate.cli.lowering import weight_of
from tidegate.cli.opened import Opened
from tidegate.cli.packages import versions
from tidegate.cli.records import age, records
from tidegate.cli.served import served, watch_lease
from tidegate.errors import ConnectorError, LedgerUnavailable
from tidegate.story import State as Stage

LITTLE, TOO_LITTLE = 2_000_000_000, 200_000_000  # bytes
OLD_LOOK = 15.0  # seconds
LATEST = 5  # chains that are looked at
RUNNER_SILENT = 90.0  # seconds since a deployment was last asked for


def home(installation: Installation) -> Iterator[Finding]:
    """The folder: there, ours, and with room on its disk."""
    place = installation.home
    if not place.is_dir():
        yield Finding(
            "home", "warn", f"{place} is not there yet", "tidegate up makes it; another one: --home or TIDEGATE_HOME"
        )
        return
    writable = os.access(place, os.W_OK | os.X_OK)
    yield Finding("home", "ok" if writable else "bad", str(place), "" if writable else "this user cannot write into it")
    free = shutil.disk_usage(place).free
    state: State = "ok" if free > LITTLE else "warn" if free > TOO_LITTLE else "bad"
    fix = "logs, reports and backups grow there; a full disk keeps every weight where it is"
    yield Finding("disk", state, f"{free / 1e9:.1f} GB free", fix)


def processes(installation: Installation) -> Iterator[Finding]:
    running = served(installation.home)
    if running is None:
        yield Finding(
            "processes", "warn", "`tidegate up` is not running here", "tidegate up, unless another machine runs them"
        )
    else:
        yield Finding("processes", "ok", f"kept by process {running.pid}")


def ledger(_: Installation) -> Iterator[Finding]:
    """Read, locked for writing for a moment, and its newest chains gone through."""
    opened = Opened.here()
    with opened.ledger.database.writing():
        pass  # the lock was had, nothing is written
    rows = opened.ledger.releases()
    yield Finding("ledger", "ok", f"{opened.ledger.database!r}, {len(rows)} releases, can be written")
    for row in rows[:LATEST]:
        broken = opened.ledger.audit(row.id)
        if broken is not None:
            fix = f"tidegate audit {row.system} says more; rolling back works without the ledger"
            yield Finding(f"chain of {row.id}", "bad", f"does not hold at entry {broken}", fix)


def server(installation: Installation) -> Iterator[Finding]:
    """Prefect's server and whether something takes its runs."""
    if not installation.prefect_url:
        yield Finding(
            "Prefect", "warn", f"no server is known ({installation.home / FILE} and PREFECT_API_URL)", "tidegate up"
        )
        return
    runs = PrefectRuns(installation.prefect_url)
    if not runs.healthy():
        url = urlsplit(installation.prefect_url)
        taken = _answers(url.hostname or "", url.port or 80)
        found = f"{installation.prefect_url} does not answer" + (", though something listens there" if taken else "")
        yield Finding(
            "Prefect", "bad", found, "tidegate up; its log: logs/server.log. Watch and rollback do not need it"
        )
        return
    version = str(runs.call("GET", "/admin/version"))
    same = version == importlib.metadata.version("prefect")
    fix = "server and flows should be of one version"
    yield Finding(
        "Prefect", "ok" if same else "warn", f"{installation.prefect_url}, version {version}", "" if same else fix
    )
    for system in offered(installation.releases):
        yield _deployment(runs, system)
    for system, count in withheld(installation.releases).items():
        found = f"not offered: a real release lacks {count} {'thing' if count == 1 else 'things'}"
        yield Finding(f"runs of {system}", "ok", found, f"tidegate check {system} --real names them")


def _deployment(runs: PrefectRuns, system: str) -> Finding:
    found = runs.call("GET", f"/deployments/name/release/{system}", missing_is_none=True)
    what = f"runs of {system}"
    if found is None:
        return Finding(
            what, "bad", "Prefect knows no deployment release/" + system, "tidegate up, or prefect deploy --all"
        )
    polled = found.get("last_polled")
    if not polled:
        return Finding(what, "warn", "nothing has asked for them yet", "does a runner or a worker run? logs/runner.log")
    silent = (datetime.now(UTC) - datetime.fromisoformat(polled)).total_seconds()
    state: State = "ok" if silent < RUNNER_SILENT else "bad"
    return Finding(what, state, f"something asked for them {silent:.0f} s ago", "does a runner run? logs/runner.log")


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def watch(_: Installation) -> Iterator[Finding]:
    """Its lease, and the age of its look at every release under way."""
    opened = Opened.here()
    lease = watch_lease(opened.ledger)
    fix = "tidegate up, or tidegate watch; without a watch nothing rises and nobody lowers"
    if lease is None:
        yield Finding("watch", "bad", "there has been none yet", fix)
    elif lease.left < 0:
        yield Finding("watch", "bad", f"{lease.holder} fell silent {-lease.left:.0f} s ago", fix)
    else:
        yield Finding("watch", "ok", f"{lease.holder} (number {lease.number})")
    for row in opened.ledger.releases(watched=True):
        look = opened.ledger.look(row.id)
        if look is None:
            yield Finding(f"look at {row.id}", "warn", "none yet", fix)
        elif look.age > OLD_LOOK or not look.current:
            yield Finding(f"look at {row.id}", "bad", f"{look.age:.0f} s old", fix)
        else:
            yield Finding(f"look at {row.id}", "ok", f"{look.age:.1f} s old, {look.row.verdict}")


def proxy(installation: Installation) -> Iterator[Finding]:
    if not (installation.home / "proxy").is_dir():
        yield Finding(
            "proxy", "warn", "the embedded proxy has not been started here", "tidegate up, unless another is used"
        )
        return
    running = TraefikProcess(installation.home / "proxy").running()
    if running is None:
        yield Finding("proxy", "bad", "does not run: nobody is served through it", "tidegate up")
        return
    from blocks.traefik_api import TraefikApi

    try:
        TraefikApi(running.api_url).ask("routers/api@internal", 1.0)
    except ConnectorError as why:
        yield Finding("proxy", "bad", str(why), f"see {installation.home / 'proxy' / 'traefik.log'}")
        return
    yield Finding("proxy", "ok", f"{running.web_url} (process {running.pid})")


def way_back(_: Installation) -> Iterator[Finding]:
    """A readable record of each release with traffic to take back, for its owner alone."""
    found = {one.system: one for one in records()}
    for one in found.values():
        if one.record is None:
            yield Finding(
                f"way back of {one.system}", "bad", f"{one.path} cannot be read ({one.why})", "the watch writes it anew"
            )
            continue
        routes = ", ".join(f"{way.component} {weight_of(way)}" for way in one.record.ways)
        shared = stat.S_IMODE(one.path.stat().st_mode) & 0o077
        fix = f"chmod 600 {one.path}" if shared else ""
        told = f"{one.record.release} to {one.record.blue}, written {age(one.written_at)} ago; {routes}"
        yield Finding(f"way back of {one.system}", "warn" if shared else "ok", told, fix)
    try:
        opened = Opened.here()
    except LedgerUnavailable:
        return
    for row in opened.ledger.releases(watched=True):
        record = found[row.system].record if row.system in found else None
        if opened.story(row.id).state in (Stage.SHIFTING, Stage.PROMOTED) and (
            record is None or record.release != row.id
        ):
            fix = "the watch writes it here; without it nothing rises. Is this where rollback would be typed?"
            yield Finding(f"way back of {row.system}", "bad", f"no record of {row.id} lies here", fix)


EXAMINATIONS: tuple[tuple[str, Examination], ...] = (
    ("versions", versions),
    ("home", home),
    ("processes", processes),
    ("ledger", ledger),
    ("Prefect", server),
    ("watch", watch),
    ("proxy", proxy),
    ("way back", way_back),
)
