"""Python and the pinned packages, against what this project asks for: versions that are known to break (design 7)."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterator

from blocks.installation import Installation
from tidegate.cli import here
from tidegate.cli.doctor import Finding

PINS = ("prefect", "fastapi", "sqlalchemy", "pydantic")


def versions(_: Installation) -> Iterator[Finding]:
    """Python and the pinned packages, against what this project asks for."""
    told = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    yield Finding("Python", "ok" if good else "bad", told, "" if good else "install Python 3.11 or newer")
    wanted = _wanted()
    for name in PINS:
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "bad", "not installed", "make, or install what requirements/run.lock names")
            continue
        ranges = wanted.get(name, "")
        right = all(_fits(found, one) for one in ranges.split(",") if one)
        fix = f"this project asks for {name}{ranges}: make installs it"
        yield Finding(
            name, "ok" if right else "bad", found + (f" (asked: {ranges})" if ranges else ""), "" if right else fix
        )


def _wanted() -> dict[str, str]:
    """Package -> version ranges, from the project's own file: it may run without being installed."""
    import tomllib

    path = here.root() / "pyproject.toml"
    if not path.is_file():
        return {}
    lines = tomllib.loads(path.read_text("utf-8"))["project"]["dependencies"]
    pairs = (re.match(r"([a-z0-9-]+)(?:\[[^]]*\])?(.*)", line) for line in lines)
    return {found[1]: found[2].strip() for found in pairs if found}


def _fits(version: str, wanted: str) -> bool:
    """Whether a release number lies in one range, e.g. `<0.151`; what is spelled otherwise fits."""
    found = re.match(r"(>=|<=|<|>|==)\s*([0-9.]+)", wanted.strip())
    if not found:
        return True
    have, limit = _numbers(version), _numbers(found[2])
    match found[1]:
        case ">=":
            return have >= limit
        case "<=":
            return have <= limit
        case "<":
            return have < limit
        case ">":
            return have > limit
        case _:
            return have == limit


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:4])
