"""The world of one release: its spec and what the spec's `use:` lines are connected to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tidegate.clockwork.windows import Closed
from tidegate.errors import ConnectorError
from tidegate.ledger import Ledger
from tidegate.ports import (
    Alarm,
    Backup,
    Bookings,
    Check,
    Clock,
    Counts,
    Doer,
    Metrics,
    Notice,
    Notifier,
    Platform,
    Registry,
    Reports,
    Router,
    WayBackStore,
)
from tidegate.spec import Spec

Post = Callable[[Mapping[str, Notifier], Notice], Mapping[str, str]]  # who did not get it -> why


def one_after_the_other(to: Mapping[str, Notifier], notice: Notice) -> dict[str, str]:
    """The simplest post, for rehearsals: each is told in turn, and may take its time."""
    lost = dict[str, str]()
    for name, notifier in to.items():
        try:
            notifier.tell(notice)
        except ConnectorError as why:
            lost[name] = str(why)
    return lost


@dataclass(frozen=True, slots=True)
class Part:
    """One component, connected."""

    platform: Platform
    router: Router
    registry: Registry
    metrics: Metrics
    probes: Counts | None = None  # synthetic requests to either version, past the router


@dataclass(frozen=True, slots=True)
class Source:
    """One source of a metric of the system: what it is called in evidence; whether it tells versions apart."""

    name: str
    metrics: Metrics
    sided: bool = True


@dataclass(frozen=True, slots=True)
class World:
    """Ports of one release. Bookings and reports are absent where nobody needs them (the watch, a rehearsal)."""

    spec: Spec
    parts: Mapping[str, Part]
    clock: Clock
    ledger: Ledger
    sources: Mapping[str, Sequence[Source]] = field(default_factory=dict)  # of the spec's metrics, in the order asked
    checks: Mapping[str, Check] = field(default_factory=dict)
    alarms: Mapping[str, Alarm] = field(default_factory=dict)  # of the spec's triggers, by their names
    backups: Mapping[str, Backup] = field(default_factory=dict)
    notifiers: Sequence[Notifier] = ()
    channels: Mapping[str, Notifier] = field(default_factory=dict)  # of the spec, by name
    post: Post = one_after_the_other
    wayback: WayBackStore | None = None
    bookings: Bookings | None = None
    reports: Reports | None = None
    acts: Mapping[str, Doer] = field(default_factory=dict)  # `run` acts of the spec, by name
    closed: Sequence[Closed] = ()  # no raise in these, frozen when the release was opened (I28)
