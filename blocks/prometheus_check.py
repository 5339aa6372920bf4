"""
Whether Prometheus sees what is to be watched: it is ready, its targets are up, the metrics are there, rules are loaded.

A metric that is named and has no series is a FAIL: a gate on it would never have data.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Literal

import httpx
from pydantic import Field

from blocks.connector import Connector
from blocks.connector_api import Api
from tidegate.errors import NotUnderstood
from tidegate.language.complaints import listed
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration


class PrometheusCheck(Connector):
    """Prometheus is ready, reaches its targets and has the metrics."""

    _block_type_name = "Prometheus"
    _block_type_slug = "prometheus-check"
    _description = "Looks whether Prometheus is ready, its targets are up, and metrics and alert rules are there."

    url: str = Field(title="URL", description="Of Prometheus.", examples=["http://prometheus:9090"])
    ready: bool = Field(True, title="Ready", description="It has to say so itself.")
    targets: Literal["", "up"] = Field("", title="Targets", description="up: every one of them, and at least one.")
    jobs: list[str] = Field(default_factory=list, title="Jobs", description="Only the targets of these, each with one.")
    publishes: list[str] = Field(default_factory=list, title="Publishes", description="Metrics with a series now.")
    rules: list[str] = Field(default_factory=list, title="Rules", description="Alert rules that are loaded and well.")
    firing: Literal["allow", "refuse"] = Field("allow", title="Firing", description="refuse: no alert may fire now.")
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", description="Of one answer.")

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """Figures: `targets`, `down`, `missing`."""
        began, api = time.monotonic(), Api("Prometheus", f"{self.url.rstrip('/')}/api/v1", {}, self._seconds)
        figures = dict[str, float]()
        wrong = list(self._ready()) if self.ready else []
        if not wrong:
            wrong += [*self._targets(api, figures), *self._series(api, figures), *self._rules(api)]
        told = [f"{len(self.publishes)} metrics have data"] if self.publishes and not figures.get("missing") else []
        if "targets" in figures:
            told.append(f"{figures['targets'] - figures['down']:g} of {figures['targets']:g} targets are up")
        return CheckResult(
            Verdict.FAIL if wrong else Verdict.PASS,
            "\n".join([*wrong, *told]) or "Prometheus is ready",
            seconds=round(time.monotonic() - began, 3),
            figures=figures,
        )

    @property
    def _seconds(self) -> float:
        return self.timeout.total_seconds()

    def _ready(self) -> Iterator[str]:
        """Its own answer is a word, no JSON."""
        try:
            with httpx.Client(timeout=self._seconds, trust_env=False) as client:
                status = client.get(f"{self.url.rstrip('/')}/-/ready").status_code
        except (httpx.TransportError, httpx.InvalidURL) as why:
            yield f"Prometheus does not answer ({type(why).__name__})"
        else:
            if status != 200:
                yield f"Prometheus is not ready (HTTP {status})"

    def _targets(self, api: Api, figures: dict[str, float]) -> Iterator[str]:
        if not self.targets and not self.jobs:
            return
        active = _list(_told(api, "/targets", {"state": "active"}).get("activeTargets"))
        names = {str((one.get("labels") or {}).get("job")) for one in active}
        mine = [one for one in active if not self.jobs or (one.get("labels") or {}).get("job") in self.jobs]
        down = [one for one in mine if one.get("health") != "up"]
        figures |= {"targets": float(len(mine)), "down": float(len(down))}
        if gone := [name for name in self.jobs if name not in names]:
            yield f"no target of job {listed(gone)}"
        if not active:
            yield "Prometheus has no target"
        for one in down[:10]:
            said = str(one.get("lastError") or "")[:200]
            yield f"target {one.get('scrapeUrl')} is {one.get('health')}{f': {said}' if said else ''}"

    def _series(self, api: Api, figures: dict[str, float]) -> Iterator[str]:
        missing = []
        for name in self.publishes:
            found = _told(api, "/query", {"query": f'count({{__name__="{_escaped(name)}"}})'})
            if not _list(found.get("result")):
                missing.append(name)
        figures |= {"missing": float(len(missing))} if self.publishes else {}
        if missing:
            yield f"no data now: {listed(missing, 20)}"

    def _rules(self, api: Api) -> Iterator[str]:
        if not self.rules and self.firing == "allow":
            return
        groups = _list(_told(api, "/rules", {"type": "alert"}).get("groups"))
        rules = {str(rule.get("name")): rule for group in groups for rule in _list(group.get("rules"))}
        for name in self.rules:
            if name not in rules:
                yield f"alert rule {name} is not loaded"
            elif rules[name].get("health") == "err":
                yield f"alert rule {name} cannot be worked out: {str(rules[name].get('lastError'))[:200]}"
        for name, rule in rules.items():
            if self.firing == "refuse" and rule.get("state") == "firing" and (not self.rules or name in self.rules):
                yield f"alert {name} fires"


def _told(api: Api, path: str, query: Mapping[str, str]) -> dict[str, Any]:
    told = api.ask("GET", path, query=query).body
    found = told.get("data") if isinstance(told, dict) and told.get("status") == "success" else None
    if not isinstance(found, dict):
        raise NotUnderstood(f"Prometheus answers {path} without data")
    return found


def _list(told: Any) -> list[Any]:
    if not isinstance(told, list):
        raise NotUnderstood("Prometheus's answer holds no list")
    return told


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')
