"""
From a spec's `use:` lines to connected ports; the registry of connectors is this folder.

A connector is found by its file: `use: traefik-router` is the Connector class of `blocks/traefik_router.py` whose slug
is that name. Its settings are checked by the class itself, strictly; a mistake is one SpecError with its path.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from blocks.built_connectors import instead, is_built, missing, refuse_what_is_missing
from blocks.checks_aside import CheckAside
from blocks.connector import Connector
from blocks.installation import Installation
from blocks.metrics_aside import PATIENCE, Sides, aside, named
from blocks.sql_ledger import SqlLedger
from blocks.yaml_reading import read_spec
from tidegate.clockwork.windows import Closed
from tidegate.errors import SpecError
from tidegate.language.complaints import MEND, Complaint, complaints, printable
from tidegate.ledger import Ledger
from tidegate.ports import Bookings, Clock, Reports, WayBackStore
from tidegate.spec import Spec, Use
from tidegate.telling import Later, without_effect
from tidegate.undoing import doing
from tidegate.world import Part, Post, World, one_after_the_other

HERE = Path(__file__).parent
_VALUE = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")


def known() -> dict[str, type[Connector]]:
    """Every connector of this folder, by slug."""
    found: dict[str, type[Connector]] = {}
    for path in sorted(path for path in HERE.glob("*_*.py") if not path.stem.startswith("connector_")):
        module = importlib.import_module(f"blocks.{path.stem}")
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Connector) and kind.__module__ == module.__name__:
                found[kind.get_block_type_slug()] = kind
    return found


def connector(use: Use, where: str, values: Mapping[str, str]) -> Any:
    """The connected block that `use` names; SpecError with the path `where` in the spec."""
    kind = _kind(use.use, where)
    if use.block:
        return kind.load(use.block)
    settings = {name: _filled(value, f"{where}.{name}", values) for name, value in use.settings.items()}
    try:
        return kind(**settings)
    except ValidationError as wrong:
        raise _refused(complaints(wrong, kind), where) from None
    except (ValueError, TypeError, OverflowError) as wrong:  # a class that trips over what it was given
        raise SpecError(f"{where}: {use.use} cannot be made of these fields: {printable(str(wrong))}", MEND) from None


def _kind(slug: str, where: str) -> type[Connector]:
    module = HERE / f"{slug.replace('-', '_')}.py"
    if module.is_file():
        for kind in vars(importlib.import_module(f"blocks.{module.stem}")).values():
            if isinstance(kind, type) and issubclass(kind, Connector) and kind.get_block_type_slug() == slug:
                return kind
    raise SpecError(f"{where}.use: no connector {slug!r}", f"{instead(slug)}; docs/connectors.md lists all")


def _filled(value: Any, where: str, values: Mapping[str, str]) -> Any:
    """`${name}` stands for a value of the installation."""
    if isinstance(value, str):

        def fill(match: re.Match[str]) -> str:
            if match[1] not in values:
                raise SpecError(
                    f"{where}: this installation has no value {match[1]!r}", f"it has: {', '.join(sorted(values))}"
                )
            return values[match[1]]

        return _VALUE.sub(fill, value)
    if isinstance(value, list):
        return [_filled(item, f"{where}.{i}", values) for i, item in enumerate(value)]
    if isinstance(value, dict):
        return {key: _filled(item, f"{where}.{key}", values) for key, item in value.items()}
    return value


def _refused(found: Sequence[Complaint], where: str) -> SpecError:
    lines = [f"{where}{'.' if one.where else ''}{one.where}: {one.said}" for one in found]
    return SpecError("\n".join(lines), found[0].advice)


def world(
    spec: Spec,
    installation: Installation,
    ledger: Ledger,
    clock: Clock,
    *,
    wayback: WayBackStore | None = None,
    bookings: Bookings | None = None,
    reports: Reports | None = None,
    closed: Sequence[Closed] = (),
    post: Post = one_after_the_other,
    release: str = "",
    patience: float = PATIENCE,
) -> World:
    """
    Everything a release of this spec touches, connected; a channel is connected when it is first needed (I22).

    `patience`: seconds that a measurement is waited for; a watch has none, it takes what was heard last.
    """
    values = installation.values

    def port(use: Use, where: str) -> Any:
        return connector(use, where, values).told_of(spec)

    components = {
        name: part.model_copy(update={"source": _filled(part.source, f"components.{name}.source", values)})
        for name, part in spec.components.items()
    }
    spec = spec.model_copy(update={"components": components})
    parts = {
        name: Part(
            platform=port(part.platform, f"components.{name}.platform"),
            router=port(part.router, f"components.{name}.router"),
            registry=port(part.artifact, f"components.{name}.artifact"),
            metrics=port(part.metrics, f"components.{name}.metrics"),
            probes=None if part.probes is None else port(part.probes, f"components.{name}.probes"),
        )
        for name, part in spec.components.items()
    }
    own_ledger = cache(lambda: SqlLedger(installation.ledger_url))  # of the threads that ask sources aside
    told = Sides(spec, release, {name: part.platform for name, part in parts.items()}, own_ledger)
    parts = {name: replace(one, metrics=aside(one.metrics, told, patience)) for name, one in parts.items()}
    checks = {check.name: port(check.check, f"checks.{check.name}.check") for check in spec.checks}
    made = World(
        spec=spec,
        parts=parts,
        clock=clock,
        ledger=ledger,
        sources={
            one.name: named(
                (use.use, aside(port(use, f"metrics.{one.name}.sources.{n}"), told, patience, one))
                for n, use in enumerate(one.sources)
            )
            for one in spec.metrics
        },
        checks=checks,
        alarms={
            one.name: CheckAside(checks[one.check], spec.looking.every.total_seconds())
            for one in spec.triggers
            if one.check is not None
        },
        backups={backup.name: port(backup.backup, f"backups.{backup.name}.backup") for backup in spec.backups},
        notifiers=[port(use, f"notify.{i}") for i, use in enumerate(spec.notify)],
        channels={one.name: Later(partial(port, one.to, f"channels.{one.name}.to")) for one in spec.channels},
        post=post,
        wayback=wayback,
        bookings=bookings,
        reports=reports,
        acts={name: port(run, f"{where}.run") for where, name, run in doing(spec)},
        closed=tuple(closed),
    )
    for one in made.checks.values():
        if isinstance(one, Connector):
            one.meets(made)
    return made


def refuse_dead_channels(world: World, name: str) -> None:
    """Before a real release is opened: SpecError names each required channel that cannot be set up here, and why."""
    if found := without_effect(world):
        said = "\n".join(f"{name}: channels.{one} is required and {why}" for one, why in found.items())
        raise SpecError(said, "nothing was touched; give the installation what it lacks, or say `required: false`")


__all__ = [
    "connector",
    "is_built",
    "known",
    "missing",
    "read_spec",
    "refuse_dead_channels",
    "refuse_what_is_missing",
    "world",
]
