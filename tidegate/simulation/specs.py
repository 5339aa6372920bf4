"""The release specs that plays are about: small, so that a play lasts minutes; together they use every rule."""

from __future__ import annotations

from functools import cache
from typing import Any

from tidegate.spec import Spec

NOWHERE = {"use": "simulated"}
PART = {
    "platform": NOWHERE,
    "router": NOWHERE,
    "artifact": NOWHERE,
    "metrics": NOWHERE,
    "source": "built/{version}",
    "instances": 2,
}

READY = {"name": "ready", "check": NOWHERE, "says": "the system can be released"}
ORDERS = {"name": "orders", "backup": NOWHERE}


def errors(component: str) -> dict[str, Any]:
    return {
        "name": f"{component}-errors",
        "component": component,
        "metric": "error_rate",
        "target": "at most 1 %",
        "rollback": "above 3 %",
        "window": "30s",
        "min_samples": 50,
    }


def latency(component: str) -> dict[str, Any]:
    return {
        "name": f"{component}-p95",
        "component": component,
        "metric": "latency_p95",
        "target": "at most 300ms",
        "rollback": "above 500ms",
        "lasting": "10s",
        "window": "30s",
        "min_samples": 50,
    }


def steps(bake: str, *weights: int, approval: int = 0) -> dict[str, Any]:
    asked = {"approval": "widen"}
    return {"steps": [{"weight": w, "bake": bake, **(asked if w == approval else {})} for w in weights]}


def spec(**changes: Any) -> Spec:
    """A release spec of one component, with `changes` on top."""
    told: dict[str, Any] = {
        "system": "shop",
        "description": "a simulated shop",
        "components": {"api": PART},
        "plans": {"canary": steps("15s", 5, 25, 50, 100)},
        "plan": "canary",
        "gates": [errors("api")],
        "hold": {"deadline": "60s", "parked_deadline": "4m"},
        "looking": {"every": "5s"},
        "verification": {"slots": ["20s", "40s"], "late": "2m"},
        "cleanup": {"keep_blue": "1m"},
    }
    return Spec.model_validate(told | changes)


@cache
def plain() -> Spec:
    """Four steps and one gate."""
    return spec()


@cache
def short_canary() -> Spec:
    """What speed is measured with: four steps, ten looks each."""
    return spec(plans={"canary": steps("45s", 5, 25, 50, 100)})


@cache
def asking() -> Spec:
    """Two approvals, two plans, two gates: people decide, park and choose."""
    return spec(
        plans={"canary": steps("15s", 5, 25, 100, approval=25), "halves": steps("15s", 50, 100)},
        gates=[errors("api"), latency("api")],
        checks=[READY],
        backups=[ORDERS],
        readiness="go",
        approvals=[
            {"name": "go", "ask": "Open the gate?", "deadline": "3m"},
            {"name": "widen", "ask": "More?", "deadline": "3m", "approvers": ["kim", "lee"]},
        ],
    )


@cache
def two_parts() -> Spec:
    """Two routed components, a backup and checks."""
    return spec(
        components={"api": PART, "web": PART},
        plans={"canary": steps("15s", 10, 50, 100)},
        gates=[errors("api"), errors("web")],
        checks=[
            READY,
            {"name": "smoke", "check": NOWHERE, "says": "green answers", "component": "web"},
        ],
        backups=[ORDERS],
    )


@cache
def slow() -> Spec:
    """Bakes of more than ten minutes hold no process: the run is put back to Scheduled."""
    return spec(
        plans={"canary": steps("11m", 20, 100)},
        looking={"every": "30s"},
        hold={"deadline": "3m", "parked_deadline": "4m"},
    )


@cache
def crossing() -> Spec:
    """Two components, a point of no return at 50 % with its own approval, and a limit on the way there."""
    plan = steps("15s", 10, 50, 100)
    plan["steps"][0]["halfway_limit"] = "6m"
    plan["steps"][1]["no_return"] = {"way": "restore", "says": "the old schema is gone", "approval": "cross"}
    return spec(
        components={"api": PART, "web": PART},
        plans={"canary": plan},
        gates=[errors("api"), errors("web")],
        approvals=[{"name": "cross", "ask": "Drop the old schema?", "deadline": "3m"}],
    )


@cache
def half_way() -> Spec:
    """Two minutes at 5 % and 50 % mixed, no longer; an approval in between may take longer than that."""
    plan = steps("15s", 5, 50, 100, approval=100)
    plan["steps"][1]["halfway_limit"] = "2m"
    return spec(plans={"canary": plan}, approvals=[{"name": "widen", "ask": "More?", "deadline": "3m"}])


KINDS = (plain, plain, asking, asking, asking, two_parts, two_parts, plain, plain, slow, crossing, half_way)
