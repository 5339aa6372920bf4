"""
GreenFlow's spec as a live rehearsal can carry it out: its own plans and limits, on what stands on this machine.

From deployments/releases/greenflow.yaml come the traffic plans, the limits of the API's gates and the names. Otherwise,
since the machine has it or has it not: the artifacts of the example shop, both components on ECS (C2-07 allows it),
measurements by the data plane's own counters, an SQLite backup, one approval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from examples.aws.double import REGION
from examples.aws.ground import Ground
from examples.demo.stage import ROOT

GROUPS = {
    "api": ("greenflow-blue", "greenflow-green"),
    "frontend": ("greenflow-frontend-blue", "greenflow-frontend-green"),
}
PATHS = {"api": ("/api/*", "rule10"), "frontend": ("/*", "default")}  # path, and its name in the data plane


def greenflow(
    home: Path,
    endpoint: str,
    ground: Ground,
    metrics: str,
    plan: str,
    counts: Mapping[str, int],
    clusters: Callable[[str], Mapping[str, str]],
) -> dict[str, Any]:
    guide = yaml.safe_load((ROOT / "deployments" / "releases" / "greenflow.yaml").read_text("utf-8"))
    aws = {"region": REGION, "endpoint_url": endpoint}
    return {
        "schema_version": 1,
        "system": "greenflow",
        "description": f"{guide['description']} (live rehearsal)",
        "components": {name: _component(name, home, aws, ground, metrics, counts, clusters) for name in GROUPS},
        "checks": [
            {"name": "green-health", "says": "green's API is healthy", "component": "api",
             "check": {"use": "http-check", "url": "{url}/health", "status": 200, "passes": 3, "within": "5s"}},
        ],
        "backups": [{"name": "orders", "backup": {
            "use": "sqlite-backup", "database": str(home / "shop.db"), "directory": str(home / "backups")}}],
        "readiness": "go",
        "approvals": [{"name": "go", "ask": "Shall the traffic move?", "deadline": "24h"}],
        "plan": plan,
        "plans": {name: {"steps": [_plain(step) for step in told["steps"]]} for name, told in guide["plans"].items()},
        "gates": _gates(guide),
        "hold": {"deadline": "30m", "on_expiry": "rollback"},
        "looking": {"every": "1s", "unhealthy_looks": 3},
        "verification": {"slots": ["7d"], "late": "2h", "checks": [], "on_fail": "page"},
        "cleanup": {"keep_blue": "8d", "grace": "5s"},
        "notify": [{"use": "console-notifier", "file": str(home / "notices.jsonl")}],
    }  # fmt: skip


def _component(
    name: str,
    home: Path,
    aws: dict[str, str],
    ground: Ground,
    metrics: str,
    counts: Mapping[str, int],
    clusters: Callable[[str], Mapping[str, str]],
) -> dict[str, Any]:
    (blue, green), (path, route) = GROUPS[name], PATHS[name]
    groups = {"blue": blue, "green": green}
    return {
        "instances": counts[name],
        "source": f"{home}/artifacts/{{version}}/{name}",
        "artifact": {"use": "folder-registry", "directory": str(home / "registry")},
        "platform": {"use": "ecs-platform", **aws, "clusters": dict(clusters(name)), "service": f"greenflow-{name}",
                     "target_groups": dict(groups), "attempts": 60, "pause": "1s"},
        "router": {"use": "alb-router", **aws, "listener_arn": ground.listener, "path": path, "target_groups": groups},
        "sticky": "off-while-shifting",
        "metrics": {"use": "scrape-metrics", "proxy": metrics, "route": route},
        **({"depends_on": ["api"]} if name == "frontend" else {}),
    }  # fmt: skip


def _plain(step: dict[str, Any]) -> dict[str, Any]:
    return {"weight": step["weight"], "bake": step["bake"]}


def _gates(guide: dict[str, Any]) -> list[dict[str, Any]]:
    """The API's own limits (S2-009, S2-013, S2-014); windows as long as a bake, so that 5 % brings enough requests."""
    limits = {gate["name"]: (gate["target"], gate["rollback"]) for gate in guide["gates"] if "rollback" in gate}
    kinds = (("errors", "error_rate", limits["api-errors"]), ("p95", "latency_p95", limits["api-p95"]))
    return [
        {"name": f"{component}-{short}", "component": component, "metric": metric, "target": target,
         "rollback": rollback, "window": "15m", "min_samples": 20,
         **({"lasting": "2m"} if short == "p95" else {"samples": 2})}
        for component in GROUPS
        for short, metric, (target, rollback) in kinds
    ]  # fmt: skip
