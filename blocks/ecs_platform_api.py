"""The calls to ECS and to the target groups that the platform needs, each with its time-out and told errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.aws_clients import Access, client, code_of, told
from tidegate.errors import Denied

PAGE = 100  # tasks that DescribeTasks takes at once
SIDE, RELEASE, VERSION = "tidegate:side", "tidegate:release", "tidegate:version"


class EcsApi:
    """One service name in one cluster."""

    def __init__(self, access: Access, cluster: str, service: str) -> None:
        self.access, self.cluster, self.service = access, cluster, service

    @property
    def name(self) -> str:
        return f"service {self.service} of cluster {self.cluster}"

    def describe(self) -> dict[str, Any] | None:
        """The service with its tags; None where there is none, or none any more."""
        with told(f"The {self.name}"):
            answer = self._ecs().describe_services(cluster=self.cluster, services=[self.service], include=["TAGS"])
        found = [one for one in answer["services"] if one["status"] != "INACTIVE"]
        return found[0] if found else None

    def create(self, wanted: Mapping[str, Any]) -> None:
        """With a client token in it: asked twice, AWS makes one service."""
        with told(f"The {self.name}"):
            self._ecs().create_service(cluster=self.cluster, serviceName=self.service, **wanted)

    def update(self, **wanted: Any) -> None:
        with told(f"The {self.name}"):
            self._ecs().update_service(cluster=self.cluster, service=self.service, **wanted)

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        with told(f"The tags of {self.name}"):
            self._ecs().tag_resource(
                resourceArn=arn, tags=[{"key": name, "value": value} for name, value in tags.items()]
            )

    def delete(self) -> None:
        """With its tasks; nothing happens where it is gone."""
        with told(f"The {self.name}"):
            try:
                self._ecs().delete_service(cluster=self.cluster, service=self.service, force=True)
            except Exception as why:
                if code_of(why) not in ("ServiceNotFoundException", "ServiceNotActiveException"):
                    raise

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        """Tasks that are meant to run (RUNNING, whatever their state now), or the last hour's stopped ones."""
        with told(f"The tasks of {self.name}"):
            pages = (
                self._ecs()
                .get_paginator("list_tasks")
                .paginate(cluster=self.cluster, serviceName=self.service, desiredStatus=status)
            )
            arns = [arn for page in pages for arn in page["taskArns"]]
            found: list[dict[str, Any]] = []
            for start in range(0, len(arns), PAGE):
                found += self._ecs().describe_tasks(cluster=self.cluster, tasks=arns[start : start + PAGE])["tasks"]
        return sorted(found, key=lambda one: (str(one.get("createdAt", "")), str(one["taskArn"])))

    def leaving(self) -> bool:
        """Whether a task that was told to stop has not ended yet: it drains, or ends its requests."""
        return any(one.get("lastStatus") != "STOPPED" for one in self.tasks("STOPPED"))

    def definition(self, name: str) -> dict[str, Any] | None:
        """A task definition by arn or family (its newest); None where there is none."""
        with told(f"The task definition {name}"):
            try:
                found: dict[str, Any] = self._ecs().describe_task_definition(taskDefinition=name)["taskDefinition"]
            except Exception as why:
                if code_of(why) == "ClientException":
                    return None
                raise
        return found

    def register(self, definition: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """
        A new revision, by its arn. One attempt: botocore would send a lost one again, and AWS count it twice.

        Whoever asks again looks first (`definition` of the family).
        """
        with told(f"The task definition {definition['family']}"):
            answer = client("ecs", self.access, attempts=1).register_task_definition(
                **definition, tags=[{"key": name, "value": value} for name, value in tags.items()]
            )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    # ---- target groups

    def group(self, name: str) -> str:
        with told(f"The target group {name}"):
            try:
                found = self._elb().describe_target_groups(Names=[name])["TargetGroups"]
            except Exception as why:
                if code_of(why) != "TargetGroupNotFound":
                    raise
                found = []
        if not found:
            raise Denied(f"There is no target group {name!r}")
        return str(found[0]["TargetGroupArn"])

    def serves(self, group: str, side: str) -> None:
        """Let the target group say which side listens there: the router reads it."""
        with told(f"The tags of {group}"):
            self._elb().add_tags(ResourceArns=[group], Tags=[{"Key": SIDE, "Value": side}])

    def health(self, group: str) -> dict[tuple[str, int], tuple[str, str]]:
        """Target (address, port) -> its state and AWS's reason."""
        with told(f"The targets of {group}"):
            found: Sequence[dict[str, Any]] = self._elb().describe_target_health(TargetGroupArn=group)[
                "TargetHealthDescriptions"
            ]
        return {
            (str(one["Target"]["Id"]), int(one["Target"].get("Port") or 0)): (
                str(one["TargetHealth"]["State"]),
                str(one["TargetHealth"].get("Description") or one["TargetHealth"].get("Reason") or ""),
            )
            for one in found
        }

    def delay(self, group: str) -> float:
        """Seconds for which the balancer lets a deregistered target end its requests."""
        with told(f"The attributes of {group}"):
            found = self._elb().describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
        said = [one["Value"] for one in found if one["Key"] == "deregistration_delay.timeout_seconds"]
        return float(said[0]) if said else 300.0

    def _ecs(self) -> Any:
        return client("ecs", self.access)

    def _elb(self) -> Any:
        return client("elbv2", self.access)


def tags_of(service: Mapping[str, Any]) -> dict[str, str]:
    return {one["key"]: one.get("value", "") for one in service.get("tags") or ()}
