"""
Versions of one component as services of AWS ECS: the same service name in a blue and in a green cluster.

Which cluster is green is found, not configured: the one where nothing runs. Green's service is made as blue's is, with
the same task definition but for the image, which is named by digest. The side's name stands as a tag on service and
target group; whoever asks again finds it there and adopts it (I13). Nothing is written here before it was read.

Halves: _api (the calls), _definition (task definitions), _telling (AWS's states in plain words).
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from blocks.aws_access import AwsAccess
from blocks.connector import Connector
from blocks.ecs_platform_api import RELEASE, SIDE, VERSION, EcsApi, tags_of
from blocks.ecs_platform_definition import DIGEST, port_of, same, with_image
from blocks.ecs_platform_telling import deaths, failure_of, instance_of, last_event
from tidegate.errors import Denied, NotApplied
from tidegate.ports import PlatformState
from tidegate.quantities import Duration
from tidegate.traffic import Side

LOG = logging.getLogger("tidegate")
Colour = Literal["blue", "green"]
SIDE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
# What a new service takes over from the one that runs.
INHERITED = (
    "launchType", "capacityProviderStrategy", "platformVersion", "networkConfiguration", "deploymentConfiguration",
    "healthCheckGracePeriodSeconds", "schedulingStrategy", "enableECSManagedTags", "enableExecuteCommand",
    "placementConstraints", "placementStrategy",
)  # fmt: skip
# Threads of one process make one service; other processes have the client token and the tags.
_CREATORS: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
GONE_WITHIN = 60.0  # seconds beyond grace and deregistration delay for ECS to stop what it was told to stop


@dataclass(frozen=True, slots=True)
class Found:
    """A colour's service as it was read."""

    colour: Colour
    api: EcsApi
    service: dict[str, Any]

    @property
    def side(self) -> str:
        return tags_of(self.service).get(SIDE, "")

    @property
    def idle(self) -> bool:
        return not self.service["desiredCount"] and not self.service.get("runningCount")


