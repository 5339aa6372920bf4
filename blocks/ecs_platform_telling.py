"""ECS in plain words: an instance from a task, why tasks stopped, why a deployment failed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.ports import Instance

WELL = {"healthy", "unused", "unavailable"}  # unused: no rule points at the group; unavailable: it checks nothing
Health = Mapping[tuple[str, int], tuple[str, str]]


def instance_of(task: Mapping[str, Any], container: str, port: int, health: Health | None) -> Instance:
    """
    Healthy is: the task runs, its own health check does not say otherwise, and the balancer finds it well.

    The digest is what the container's agent pulled. `health` None: nobody asked the balancer.
    """
    own = container_of(task, container)
    address = address_of(task)
    state = str(task.get("lastStatus", ""))
    checked = str(own.get("healthStatus") or task.get("healthStatus") or "UNKNOWN")
    target, reason = ("unavailable", "") if health is None else health.get((address, port), ("not registered", ""))
    said = [] if state == "RUNNING" else [f"is {state.lower() or 'unknown'}"]
    said += ["its own health check fails"] if checked == "UNHEALTHY" else []
    said += [] if target in WELL else [f"the load balancer says {target}" + (f" ({reason})" if reason else "")]
    return Instance(
        name=str(task["taskArn"]).rpartition("/")[2],
        url=f"http://{address}:{port}" if address else "",
        healthy=not said,
        digest=str(own.get("imageDigest") or ""),
        detail="; ".join(said),
    )


def container_of(task: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = [one for one in task.get("containers") or () if one.get("name") == name or not name]
    return found[0] if found else {}


def address_of(task: Mapping[str, Any]) -> str:
    """The task's own address, of its network interface (awsvpc); "" while it has none."""
    for attachment in task.get("attachments") or ():
        for detail in attachment.get("details") or ():
            if detail.get("name") == "privateIPv4Address":
                return str(detail["value"])
    own = container_of(task, "").get("networkInterfaces") or [{}]
    return str(own[0].get("privateIpv4Address") or "")


def deaths(tasks: Sequence[Mapping[str, Any]], definition: str, container: str) -> list[str]:
    """Why tasks of this definition stopped, each reason once with how often: AWS's words and the exit code."""
    reasons = dict[str, int]()
    for task in tasks:
        if task.get("taskDefinitionArn") != definition:
            continue
        own = container_of(task, container)
        code = own.get("exitCode")
        told = [str(task.get("stoppedReason") or ""), str(own.get("reason") or "")]
        told += [f"exit code {code}"] if code not in (None, 0) else []
        said = ", ".join(part for part in told if part) or "stopped without a reason"
        reasons[said] = reasons.get(said, 0) + 1
    return [f"{said}" + (f" ({times} times)" if times > 1 else "") for said, times in reasons.items()]


def failure_of(service: Mapping[str, Any]) -> str:
    """What ECS says of a deployment that it has given up; "" while it has not."""
    for one in service.get("deployments") or ():
        if one.get("status") == "PRIMARY" and one.get("rolloutState") == "FAILED":
            return str(one.get("rolloutStateReason") or "the deployment failed")
    return ""


def last_event(service: Mapping[str, Any]) -> str:
    """The newest line of the service's own log; AWS puts it first."""
    events = service.get("events") or ()
    return str(events[0].get("message", "")) if events else ""
