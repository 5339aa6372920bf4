"""
Where this command stands: home, root, and which systems are known; by names of files alone, nothing is read.

Standard library only: `tidegate rollback` begins here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from tidegate.cli.exits import UsageError

HOME = "TIDEGATE_HOME"


def home() -> Path:
    """TIDEGATE_HOME, else `.tidegate` in the folder of now; it need not exist."""
    return Path(os.environ.get(HOME) or ".tidegate").absolute()


def root() -> Path:
    """The project: where `deployments/releases/` and the connectors lie."""
    return Path(os.environ.get("TIDEGATE_ROOT") or Path(__file__).parents[2]).absolute()


def find_the_project() -> None:
    """Make `blocks`, `tasks`, `flows` and `deployments` importable: they are found from the root, never installed."""
    if str(root()) not in sys.path:
        sys.path.append(str(root()))


def systems() -> list[str]:
    """Systems that have a spec, or a way-back record here."""
    specs = (root() / "deployments" / "releases").glob("*.yaml")
    return sorted({path.stem for path in [*specs, *(home() / "wayback").glob("[!.]*.json")]})


def the_system(named: str | None) -> str:
    """The system that was named, or the only one there is; UsageError lists them."""
    known = systems()
    if named is None:
        if len(known) == 1:
            return known[0]
        if not known:
            raise UsageError("no system is known here", f"a spec is a file in {root() / 'deployments' / 'releases'}")
        raise UsageError("which system?", f"known systems: {', '.join(known)}")
    if named not in known:
        unknown("system", named, known)
    return named


def unknown(what: str, found: str, known: list[str], advice: str = "") -> NoReturn:
    """Refuse a name, with the nearest known one."""
    near = nearest(found, known)
    hint = f"did you mean {near!r}? " if near else ""
    listed = f"known {what}s: {', '.join(known) or 'none'}"
    raise UsageError(f"no {what} {found!r}", f"{hint}{advice or listed}")


def nearest(found: str, known: list[str]) -> str:
    import difflib

    return next(iter(difflib.get_close_matches(found.lower(), known, n=1, cutoff=0.55)), "")
