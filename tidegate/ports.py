"""
What Tidegate asks of the world: small interfaces, one product a file behind each (blocks/).

Every call has its own time-out inside the block and raises ConnectorError's children: Unreachable and
NotApplied may be asked again, Denied and NotUnderstood not. Events say what was observed, not what was asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from tidegate.traffic import Change, Seen, Side
from tidegate.wayback import WayBack


class Verdict(StrEnum):
    """How a judgement ends. Only PASS lets anything rise; ERROR is an INCONCLUSIVE that pages."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    ERROR = "ERROR"


class Clock(Protocol):
    """Time as a parameter: the system's, or a virtual one in tests and rehearsals."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""

    def elapsed(self) -> float:
        """Seconds on a clock that never jumps; only differences mean anything."""

    def sleep(self, seconds: float) -> None: ...


class Router(Protocol):
    """Splits one route's live traffic between stable and canary; weights and mark stand in one place."""

    @property
    def kind(self) -> str:
        """Selects the lowering half: blocks/<kind>_lowering.py."""

    @property
    def compares(self) -> bool:
        """Whether it can compare and set in one step (a file can, an ALB cannot)."""

    def read(self) -> Seen:
        """Weights and mark as the router itself reports them, not as we last asked."""

    def write(self, change: Change) -> Seen:
        """Lock, read, let `change` decide, write both in one step, confirm at the router, return what was read back."""

    def drained(self, side: Side) -> bool | None:
        """Whether no request is in flight to this side any more; None when the router cannot tell."""

    def by_hand(self) -> str:
        """The break-glass line: what a person types or edits to send everything to stable without Tidegate."""

    def address(self) -> dict[str, Any]:
        """What the router's lowering half needs to find this route, JSON-able, without secrets (way-back record)."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One running copy of a version, as it reports itself."""

    name: str
    url: str
    healthy: bool
    digest: str  # what the instance itself says it runs; "" when it does not answer
    restarts: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PlatformState:
    """The instances of one version of one component."""

    side: Side
    instances: tuple[Instance, ...]
    wanted: int
    version: str = ""  # what the platform was told when it created them; "" when it does not know

    @property
    def ready(self) -> int:
        return sum([instance.healthy for instance in self.instances])


class Platform(Protocol):
    """Runs versions of one component side by side; a version outlives the process that created it."""

    def create(self, release: str, version: str, digest: str, wanted: int) -> PlatformState:
        """Start this digest under the release's name, or adopt what runs under it already (I13)."""

    def status(self, side_name: str) -> PlatformState | None:
        """What runs under this name; None when nothing does."""

    def scale(self, side_name: str, wanted: int) -> PlatformState: ...

    def remove(self, side_name: str, grace: timedelta) -> None:
        """Graceful stop of all instances of this name; nothing happens when it is gone already."""


