"""
Which connectors exist here, and what therefore cannot be released for real; asked without loading Prefect.

A connector is the file of its name in this folder; nothing is imported and nothing connected.
"""

from __future__ import annotations

from pathlib import Path

from tidegate.errors import SpecError
from tidegate.language.complaints import near
from tidegate.language.connectors import needed_by
from tidegate.language.unbuilt import unbuilt_sentence
from tidegate.spec import Spec

HERE = Path(__file__).parent


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


def obstacles(spec: Spec) -> list[str]:
    """Why a real release of this spec is refused, a sentence each; empty when it can be begun."""
    known = built()
    found = [
        f"no connector {slug!r} ({near(slug, known)}needed by {', '.join(places)})"
        for slug, places in missing(spec).items()
    ]
    return [*found, told] if (told := unbuilt_sentence(spec)) else found


def refuse_what_is_missing(spec: Spec, name: str) -> None:
    """
    Before a real release begins: SpecError names every connector that does not exist here with all its places, and
    what of the spec a real release does not carry out yet. Such a spec can be planned and rehearsed.
    """
    if found := obstacles(spec):
        said = "\n".join(f"{name}: a real release is refused: {one}" for one in found)
        raise SpecError(said, "nothing was touched; tidegate plan and tidegate rehearse work all the same")