class EcsPlatform(AwsAccess, Connector):
    """Versions of one component as services of ECS."""

    _block_type_name = "AWS ECS"
    _block_type_slug = "ecs-platform"
    _description = "Runs a version as a service of ECS beside the one that serves, made as that one is."

    clusters: dict[Colour, Annotated[str, Field(min_length=1, max_length=255)]] = Field(
        title="Clusters",
        description="The two clusters; the one where nothing runs takes the next version.",
        min_length=2,
        examples=[{"blue": "greenflow-production-blue", "green": "greenflow-production-green"}],
    )
    service: str = Field(title="Service", description="Its name, the same in both.", pattern=r"^[A-Za-z0-9_-]{1,255}$")
    target_groups: dict[Colour, Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,32}$")]] = Field(
        title="Target groups",
        description="Where each cluster's tasks are registered: the router's own two.",
        min_length=2,
        examples=[{"blue": "greenflow-blue", "green": "greenflow-green"}],
    )
    task_family: str = Field(
        default="", title="Task family", description="Of the definitions that are registered; empty: the running one's."
    )
    container: str = Field(
        default="", title="Container", description="The one whose image is released; empty: the definition's first."
    )
    attempts: int = Field(
        30, ge=1, le=1000, title="Attempts", description="Looks at a starting version before it fails."
    )
    pause: Duration = Field(timedelta(seconds=10), title="Pause", description="Between two of these looks.")
    green_url: str = Field(
        default="",
        title="Green's address",
        description="Where the new version answers before it has traffic. Empty: the tasks' own addresses.",
        pattern=r"^(https?://.+)?$",
    )

    _groups: dict[str, str] = PrivateAttr(default_factory=dict)
    _colours: dict[str, Colour] = PrivateAttr(default_factory=dict)  # where a side was found last: asked first

    def create(self, release: str, version: str, digest: str, wanted: int) -> PlatformState:
        """
        Make the idle cluster's service run this digest, or adopt what runs under this name; wait until it is healthy.

        NotApplied, with ECS's own reasons, when it does not become healthy; what was started is removed again.
        """
        side = self._name(version, digest)
        with _CREATORS[self.service]:
            found = self._look()
            mine = next((one for one in found if one.side == side), None)
            if mine is None or mine.idle:
                mine = self._start(side, release, version, digest, wanted, found)
            elif mine.service["desiredCount"] != wanted:
                mine.api.update(desiredCount=wanted)
        return self._settled(mine.api, mine.colour, side, wanted)

    def status(self, side_name: str) -> PlatformState | None:
        found = self._find(_checked(side_name))
        return self._state(found) if found else None

    def scale(self, side_name: str, wanted: int) -> PlatformState:
        found = self._find(_checked(side_name))
        if found is None:
            raise Denied(f"nothing runs under {side_name}", "Create it first.")
        if found.service["desiredCount"] != wanted:
            found.api.update(desiredCount=wanted)
        return self._settled(found.api, found.colour, side_name, wanted, scaled=True)

    def remove(self, side_name: str, grace: timedelta) -> None:
        """To 0, which deregisters the tasks; their requests end within the target group's delay; then it is deleted."""
        found = self._find(_checked(side_name))
        if found is None:
            return
        if found.service["desiredCount"]:
            found.api.update(desiredCount=0)
        until = time.monotonic() + grace.total_seconds() + found.api.delay(self._group(found)) + GONE_WITHIN
        while (found.api.tasks() or found.api.leaving()) and time.monotonic() < until:
            time.sleep(min(1.0, self.pause.total_seconds()))
        found.api.delete()

    # ---- which service

    def _api(self, colour: Colour) -> EcsApi:
        return EcsApi(self.access, self.clusters[colour], self.service)

    def _look(self) -> list[Found]:
        colours: tuple[Colour, Colour] = ("blue", "green")
        read = [(colour, self._api(colour)) for colour in colours]
        return [Found(colour, api, service) for colour, api in read if (service := api.describe()) is not None]

    def _find(self, side: str) -> Found | None:
        """By its tag; one that Tidegate did not make has none, and is called as its target group is."""
        colours: list[Colour] = ["blue", "green"]
        for colour in sorted(colours, key=lambda one: one != self._colours.get(side)):
            api = self._api(colour)
            service = api.describe()
            if service is None:
                continue
            found = Found(colour, api, service)
            if side == (found.side or self.target_groups[colour]):
                self._colours[side] = colour
                return found
        return None

    def _group(self, found: Found) -> str:
        name = self.target_groups[found.colour]
        if name not in self._groups:
            self._groups[name] = found.api.group(name)
        return self._groups[name]

    def _name(self, version: str, digest: str) -> str:
        if not DIGEST.fullmatch(digest):
            raise Denied(f"{digest[:80]!r} is no digest; one is written sha256: and 64 hexadecimal digits")
        words = (re.sub(r"[^a-z0-9]+", "-", word.lower())[:40].strip("-") for word in (self.service, version))
        return "-".join(part for part in (*words, digest[7:15]) if part)

    # ---- starting

    def _start(self, side: str, release: str, version: str, digest: str, wanted: int, found: list[Found]) -> Found:
        running = [one for one in found if not one.idle]
        if len(running) > 1:
            told = " and ".join(f"{one.side or 'something'} in {one.api.cluster}" for one in running)
            raise Denied(f"{self.service} runs in both clusters ({told})", "remove the one that serves nobody")
        model = next(iter(running or found), None)
        if model is None:
            raise Denied(
                f"{self.service} is in neither cluster: there is nothing to make a new version like",
                "deploy the first version by hand",
            )
        colour = next(one for one in self.clusters if one != model.colour)
        old = next((one for one in found if one.colour == colour), None)
        api, tags = self._api(colour), {SIDE: side, RELEASE: release, VERSION: _tag(version)}
        running_definition = api.definition(model.service["taskDefinition"])
        if running_definition is None:
            raise Denied(f"The task definition {model.service['taskDefinition']} of {model.api.name} is gone")
        definition = self._registered(api, running_definition, digest, tags)
        api.serves(group := api.group(self.target_groups[colour]), side)
        if old is None:
            name, port = port_of(running_definition, self.container)
            balanced = [{"targetGroupArn": group, "containerName": name, "containerPort": port}]
            api.create(_like(model.service, definition, wanted, balanced, tags, _token(release, side)))
        else:
            api.tag(old.service["serviceArn"], tags)
            api.update(taskDefinition=definition, desiredCount=wanted)
        made = api.describe()
        if made is None:
            raise NotApplied(f"The {api.name} was made, and ECS does not show it yet")
        return Found(colour, api, made)

    def _registered(self, api: EcsApi, running: dict[str, Any], digest: str, tags: dict[str, str]) -> str:
        """The family's newest revision where it is this one already, else a new one."""
        family = self.task_family or str(running["family"])
        wanted = with_image(running, family, self.container, digest)
        newest = api.definition(family)
        if newest is not None and same(wanted, newest):
            return str(newest["taskDefinitionArn"])
        return api.register(wanted, tags)

    def _settled(self, api: EcsApi, colour: Colour, side: str, wanted: int, *, scaled: bool = False) -> PlatformState:
        """Look `attempts` times, and say so each time (S2-070); a deployment that ECS has given up ends it at once."""
        attempt = 0
        while True:
            attempt += 1
            service = api.describe()
            if service is None:
                raise NotApplied(f"The {api.name} has gone while it was waited for")
            found = Found(colour, api, service)
            state, problem = self._state(found, always=True), failure_of(service)
            LOG.info("Running instances: %d (attempt %d/%d)", state.ready, attempt, self.attempts)
            if state.ready == wanted == len(state.instances) and (not scaled or not api.leaving()):
                return state
            if problem or attempt >= self.attempts:
                break
            time.sleep(self.pause.total_seconds())
        told = self._why(found, state, wanted, problem)
        if not scaled:
            self.remove(side, timedelta(0))
            told += "; it was removed again"
        raise NotApplied(told)

    def _why(self, found: Found, state: PlatformState, wanted: int, problem: str) -> str:
        late = "" if problem else f" within {self.attempts} looks, {self.pause.total_seconds():.0f} s apart"
        told = [f"{wanted - state.ready} of {wanted} instances did not become healthy{late}"]
        told += [problem] if problem else []
        told += [f"{one.name}: {one.detail}" for one in state.instances if not one.healthy][:1]
        dead = deaths(found.api.tasks("STOPPED"), found.service["taskDefinition"], self.container)
        told += [f"a task stopped: {one}" for one in dead[:2]]
        told += [f"ECS says: {last_event(found.service)}"] if len(told) == 1 and last_event(found.service) else []
        return "; ".join(told)

    # ---- reading

    def _state(self, found: Found, *, always: bool = False) -> PlatformState:
        """Tasks are asked for where the service says that there are any; while it is waited for, always."""
        tasks = found.api.tasks() if always or not found.idle else []
        balancers = found.service.get("loadBalancers") or [{}]
        port = int(balancers[0].get("containerPort") or 0)
        health = found.api.health(self._group(found)) if tasks and balancers[0] else None
        instances = tuple(instance_of(one, self.container, port, health) for one in tasks)
        tags = tags_of(found.service)
        side = found.side or self.target_groups[found.colour]
        urls = tuple(one.url for one in instances if one.url)
        if self.green_url and RELEASE in tags:
            urls = (self.green_url,)
        return PlatformState(Side(side, urls), instances, int(found.service["desiredCount"]), tags.get(VERSION, ""))


def _like(
    model: dict[str, Any],
    definition: str,
    wanted: int,
    balanced: list[dict[str, Any]],
    tags: dict[str, str],
    token: str,
) -> dict[str, Any]:
    """What a new service is asked for: as the running one, but for its definition, count and target group."""
    taken = {name: model[name] for name in INHERITED if model.get(name) not in (None, [], {}, "")}
    if "capacityProviderStrategy" in taken:
        taken.pop("launchType", None)
    return {
        **taken,
        "taskDefinition": definition,
        "desiredCount": wanted,
        "loadBalancers": balanced,
        "clientToken": token,
        "tags": [{"key": name, "value": value} for name, value in tags.items()],
    }


def _token(release: str, side: str) -> str:
    """The same for the same release: a create that is sent again is the same create (36 characters at most)."""
    return hashlib.sha256(f"{release} {side}".encode()).hexdigest()[:32]


def _tag(version: str) -> str:
    """A version as a tag takes it."""
    return re.sub(r"[^\w .:/=+@-]", "-", version)[:256]


def _checked(side: str) -> str:
    if not SIDE_NAME.fullmatch(side):
        raise Denied(f"{side[:120]!r} is no side's name; one has lower case letters, digits and dashes, at most 100")
    return side
