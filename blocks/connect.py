"""
From a spec's `use:` lines to connected ports; the registry of connectors is this folder.

A connector is found by its file: `use: traefik-router` is the Connector class of `blocks/traefik_router.py` whose slug
is that name. Its settings are checked by the class itself, strictly; a mistake is one SpecError with its path.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from blocks.connector import Connector
from blocks.installation import Installation
from blocks.yaml_spec import load_yaml
from tidegate.clockwork.windows import Closed
from tidegate.errors import SpecError
from tidegate.language.meeting import every_act
from tidegate.ledger import Ledger
from tidegate.ports import Bookings, Clock, Reports, WayBackStore
from tidegate.spec import Spec, Use, compressed
from tidegate.world import Part, World

HERE = Path(__file__).parent
_VALUE = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")


def known() -> dict[str, type[Connector]]:
    """Every connector of this folder, by slug."""
    found: dict[str, type[Connector]] = {}
    for path in sorted(HERE.glob("*_*.py")):
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
        raise SpecError(_said(wrong, where), f"fields of {use.use}: {', '.join(_fields(kind))}") from None


def _kind(slug: str, where: str) -> type[Connector]:
    module = HERE / f"{slug.replace('-', '_')}.py"
    if module.is_file():
        for kind in vars(importlib.import_module(f"blocks.{module.stem}")).values():
            if isinstance(kind, type) and issubclass(kind, Connector) and kind.get_block_type_slug() == slug:
                return kind
    names = sorted(known())
    near = difflib.get_close_matches(slug, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise SpecError(f"{where}.use: no connector {slug!r}", f"{hint}known connectors: {', '.join(names)}")


def is_built(slug: str) -> bool:
    """Whether there is a connector of this name; asked without loading Prefect."""
    return (HERE / f"{slug.replace('-', '_')}.py").is_file()


def _fields(kind: type[Connector]) -> list[str]:
    return [name for name in kind.model_fields if not name.startswith("_")]


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


def _said(wrong: ValidationError, where: str) -> str:
    first = wrong.errors()[0]
    path = ".".join([where, *(str(part) for part in first["loc"])]).strip(".")
    more = f" (and {wrong.error_count() - 1} more)" if wrong.error_count() > 1 else ""
    return f"{path}: {first['msg'].removeprefix('Value error, ')}{more}"


def read_spec(text: bytes, name: str, compress: int = 1) -> Spec:
    """A spec from its bytes; one SpecError naming file, path, what was found and what is allowed."""
    raw = load_yaml(text, name)
    if not isinstance(raw, dict):
        raise SpecError(f"{name}: a release spec is a mapping, this is {type(raw).__name__}", "see docs/spec.md")
    if "compress" in raw:
        raise SpecError(f"{name}: compress is never set in a file", "use --compress, for loopback only")
    try:
        spec = Spec.model_validate(raw)
    except ValidationError as wrong:
        raise SpecError(f"{name}: {_said(wrong, '')}", _advice(wrong)) from None
    return compressed(spec, compress)


def _advice(wrong: ValidationError) -> str:
    first = wrong.errors()[0]
    if first["type"] != "extra_forbidden":
        return "nothing was touched; mend the spec and run `tidegate check` again"
    owner: Any = Spec
    for part in first["loc"][:-1]:
        owner = _inner(owner, part)
    allowed = sorted(getattr(owner, "model_fields", {}))
    near = difflib.get_close_matches(str(first["loc"][-1]), allowed, n=1)
    return (f"did you mean {near[0]!r}? " if near else "") + (f"allowed here: {', '.join(allowed)}" if allowed else "")


def _inner(owner: Any, part: Any) -> Any:
    """The model inside a field, as far as it can be told from annotations."""
    field = getattr(owner, "model_fields", {}).get(part)
    inner = field.annotation if field else owner
    while inner is not None and not hasattr(inner, "model_fields"):
        args = [arg for arg in getattr(inner, "__args__", ()) if arg not in (type(None), ...)]
        inner = args[-1] if args else None
    return inner or owner


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
) -> World:
    """Everything a release of this spec touches, connected."""
    values = installation.values

    def port(use: Use, where: str) -> Any:
        return connector(use, where, values)

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
        )
        for name, part in spec.components.items()
    }
    return World(
        spec=spec,
        parts=parts,
        clock=clock,
        ledger=ledger,
        checks={check.name: port(check.check, f"checks.{check.name}.check") for check in spec.checks},
        backups={backup.name: port(backup.backup, f"backups.{backup.name}.backup") for backup in spec.backups},
        notifiers=[port(use, f"notify.{i}") for i, use in enumerate(spec.notify)],
        wayback=wayback,
        bookings=bookings,
        reports=reports,
        acts={act.act: port(act.run, f"{where}.run") for where, act in every_act(spec) if act.run is not None},
        closed=tuple(closed),
    )
