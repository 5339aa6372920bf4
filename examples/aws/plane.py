"""
The data plane behind moto's load balancers: a real Traefik that splits real requests as the listeners' rules say.

moto keeps rules and weights and forwards nothing. This asks moto, by AWS's API and under a name of its own, what rules
and target groups there are, and writes them as Traefik's configuration. An ALB takes a while to follow a change; here
that is `every` (docs/decisions/0008 says why a stand-in and what it cannot show).
"""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from blocks.traefik_api import TraefikApi
from blocks.traefik_process import Running, TraefikProcess
from examples.aws.double import REGION, AwsDouble
from tidegate.errors import ConnectorError

SETTLES = 5.0  # seconds for Traefik to show what was written
HEALTHY = {"healthy", "unused", "unavailable"}


@dataclass(slots=True)
class Plane:
    """All listeners of a double as one proxy; a rule's target group `shop-blue` is the service `rule10.shop-blue`."""

    double: AwsDouble
    home: Path
    every: float = 0.1  # seconds between two looks at moto
    web: Running | None = None
    shown: dict[str, Any] = field(default_factory=dict)
    trouble: str = ""  # why the last look failed
    _proxy: TraefikProcess | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)
    _api: Any = None
    _listeners: list[str] = field(default_factory=list)  # found once: nobody adds one while customers come

    def start(self) -> Plane:
        self._api = boto3.client("elbv2", region_name=REGION, endpoint_url=self.double.url,
                                 config=Config(user_agent="plane", retries={"total_max_attempts": 1}))  # fmt: skip
        self._proxy = TraefikProcess(self.home)
        self.web = self._proxy.start()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)
        if self._proxy is not None:
            self._proxy.stop()

    @property
    def url(self) -> str:
        """Where customers come in; the proxy splits as the rules stand now."""
        self.sync()
        assert self.web is not None
        return self.web.web_url

    def _follow(self) -> None:
        while not self._stop.wait(self.every):
            try:
                self.sync()
                self.trouble = ""
            except Exception as why:  # noqa: BLE001  # it has to go on; whoever waits for it sees the trouble
                self.trouble = f"{type(why).__name__}: {why}"

    def sync(self) -> None:
        """Ask moto, write, and wait until Traefik shows it."""
        with self._one_at_a_time:
            wanted = self._wanted()
            if wanted == self.shown or not wanted:
                return
            assert self._proxy is not None
            file = self._proxy.routes / "alb.yaml"
            beside = file.with_suffix(".new")
            beside.write_text(json.dumps({"http": wanted}))
            os.replace(beside, file)  # noqa: PTH105  # one rename: the proxy never reads half of it
            self._await(wanted)
            self.shown = wanted

    def _wanted(self) -> dict[str, Any]:
        routers, services = dict[str, Any](), dict[str, Any]()
        if not self._listeners:
            for balancer in self._api.describe_load_balancers()["LoadBalancers"]:
                found = self._api.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
                self._listeners += [one["ListenerArn"] for one in found]
        for listener in self._listeners:
            for rule in self._api.describe_rules(ListenerArn=listener)["Rules"]:
                self._rule(rule, routers, services)
        return {"routers": routers, "services": services} if routers else {}

    def _sides(self, groups: list[str]) -> dict[str, str]:
        """What each target group says that it serves, else its name: so the proxy counts by side."""
        told = self._api.describe_tags(ResourceArns=groups)["TagDescriptions"]
        said = {one["ResourceArn"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in told}
        return {arn: said.get(arn, {}).get("tidegate:side") or arn.split("/")[-2] for arn in groups}

    def _rule(self, rule: dict[str, Any], routers: dict[str, Any], services: dict[str, Any]) -> None:
        action = next((one for one in rule["Actions"] if one["Type"] == "forward"), None)
        if action is None:
            return
        default = rule.get("IsDefault") or rule["Priority"] == "default"
        name = "default" if default else f"rule{rule['Priority']}"
        config = action.get("ForwardConfig") or {"TargetGroups": [{"TargetGroupArn": action["TargetGroupArn"]}]}
        shares, sides = [], self._sides([one["TargetGroupArn"] for one in config["TargetGroups"]])
        for group in config["TargetGroups"]:
            label = f"{name}.{sides[group['TargetGroupArn']]}"
            shares.append({"name": label, "weight": int(group.get("Weight", 1))})
            services[label] = {"loadBalancer": {"servers": self._servers(group["TargetGroupArn"])}}
        weighted: dict[str, Any] = {"services": shares}
        if (config.get("TargetGroupStickinessConfig") or {}).get("Enabled"):
            weighted["sticky"] = {"cookie": {"name": f"AWSALBTG-{name}"}}
        services[name] = {"weighted": weighted}
        conditions = [one for one in rule.get("Conditions", ()) if one.get("Field") == "path-pattern"]
        paths = [path for one in conditions for path in one.get("Values") or one["PathPatternConfig"]["Values"]]
        matches = " || ".join(f"PathPrefix(`{path.rstrip('*')}`)" for path in paths) or "PathPrefix(`/`)"
        priority = 1 if default else 100_000 - int(rule["Priority"])
        routers[name] = {"rule": matches, "service": name, "priority": priority}

    def _servers(self, group: str) -> list[dict[str, str]]:
        found = self._api.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        well = [one["Target"] for one in found if one["TargetHealth"]["State"] in HEALTHY]
        targets = well or [one["Target"] for one in found if one["TargetHealth"]["State"] != "draining"]  # fails open
        return [{"url": f"http://{one['Id']}:{one['Port']}"} for one in sorted(targets, key=str)]

    def _await(self, wanted: dict[str, Any]) -> None:
        assert self.web is not None
        api, until = TraefikApi(self.web.api_url), time.monotonic() + SETTLES
        waiting = dict(wanted["services"])
        while waiting and time.monotonic() < until:
            for name, service in list(waiting.items()):
                try:
                    shown = api.ask(f"services/{name}@file", 1.0)
                except ConnectorError:
                    continue
                if all(_plain(shown.get(kind)) == _plain(told) for kind, told in service.items()):
                    del waiting[name]
            time.sleep(0.01)
        if waiting:
            raise TimeoutError(f"Traefik does not show {', '.join(waiting)}")


def _plain(part: Any) -> Any:
    """What of a service was told: addresses, or names and weights."""
    if not isinstance(part, dict):
        return None
    if "services" in part:
        return [(one["name"].removesuffix("@file"), one.get("weight", 1)) for one in part["services"]]
    return [one["url"] for one in part.get("servers") or ()]
