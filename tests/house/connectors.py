"""
Writes docs/connectors.md: the connectors that a spec can name, built or not.

`python -m tests.house.connectors` (also by `make docs`). What is built is told from the classes themselves; what is
not, from the reference systems' specs that name it.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from blocks.built_connectors import built, is_built, kind_of
from blocks.connect import known
from blocks.connector import Connector
from blocks.yaml_spec import load_yaml
from tests.house.plans import RELEASES, systems
from tests.house.tree import ROOT
from tidegate.language.connectors import needed_by
from tidegate.language.field_words import default_of, first_line, holds, inside, keys, says
from tidegate.ports import Backup, Check, Counts, Doer, Metrics, Notifier, Platform, Registry, Router
from tidegate.spec import Spec

PAGE = ROOT / "docs" / "connectors.md"
HEAD = """# Connectors

Written by `python -m tests.house.connectors`. A connector is named by `use:` in a release spec; what stands beside it
are its own fields: `router: {{use: traefik-router, route: shop, ...}}`. The last word of its name says where it can
stand. `tidegate docs NAME` tells the same on the command line. A connector is one file in `blocks/`; how to add one is
told in [architecture.md](architecture.md).

| kind | stands in a spec at | what it is |
| --- | --- | --- |
{kinds}

`${{name}}` in a text is a value of the installation (`tidegate doctor` lists them). Instead of fields, `block: NAME`
takes them from a saved Prefect block.

## Built

"""
MISSING = """## Named by the reference systems, not built yet

A spec that names one of these can be checked, planned and rehearsed; a real release of it is refused before anything is
begun.

| connector | the specs that need it |
| --- | --- |
"""
# The last word of a connector's name -> the port it serves, and where a spec names it.
KINDS: dict[str, tuple[type, str]] = {
    "platform": (Platform, "`components.NAME.platform`"),
    "router": (Router, "`components.NAME.router`"),
    "registry": (Registry, "`components.NAME.artifact`"),
    "metrics": (Metrics, "`components.NAME.metrics`; `metrics.NAME.sources`"),
    "probes": (Counts, "`components.NAME.probes`"),
    "check": (Check, "`checks.NAME.check`; `slos.NAME.probe`"),
    "backup": (Backup, "`backups.NAME.backup`"),
    "notifier": (Notifier, "`notify`; `channels.NAME.to`"),
    "act": (Doer, "`run` of an act"),
}


def page() -> str:
    kinds = "\n".join(f"| {kind} | {place} | {first_line(port)} |" for kind, (port, place) in KINDS.items())
    classes = known()
    parts = [HEAD.format(kinds=kinds)]
    parts += ["\n".join(_section(slug, classes[slug])) + "\n" for slug in built()]
    parts.append(MISSING)
    parts.append("".join(f"| `{slug}` | {', '.join(who)} |\n" for slug, who in not_built().items()))
    return "".join(parts)


def not_built() -> dict[str, list[str]]:
    """Connector that a reference system names and nobody has built -> those systems."""
    found: dict[str, list[str]] = {}
    for system in systems():
        path = RELEASES / f"{system}.yaml"
        for slug in needed_by(Spec.model_validate(load_yaml(path.read_bytes(), path.name))):
            if not is_built(slug):
                found.setdefault(slug, []).append(system)
    return dict(sorted(found.items()))


def _section(slug: str, kind: type[Connector]) -> Iterator[str]:
    port, place = KINDS.get(kind_of(slug), KINDS["act"])
    yield from (f"### {slug}", "", f"{first_line(kind)} {kind.get_description() or ''}".strip(), "")
    yield from (f"Port {port.__name__}; stands at {place}.", "", "| field | what it is | type | default |")
    yield "| --- | --- | --- | --- |"
    for name, field in keys(kind).items():
        yield _row(name, field)
        below = inside(field)
        for inner, one in keys(below).items() if below else ():
            yield _row(f"{name}.NAME.{inner}", one)
    yield ""


def _row(name: str, field: FieldInfo) -> str:
    default = "needed" if field.is_required() else f"`{default_of(field)}`" if default_of(field) else ""
    told = [says(field), holds(field), default]
    return f"| `{name}` | {' | '.join(one.replace('|', '/') for one in told)} |"


def main() -> None:
    PAGE.write_text(page(), "utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(built())} built, {len(not_built())} named and not built")


if __name__ == "__main__":
    main()
