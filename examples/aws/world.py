"""
What happens over time behind ECS's API: tasks that start, answer, fail and drain, as processes of this machine.

moto keeps services and definitions and starts nothing; a service's counts are what was asked. This carries out what the
services in moto ask for, and writes into moto what AWS would show of it: tasks with address, digest, health and exit
code, counts, deployments, targets and their states. It lives in the double's own process and reaches into moto's
memory, since no call of AWS's says "this task has died".
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from moto.backends import get_backend
from moto.ecs.models import EC2ContainerServiceBackend
from moto.elbv2.models import FakeHealthStatus, FakeTargetGroup
from moto.moto_api import state_manager

from examples.aws.double import ACCOUNT, REGION

GIVES_UP = 3  # failed tasks of a deployment: the circuit breaker's smallest threshold
PULL = "CannotPullContainerError: pull image manifest: not found"


@dataclass(frozen=True, slots=True)
class Image:
    """What lies behind a digest: a folder and the program in it that a container would run."""

    folder: Path
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """One task's process."""

    task: Any
    service: Any
    address: str
    port: int
    process: subprocess.Popen[bytes] | None
    began: float
    digest: str
    healthy: bool = False
    leaving: float = 0.0  # when it ends for good; 0: not asked to


@dataclass(slots=True)
class World:
    """Follows moto's services every `every` seconds; `images` are what can be pulled, by digest."""

    home: Path
    images: dict[str, Image] = field(default_factory=dict)
    every: float = 0.1
    drains: float = 0.3  # seconds between a target's deregistration and its end
    starts_after: float = 0.0  # seconds before a task's process begins
    never_healthy: set[str] = field(default_factory=set)  # digests whose targets the balancer never finds well
    runs: list[Run] = field(default_factory=list)
    states: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)  # (group, target) -> state, why
    _next: int = 2
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _web: Any = None

    def start(self) -> World:
        self.home.mkdir(parents=True, exist_ok=True)
        self._web = httpx.Client(timeout=1.0, trust_env=False)
        _fill_motos_gaps(self)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)
        for run in self.runs:
            _end(run, 0.0)
        self._web.close()

    def _follow(self) -> None:
        while not self._stop.wait(self.every):
            with self._lock:
                try:
                    self.turn()
                except Exception as why:  # noqa: BLE001  # a service may be half made when it is read
                    (self.home / "world.log").open("a").write(f"{type(why).__name__}: {why}\n")

    def turn(self) -> None:
        """Once: what is to run runs, what is not ends, and moto shows it."""
        ecs = get_backend("ecs")[ACCOUNT][REGION]
        for run in list(self.runs):
            self._watch(run)
        for service in list(ecs.services.values()):
            self._carry_out(ecs, service)

    # ---- one service

    def _carry_out(self, ecs: Any, service: Any) -> None:
        mine = [run for run in self.runs if run.service is service and not run.leaving]
        wanted = service.desired_count if service.status == "ACTIVE" else 0
        current = [run for run in mine if run.task.task_definition_arn == self._definition(ecs, service)]
        deployment = service.deployments[0]
        if deployment.get("taskDefinition") != self._definition(ecs, service):
            deployment |= {"taskDefinition": self._definition(ecs, service), "failedTasks": 0}
        if deployment.get("failedTasks", 0) < GIVES_UP:
            for _ in range(wanted - len(current)):
                self._begin(ecs, service)
        for run in mine if wanted == 0 else [one for one in mine if one not in current] + current[wanted:]:
            self._dismiss(run)
        alive = [run for run in self.runs if run.service is service and run.task.last_status == "RUNNING"]
        service.running_count, service.pending_count = len(alive), max(0, wanted - len(alive))
        failed = deployment.get("failedTasks", 0) >= GIVES_UP
        state = "FAILED" if failed else "COMPLETED" if len(alive) >= wanted else "IN_PROGRESS"
        reason = "ECS deployment circuit breaker: tasks failed to start." if failed else f"ECS deployment {state}."
        deployment |= {"runningCount": len(alive), "pendingCount": service.pending_count, "rolloutState": state,
                       "rolloutStateReason": reason, "desiredCount": wanted}  # fmt: skip

    def _definition(self, ecs: Any, service: Any) -> str:
        return str(ecs.describe_task_definition(service.task_definition).arn)

    def _begin(self, ecs: Any, service: Any) -> None:
        definition = ecs.describe_task_definition(service.task_definition)
        container = definition.container_definitions[0]
        (task,) = ecs.run_task(
            service.cluster_name, definition.arn, 1, {}, service.deployments[0]["id"], [], "FARGATE",
            networking_configuration=service.network_configuration or None, group=f"service:{service.name}",
        )  # fmt: skip
        digest, address = container["image"].partition("@")[2], f"127.1.{self._next // 250}.{self._next % 250 + 2}"
        self._next += 1
        port = int((container.get("portMappings") or [{"containerPort": 3000}])[0]["containerPort"])
        for attachment in task.attachments:
            for detail in attachment["details"]:
                if detail["name"] == "privateIPv4Address":
                    detail["value"] = address
        own = task.containers[0]
        own.name, own.image_digest, own.health_status, own.last_status = container["name"], digest, "UNKNOWN", "PENDING"
        own.exit_code, own.exitCode = None, None
        task.last_status, task.created_at = "PENDING", datetime.now(UTC)
        run = Run(task, service, address, port, None, time.monotonic(), digest)
        self.runs.append(run)
        if digest not in self.images:
            self._died(run, PULL, None)
            return
        image = self.images[digest]
        told = {one["name"]: one["value"] for one in container.get("environment") or ()}
        with (self.home / f"{task.id}.log").open("ab") as log:
            run.process = subprocess.Popen(
                [sys.executable, *image.command], cwd=image.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.defpath, "HOST": address, "PORT": str(port), "TIDEGATE_DIGEST": digest,
                     **image.environment, **told},
            )  # fmt: skip

    # ---- one task

    def _watch(self, run: Run) -> None:
        if run.process is None:
            return
        code = run.process.poll()
        if run.leaving:
            if code is not None or time.monotonic() >= run.leaving:
                _end(run, 1.5)
                self._gone(run, "Scaling activity initiated by deployment", run.process.poll())
        elif code is not None:
            self._died(run, "Essential container in task exited", code)
        else:
            run.task.last_status = run.task.containers[0].last_status = "RUNNING"
            self._register(run, well=self._answers(run))

    def _answers(self, run: Run) -> bool:
        if run.digest in self.never_healthy:
            return False
        try:
            return bool(self._web.get(f"http://{run.address}:{run.port}/health").status_code == 200)
        except httpx.HTTPError:
            return False

    def _register(self, run: Run, *, well: bool) -> None:
        state = ("healthy", "") if well else ("unhealthy" if run.healthy else "initial", "Health checks failed")
        run.healthy = run.healthy or well
        for group in _groups(run.service):
            if run.address not in group.targets:
                group.register([{"Id": run.address, "Port": run.port}])
            self.states[group.arn, run.address] = state

    def _dismiss(self, run: Run) -> None:
        """The target drains first, then the task is asked to end, as ECS does it."""
        run.leaving = time.monotonic() + self.drains
        run.task.desired_status = "STOPPED"
        for group in _groups(run.service):
            if run.address in group.targets:
                self.states[group.arn, run.address] = ("draining", "Target deregistration is in progress")

    def _died(self, run: Run, why: str, code: int | None) -> None:
        run.service.deployments[0]["failedTasks"] = run.service.deployments[0].get("failedTasks", 0) + 1
        self._gone(run, why, code)

    def _gone(self, run: Run, why: str, code: int | None) -> None:
        run.task.last_status, run.task.desired_status, run.task.stopped_reason = "STOPPED", "STOPPED", why
        own = run.task.containers[0]
        own.last_status, own.exit_code, own.exitCode = "STOPPED", code, code
        for group in _groups(run.service):
            if run.address in group.targets:
                group.deregister([{"Id": run.address}])
            self.states.pop((group.arn, run.address), None)
        self.runs.remove(run)

    def kill(self, address: str) -> None:
        """As a crash ends it."""
        for run in self.runs:
            if run.address == address and run.process is not None:
                run.process.kill()


