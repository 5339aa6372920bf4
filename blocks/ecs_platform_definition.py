"""A task definition for another image of the same container: everything else as the running one has it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tidegate.errors import Denied

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# What RegisterTaskDefinition takes of what DescribeTaskDefinition tells (ecs 2014-11-13); the rest is AWS's own.
TAKEN = (
    "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes", "placementConstraints",
    "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode", "proxyConfiguration", "inferenceAccelerators",
    "ephemeralStorage", "runtimePlatform",
)  # fmt: skip
EMPTY: tuple[Any, ...] = (None, [], {}, "")


def with_image(found: Mapping[str, Any], family: str, container: str, digest: str) -> dict[str, Any]:
    """What to register: what DescribeTaskDefinition tells, with this digest in this container ("": the first)."""
    if not DIGEST.fullmatch(digest):
        raise Denied(f"{digest[:80]!r} is no digest; one is written sha256: and 64 hexadecimal digits")
    definition = {name: found[name] for name in TAKEN if found.get(name) not in EMPTY}
    containers = [dict(one) for one in definition.get("containerDefinitions", ())]
    chosen = next((one for one in containers if one["name"] == container or not container), None)
    if chosen is None:
        names = ", ".join(one["name"] for one in containers) or "none"
        raise Denied(f"{found.get('family')} has no container {container!r}, it has {names}")
    chosen["image"] = f"{repository(chosen['image'])}@{digest}"
    return {"family": family, **definition, "containerDefinitions": containers}


def repository(image: str) -> str:
    """`host:5000/shop/api:prod-2.0` and `host/shop/api@sha256:...` -> without tag and digest."""
    name = image.partition("@")[0]
    head, _, last = name.rpartition("/")
    last = last.partition(":")[0]
    return f"{head}/{last}" if head else last


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two definitions run the same; AWS fills in defaults of a container, so those of ours are compared."""
    rest = [name for name in TAKEN if name != "containerDefinitions"]
    mine: list[Any] = one.get("containerDefinitions") or []
    theirs: list[Any] = other.get("containerDefinitions") or []
    alike = all(one.get(name) == other.get(name) for name in rest if one.get(name) not in EMPTY)
    if not alike or len(mine) != len(theirs):
        return False
    return all(_covers(theirs[place], part) for place, part in enumerate(mine))


def _covers(whole: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    return all(whole.get(name) == value for name, value in part.items() if value not in EMPTY)


def port_of(definition: Mapping[str, Any], container: str) -> tuple[str, int]:
    """The container's name and the first port that it opens; 0 for none."""
    for one in definition.get("containerDefinitions", ()):
        if one["name"] == container or not container:
            ports = one.get("portMappings") or [{}]
            return str(one["name"]), int(ports[0].get("containerPort") or 0)
    return container, 0
