"""The world of one release: its spec and what the spec's `use:` lines are connected to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tidegate.clockwork.windows import Closed
from tidegate.ledger import Ledger
from tidegate.ports import (
    Backup,
    Bookings,
    Check,
    Clock,
    Doer,
    Metrics,
    Notifier,
    Platform,
    Registry,
    Reports,
    Router,
    WayBackStore,
)
from tidegate.spec import Spec


@dataclass(frozen=True, slots=True)
class Part:
    """One component, connected."""

    platform: Platform
    router: Router
    registry: Registry
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class World:
    """Ports of one release. Bookings and reports are absent where nobody needs them (the watch, a rehearsal)."""

    spec: Spec
    parts: Mapping[str, Part]
    clock: Clock
    ledger: Ledger
    checks: Mapping[str, Check] = field(default_factory=dict)
    backups: Mapping[str, Backup] = field(default_factory=dict)
    notifiers: Sequence[Notifier] = ()
    wayback: WayBackStore | None = None
    bookings: Bookings | None = None
    reports: Reports | None = None
    acts: Mapping[str, Doer] = field(default_factory=dict)  # `run` acts of the spec, by name
    closed: Sequence[Closed] = ()  # no raise in these, frozen when the release was opened (I28)
