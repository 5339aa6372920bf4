"""Which release a run is about: a new one, its own from an earlier pass, or a resting one; and the run's name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from blocks import connect
from blocks.yaml_reading import spec_bytes
from tasks.session import Session
from tidegate.errors import ReleaseRefused, SpecError, TidegateError
from tidegate.ledger import SCHEMA, ReleaseRow
from tidegate.locks import BEFORE, refuse_locked
from tidegate.requests import ReleaseRequest
from tidegate.story import Story
from tidegate.timetable.walk import timetable
from tidegate.world import World


def find_or_open(session: Session, system: str, request: ReleaseRequest, run_id: str) -> tuple[ReleaseRow, World]:
    """
    The release of this run. A run that was seen before resumes its own; AlreadyReleasing names who holds the system.

    A later run of a resting release's version continues it (`stop_after`).
    """
    for row in session.ledger.releases(system):
        if row.run_id == run_id:
            return row, session.world_of(row)
    for row in session.ledger.releases(system):
        if row.version == request.version:
            story = Story.of(session.ledger.entries(row.id))
            if story.resting_since is not None and not story.over and story.down is None:
                session.ledger.adopt(row.id, run_id)
                return row, session.world_of(row)
            break
    return _open(session, system, request, run_id)


def _open(session: Session, system: str, request: ReleaseRequest, run_id: str) -> tuple[ReleaseRow, World]:
    path = session.installation.spec_file(system)
    text = spec_bytes(path)
    spec = connect.read_spec(text, str(path), session.installation.compress)
    if request.plan and request.plan not in spec.plans:
        raise SpecError(f"no plan {request.plan!r} in {path.name}", f"plans: {', '.join(sorted(spec.plans))}")
    connect.refuse_what_is_missing(spec, str(path))
    timetable(spec, session.clock.now(), request.version, request.plan or "")  # SpecError where its times cannot be
    if spec.compress > 1:
        loopback_only(session)
    closed = session.closed_times(spec)
    world = session.world(spec, closed)
    connect.refuse_dead_channels(world, str(path))
    lock = refuse_locked(spec, _recent(session, system), session.ledger.now(), request.override, request.requester)
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "system": system,
        "spec": text.decode(),
        "digest": hashlib.sha256(text + f"\ncompress {spec.compress}".encode()).hexdigest(),
        "compress": spec.compress,
        "request": request.model_dump(mode="json"),
        "blue": running_version(world),
        "stops_found": stops_found(world),
        **({"closed": [one.to_json() for one in closed]} if closed else {}),
        **({"lock_overridden": f"{lock}; {request.requester}: {request.override}"} if lock else {}),
        "freezes_found": [f"{f.who}: {f.why}" for f in session.ledger.freezes(system)],
    }
    row = session.ledger.open(system, request.version, run_id, body, request.requester or "somebody (unproved)")
    return row, world


def _recent(session: Session, system: str) -> Iterator[Story]:
    """The last releases of this system, newest first: a lock is at most as old as they are."""
    for row in session.ledger.releases(system)[:BEFORE]:
        yield Story.of(session.ledger.entries(row.id))


def running_version(world: World) -> str:
    """The version that serves now, as the platform knows it; "" where it does not."""
    for part in world.parts.values():
        split = part.router.read().split
        state = part.platform.status(split.serving.name) if split and split.serving else None
        if state is not None and state.version:
            return state.version
    return ""


def run_name(system: str, version: str, run_id: str) -> str:
    """`shop 1.0 > 2.0`: what the run is called, also when it goes on later; without `1.0` where nobody can tell."""
    blue = ""
    try:
        session = Session.here()
        mine = [row for row in session.ledger.releases(system) if row.run_id == run_id]
        if mine:
            blue = str(session.ledger.entries(mine[0].id)[0].body.get("blue", ""))
        else:
            path = session.installation.spec_file(system)
            spec = connect.read_spec(path.read_bytes(), str(path), session.installation.compress)
            blue = running_version(session.world(spec))
    except (TidegateError, OSError):
        pass  # the run itself says what is wrong; a name is no reason to fail
    return " ".join(filter(None, (system, blue, ">", version)))


def stops_found(world: World) -> dict[str, str]:
    """Component -> token of the stop or bar that stands on its route now: claim clears only these."""
    found = {}
    for component, part in world.parts.items():
        mark = part.router.read().mark
        if mark is not None and mark.stop is not None:
            found[component] = mark.stop.token
    return found


def loopback_only(session: Session) -> None:
    """Compressed time is for demos: refused for anything but loopback (design 6, C45)."""
    for name, value in session.installation.values.items():
        if value.startswith(("http://", "https://")) and not value.split("//", 1)[1].startswith(("127.", "localhost")):
            raise ReleaseRefused(f"compressed time is refused: {name} is {value}, which is not loopback")
