"""
Which connectors exist here, and what therefore cannot be released for real; asked without loading Prefect.

A connector is the file of its name in this folder; nothing is imported and nothing connected.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from tidegate.errors import SpecError
from tidegate.language.complaints import listed
from tidegate.language.connectors import needed_by
from tidegate.language.unbuilt import unbuilt_sentences
from tidegate.spec import Spec

HERE = Path(__file__).parent
SLIP = 0.85  # how alike two names are of which one is misspelt; `postgres-backup` and `sqlite-backup` are 0.71
KINDS = {
    "router",
    "platform",
    "metrics",
    "registry",
    "backup",
    "check",
    "notifier",
    "act",
    "probes",
}  # a spec asks for these

# the last word of a path -> the kind of connector that stands there
PLACES = {
    "platform": "platform", "router": "router", "artifact": "registry", "metrics": "metrics", "check": "check",
    "probe": "check", "backup": "backup", "to": "notifier", "probes": "probes",
}  # fmt: skip


def is_built(slug: str) -> bool:
    """Whether there is a connector of this name."""
    path = HERE / f"{slug.replace('-', '_')}.py"
    return path.is_file() and f'_block_type_slug = "{slug}"' in path.read_text("utf-8")


def built() -> list[str]:
    """The names of all, sorted."""
    slugs = (path.stem.replace("_", "-") for path in HERE.glob("*_*.py"))
    return sorted(slug for slug in slugs if is_built(slug))


def missing(spec: Spec) -> dict[str, list[str]]:
    """Connector that does not exist here -> every place in the spec that needs it."""
    return {slug: places for slug, places in needed_by(spec).items() if not is_built(slug)}


def kind_of(slug: str) -> str:
    """`router` of `traefik-router`: the last word says which port a connector serves."""
    return slug.rpartition("-")[2]


def instead(slug: str) -> str:
    """
    What to write in place of a name that no connector has: a near one of the same kind, else the first of that kind.

    `did you mean 'sqlite-backup'?`, `of this kind there is sqlite-backup`, `none of this kind (act) is built yet`.
    """
    known = built()
    if meant := _meant(slug, known):
        return f"did you mean {meant!r}?"
    if "-" not in slug:
        return f"there are {', '.join(known)}"
    alike = [one for one in known if kind_of(one) == kind_of(slug)]
    if not alike:
        return f"none of this kind ({kind_of(slug)}) is built yet"
    return f"of this kind there {'is' if len(alike) == 1 else 'are'} {listed(alike, 4)}"


def _meant(slug: str, known: list[str]) -> str:
    """The connector of which this is a slip of the pen, or the beginning; "" when none is that near."""
    kinds = {kind_of(one) for one in known} | KINDS
    for one in difflib.get_close_matches(slug.lower()[:80], known, n=3, cutoff=SLIP):
        if kind_of(one) == kind_of(slug) or kind_of(slug) not in kinds:
            return one
    begun = [one for one in known if one.startswith(f"{slug}-")]
    return begun[0] if len(begun) == 1 else ""


def misplaced(where: str, slug: str) -> str:
    """
    Why this connector cannot stand at this path, e.g. a check where a router is asked for; "" when it may.

    Of what is not built nobody knows which ports it will serve.
    """
    kind, wanted = kind_of(slug), PLACES.get(where.rpartition(".")[2], "")
    if kind not in KINDS or not wanted or kind == wanted or not is_built(slug):
        return ""
    alike = [one for one in built() if kind_of(one) == wanted]
    return f"{slug} is {_a(kind)}, here stands {_a(wanted)}: {', '.join(alike) or 'none is built yet'}"


def _a(kind: str) -> str:
    return kind if kind in ("metrics", "probes") else f"{'an' if kind[0] == 'a' else 'a'} {kind}"


def obstacles(spec: Spec) -> list[str]:
    """Why a real release of this spec is refused, a short sentence each; empty when it can be begun."""
    found = [
        f"no connector {slug!r}: {instead(slug)} (needed by {listed(places)})" for slug, places in missing(spec).items()
    ]
    return [*found, *unbuilt_sentences(spec)]


def refuse_what_is_missing(spec: Spec, name: str) -> None:
    """
    Before a real release begins: SpecError names every connector that does not exist here with its first places, and
    what of the spec a real release does not carry out yet. Such a spec can be planned and rehearsed.
    """
    if found := obstacles(spec):
        said = "\n".join(f"{name}: a real release is refused: {one}" for one in found)
        raise SpecError(said, "nothing was touched; tidegate plan and tidegate rehearse work all the same")
