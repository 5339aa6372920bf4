"""
Traefik as a router: one route, whose weights and mark stand in one file that Traefik watches.

Reading compares the file with what the proxy's API shows; writing goes through the lowering half, which needs
none of this page. What Traefik cannot tell: how many requests a side still has in flight.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any, ClassVar

from pydantic import Field, PrivateAttr

from blocks.connector import Connector
from blocks.traefik_api import TraefikApi
from blocks.traefik_document import percent, service_name
from blocks.traefik_lowering import TraefikFile, by_hand
from tidegate.errors import NotUnderstood
from tidegate.quantities import Duration
from tidegate.traffic import Change, Seen, Side, Split

SETTLES = 0.5  # seconds a reading waits for the proxy to follow a file that was just written


class TraefikRouter(Connector):
    """Splits one route's traffic by Traefik's weighted services, through its file provider."""

    _block_type_name = "Traefik router"
    _block_type_slug = "traefik-router"
    _description = "One route of a Traefik proxy: weights and the mark of the release in one watched file."

    kind: ClassVar[str] = "traefik"
    compares: ClassVar[bool] = True

    directory: Annotated[Path, Field(title="Folder", description="The folder that Traefik's file provider watches.")]
    route: Annotated[
        str,
        Field(
            title="Route",
            description="Names the route, its file `ROUTE.yaml` in that folder, and its series in the metrics.",
            pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
            examples=["shop-api"],
        ),
    ]
    rule: Annotated[
        str,
        Field(
            title="Rule",
            description="Which requests take this route, in Traefik's language.",
            min_length=1,
            examples=["PathPrefix(`/api`)", "Host(`shop.example`)"],
        ),
    ]
    api_url: Annotated[
        str,
        Field(
            title="API",
            description="Address of Traefik's read-only API; a raise counts only when it shows there.",
            pattern=r"^https?://",
            examples=["http://127.0.0.1:8081"],
        ),
    ]
    priority: Annotated[
        int,
        Field(title="Priority", description="Which route wins where several match; 0: the longer rule.", ge=0),
    ] = 0
    entry_points: list[str] = Field(
        default_factory=list, title="Entry points", description="Names of Traefik's entry points; empty: all."
    )
    health_path: Annotated[
        str,
        Field(title="Health path", description="Path asked at every instance; empty: no health checks."),
    ] = "/health"
    health_interval: Annotated[
        Duration,
        Field(title="Health interval", description="How often an instance is asked.", gt=timedelta(0)),
    ] = timedelta(seconds=1)
    health_timeout: Annotated[
        Duration,
        Field(
            title="Health time-out",
            description="How long an answer may take. Short ones take every instance of a busy machine out at once.",
            gt=timedelta(0),
        ),
    ] = timedelta(seconds=3)
    retry: Annotated[
        bool,
        Field(
            title="Second attempt",
            description="Try once more where no connection to an instance came about; nothing is sent twice.",
        ),
    ] = True
    stable_paths: list[Annotated[str, Field(pattern=r"^/[^`]*$")]] = Field(
        default_factory=list,
        title="Paths kept from the canary",
        description="Requests whose path begins so go to stable alone, until the canary has 100 %.",
        examples=[["/api/admin/", "/api/internal/"]],
    )
    sticky_cookie: str = Field(
        default="",
        title="Sticky cookie",
        description=(
            "Name of a cookie that keeps a visitor on one side while it has any weight; the share then grows with new "
            "visitors only, and at weight 0 everybody moves. Empty: each request is split by itself."
        ),
        pattern=r"^[A-Za-z0-9_-]*$",
    )

    _stable: Side | None = PrivateAttr(default=None)  # as last read: serves should the file become unreadable

    def install(self, stable: Side) -> Seen:
        """Make the route's file: all traffic to this side, nobody's mark. Denied when there is one."""
        return self._remembered(self._file().create(stable))

    def read(self) -> Seen:
        """
        The mark from the file, the weights as the proxy has them in force.

        Unreachable when the proxy does not answer: a file alone does not say where traffic goes. No split
        when file or proxy have no usable configuration.
        """
        seen = self._remembered(self._file().read())
        if seen.split is None:
            return seen
        until = monotonic() + SETTLES
        while (shown := self._in_force(seen.split)) != seen.split and monotonic() < until:
            sleep(0.02)
        return Seen(shown, seen.mark)

    def write(self, change: Change) -> Seen:
        """Lock, read, decide, rename, ask the proxy: see `TraefikFile.write`."""
        file = self._file()
        seen = self._remembered(file.write(change))
        if file.doubt:
            logging.getLogger("tidegate").warning("%s is lowered in its file; %s", self.route, file.doubt)
        return seen

    def drained(self, side: Side) -> bool | None:
        """None, always: Traefik counts requests when they end, not while they run."""
        return None

    def by_hand(self) -> str:
        return by_hand(self.address())

    def address(self) -> dict[str, Any]:
        """What the lowering half needs; NotUnderstood while nobody has ever read which side is stable."""
        if self._remembered(self._file().read()).split is None and self._stable is None:
            raise NotUnderstood(f"The route {self.route!r} has no readable file, so nobody knows its way back.")
        return self._address()

    def _file(self) -> TraefikFile:
        return TraefikFile(self._address())

    def _address(self) -> dict[str, Any]:
        health = {
            "path": self.health_path,
            "interval": _go(self.health_interval),
            "timeout": _go(self.health_timeout),
        }
        return {
            "file": str((self.directory / f"{self.route}.yaml").absolute()),
            "route": self.route,
            "api_url": self.api_url,
            "rule": self.rule,
            "priority": self.priority,
            "entry_points": list(self.entry_points),
            "retry": self.retry,
            "stable_paths": list(self.stable_paths),
            "sticky_cookie": self.sticky_cookie,
            "health": health if self.health_path else None,
            "stable": self._stable.to_json() if self._stable else None,
        }

    def _remembered(self, seen: Seen) -> Seen:
        if seen.split is not None:
            self._stable = seen.split.stable
        return seen

    def _in_force(self, split: Split) -> Split | None:
        """The split at the proxy's own weights; None when it has no such route, or other sides."""
        try:
            shown = TraefikApi(self.api_url).shares(self.route)
        except NotUnderstood:
            return None
        sides = [split.stable, *([split.canary] if split.canary else [])]
        if [name for name, _ in shown] != [service_name(self.route, side) for side in sides]:
            return None
        return split if len(shown) == 1 else split.at(percent(shown[0][1], shown[1][1]))


def _go(duration: timedelta) -> str:
    """A duration as Traefik writes it."""
    return f"{round(duration.total_seconds() * 1000)}ms"