def _groups(service: Any) -> list[Any]:
    groups = get_backend("elbv2")[ACCOUNT][REGION].target_groups
    return [groups[one["targetGroupArn"]] for one in service.load_balancers if one.get("targetGroupArn") in groups]


def _end(run: Run, grace: float) -> None:
    if run.process is None or run.process.poll() is not None:
        return
    run.process.terminate()
    try:
        run.process.wait(grace or 2.0)
    except subprocess.TimeoutExpired:
        run.process.kill()
        run.process.wait(2)


def _fill_motos_gaps(world: World) -> None:
    """Tasks of a service are listed as such, change when the world says so, and a target is as well as it was found."""
    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 10**9})
    listed, healthy = EC2ContainerServiceBackend.list_tasks, FakeTargetGroup.health_for
    listed, healthy = getattr(listed, "moto", listed), getattr(healthy, "moto", healthy)

    def list_tasks(self: Any, *args: Any) -> list[Any]:
        service = args[4] if len(args) > 4 else None
        found: list[Any] = listed(self, *args)
        return [one for one in found if one.group == f"service:{service}"] if service else found

    def health_for(self: Any, target: dict[str, Any], ec2: Any) -> Any:
        state, why = world.states.get((self.arn, target["Id"]), ("", ""))
        if not state or target["Id"] not in self.targets:
            return healthy(self, target, ec2)
        port = self.targets[target["Id"]]["Port"]
        return FakeHealthStatus(target["Id"], port, self.health_check_port, state, "Target.Told", why or None)

    list_tasks.moto, health_for.moto = listed, healthy  # type: ignore[attr-defined]
    EC2ContainerServiceBackend.list_tasks = list_tasks  # type: ignore[method-assign, assignment]
    FakeTargetGroup.health_for = health_for  # type: ignore[method-assign, assignment]