class Registry(Protocol):
    """Keeps artifacts by digest; never puts another content under a digest."""

    def push(self, source: str, version: str = "") -> str:
        """
        Store what lies at `source`, return its digest `sha256:...`; the same content gives the same digest.

        `version` names it for people, where the registry has such names; a name never moves to another digest.
        """

    def exists(self, digest: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class BackupProof:
    """A backup that was restored into a scratch place and compared, table by table; or what its provider says of it."""

    location: str
    digest: str
    size: int  # bytes
    tables: Mapping[str, tuple[int, str]]  # rows, fingerprint; none where nothing was restored
    seconds: float
    said: str = ""  # what was looked at instead of a restore


class Backup(Protocol):
    """Takes a backup and proves it: by a real restore, where that is possible."""

    def find(self, release: str) -> str | None:
        """Where the backup of this release lies, if it was taken."""

    def take(self, release: str) -> str:
        """Take it under the release's name; returns the location."""

    def verify(self, location: str) -> BackupProof:
        """Restore into a scratch database, compare, throw the scratch away; Denied when it does not hold."""


@dataclass(frozen=True, slots=True)
class Sample:
    """
    One reading of one metric for one side over one window.

    `value` is None when there is no series (which is not 0); rates are 0-1, latencies seconds. `count` is the
    number of requests behind a rate or a percentile, `bad` how many of them failed (None where that has no meaning).
    """

    metric: str
    value: float | None
    count: int | None
    bad: int | None
    window: timedelta
    at: datetime
    error: str = ""  # the source could not be asked: kept apart from "no data" and from a failure
    beside: Mapping[str, float] = field(default_factory=dict)  # further figures for people, e.g. the longest gap


class Metrics(Protocol):
    """Measurements of a side of a component. Asked at every look, so the block keeps its own counters' history."""

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample: ...


@dataclass(frozen=True, slots=True)
class Totals:
    """
    What one side has answered since its source began to count: requests, failed ones, and how many were how slow.

    `edges`: seconds, from 0 to infinity; `latency`: requests between one edge and the next. Only growth means anything.
    """

    at: datetime
    requests: float
    failures: float
    edges: tuple[float, ...]
    latency: tuple[float, ...]


@runtime_checkable
class Counts(Protocol):
    """A source of measurements that also gives the counts behind them: what the comparing judge asks for."""

    def totals(self, side: Side) -> Totals | None:
        """None while the source knows nothing of this side; ConnectorError when it cannot be asked."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check's answer, with what it saw and what to do about it."""

    verdict: Verdict
    evidence: str
    remedy: str = ""
    seconds: float = 0.0
    figures: Mapping[str, float] = field(default_factory=dict)


class Check(Protocol):
    """Looks at one thing and says passed, failed or cannot tell."""

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """`facts` fill the check's own templates: release, version, component, url, digest."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A check that is asked again and again: its failures in a row, what the last one said, why it cannot be asked."""

    failures: int = 0
    evidence: str = ""
    trouble: str = ""


class Alarm(Protocol):
    """A check that is asked aside; whoever wants to know waits for nothing."""

    def heard(self, facts: Mapping[str, str]) -> Heard:
        """What was heard so far; the next question is on its way, with these facts."""


class Doer(Protocol):
    """Carries one act of a spec out on the world: a tag, a deployment hook, an issue."""

    def done(self, release: str, facts: Mapping[str, str]) -> str:
        """What shows that it is done for this release already; "" when it is not."""

    def do(self, release: str, facts: Mapping[str, str]) -> str:
        """Do it; what shows that it is done. Denied when it was refused, Unreachable when nobody can tell."""


class Identities(Protocol):
    """Proves who answered an approval, from the answer's own content (a code, a signature), never from the click."""

    def proved(self, approver: str, gate: str, release: str, answer: Mapping[str, Any]) -> bool:
        """False is "unproved", shown red wherever the answer is shown; it refuses nothing by itself."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something people are told; texts exist in English and Korean."""

    event: str
    severity: str  # info, warning, critical
    release: str
    title: Mapping[str, str]  # language -> text
    text: Mapping[str, str]
    links: Mapping[str, str] = field(default_factory=dict)


class Notifier(Protocol):
    """Tells people; never on the path of a weight change, never the reason a release stops (I22)."""

    def tell(self, notice: Notice) -> None: ...


class WayBackStore(Protocol):
    """Where way-back records lie: on the machine where `tidegate rollback` is typed."""

    def read(self, system: str) -> WayBack | None: ...

    def write(self, record: WayBack) -> None: ...

    def remove(self, system: str, release: str) -> None:
        """Remove this release's record; another release's stays."""


class Bookings(Protocol):
    """Future runs of the verify and finalize deployments."""

    def book(self, release: str, slots: Mapping[str, datetime], attempt: int = 1) -> None:
        """Idempotent: one run per release, slot and attempt."""

    def cancel(self, release: str) -> int:
        """Cancel what has not started; how many."""

    def end_release_run(self, run_id: str, state: str, message: str) -> str:
        """Let the release's own flow run show its end; the state it shows now."""


class Reports(Protocol):
    """Writes a release's report and its page."""

    def write(self, release: str) -> tuple[str, str]:
        """Location and digest of the report."""


@dataclass(frozen=True, slots=True)
class RunState:
    """A flow run as the orchestrator shows it; type is Prefect's state type, None when the run was deleted."""

    run_id: str
    type: str | None
    name: str = ""
    since: datetime | None = None


class Runs(Protocol):
    """The orchestrator, as the watch sees it: asked from a side thread, never needed to look or to lower."""

    def state(self, run_id: str) -> RunState: ...

    def again(self, run_id: str, why: str) -> bool:
        """Put the same run back to Scheduled; whether the orchestrator accepted."""

    def start_release(self, release: str, request: Mapping[str, Any]) -> str:
        """A new run for a release whose run was deleted; its id."""

    def start_rollback(self, release: str, why: str) -> str:
        """The one rollback run of this release (idempotent); its id."""

    def answers(self, run_id: str, keys: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Answers to approvals that were stored, by suspend key."""

    def wake(self, run_id: str) -> bool:
        """Let a waiting run go on now."""
