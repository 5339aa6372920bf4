#!/usr/bin/env python3
"""
Builds the shop's release artifacts: `python build.py 1.0 2.0 --out DIR` makes DIR/<version>/{api,frontend}/.

An artifact is a folder that runs by itself (`python serve.py api`). The same version gives the same bytes,
modes and times at every build, so it has one digest.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from versions import VERSIONS, Version

HERE = Path(__file__).resolve().parent
SHELL = ("__init__", "release", "serving", "web", "measures", "trouble")
COMMON = ["serve.py", *(f"shop/{module}.py" for module in SHELL)]
OWN = {"api": ["shop/api.py", "shop/database.py"], "frontend": ["shop/frontend.py"]}
BUILT_AT = 315_532_800  # 1980, the first time that every archive format can write


def main() -> None:
    """Build what the command line names."""
    parser = argparse.ArgumentParser(description="Build release artifacts of the example shop.")
    parser.add_argument("version", nargs="+", help=f"one or more of {', '.join(VERSIONS)}, or all")
    parser.add_argument("--out", type=Path, required=True, help="the folder to build into")
    asked = parser.parse_args()
    wanted = list(VERSIONS) if asked.version == ["all"] else asked.version
    for version in wanted:
        if version not in VERSIONS:
            sys.exit(f"There is no version {version} of the shop; there are {', '.join(VERSIONS)}.")
    for version in wanted:
        for component in OWN:
            print(build(version, component, asked.out))


def build(version: str, component: str, out: Path) -> Path:
    """Build one artifact; what stood there before is replaced whole."""
    place = out / version / component
    fresh = out / version / f".{component}.{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    for name, content in files(version, component, VERSIONS[version]):
        file = fresh / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o644)
    for path in (*fresh.rglob("*"), fresh):
        os.utime(path, (BUILT_AT, BUILT_AT))
    shutil.rmtree(place, ignore_errors=True)
    fresh.rename(place)
    return place


def files(version: str, component: str, what: Version) -> Iterator[tuple[str, bytes]]:
    """The artifact's files, by name."""
    names = [*COMMON, *OWN[component]]
    if component == "api":
        names += sorted(f"migrations/{path.name}" for path in HERE.glob("migrations/*.sql"))[: what.schema]
    else:
        names += sorted(f"pages/{path.name}" for path in HERE.glob("pages/*"))
    for name in names:
        yield name, (HERE / name).read_bytes()
    said = {
        "version": version,
        "component": component,
        "accent": what.accent,
        "features": what.features,
        "trouble": what.trouble if component == "api" else {},
    }
    yield "version.json", (json.dumps(said, indent=2) + "\n").encode()


if __name__ == "__main__":
    main()
