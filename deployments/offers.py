"""Which systems of a folder of specs are offered for release in Prefect; asked without loading Prefect."""

from __future__ import annotations

from pathlib import Path

from blocks.built_connectors import obstacles
from blocks.yaml_reading import read_spec
from tidegate.errors import SpecError


def offered(folder: Path) -> list[str]:
    """
    The systems whose runs people may start, sorted.

    A system that a real release would refuse is not among them: whoever starts one from Prefect's UI should not learn
    that afterwards. A spec that cannot be read is, so that its mistake is told where people look.
    """
    return [path.stem for path in sorted(folder.glob("*.yaml")) if not obstacles_of(path)]


def withheld(folder: Path) -> dict[str, int]:
    """System that is not offered -> how many things its real release lacks."""
    counted = {path.stem: len(obstacles_of(path)) for path in sorted(folder.glob("*.yaml"))}
    return {system: count for system, count in counted.items() if count}


def obstacles_of(path: Path) -> list[str]:
    """Why a real release of this file's system is refused; empty for one that cannot be read."""
    try:
        return obstacles(read_spec(path.read_bytes(), path.name))
    except (SpecError, OSError):
        return []
