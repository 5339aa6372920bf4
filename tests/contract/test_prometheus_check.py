"""Prometheus' state at a stand-in that holds each request and answer against Prometheus' own description."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.prometheus_check import PrometheusCheck
from tests.contract.vendor_double import Double, double
from tests.contract.vendor_samples import answer
from tidegate.ports import CheckResult, Verdict


@pytest.fixture
def there() -> Iterator[Double]:
    with double("prometheus", "/api/v1") as made:
        says(made)
        yield made


def says(made: Double, **told: Any) -> None:
    """`targets`: health by job; `metrics`: names with data; `rules`: state by name; `ready`: HTTP status."""
    targets = [
        {"health": health, "scrapeUrl": f"http://{job}/metrics", "labels": {"job": job}, "lastError": "refused"}
        for job, health in told.get("targets", {"app": "up", "node": "up"}).items()
    ]
    metrics = told.get("metrics", {"fps", "errorRate"})
    rules = [
        {"name": name, "state": state, "health": "ok", "type": "alerting", "query": "x", "alerts": []}
        for name, state in told.get("rules", {}).items()
    ]

    def query(asked: Any) -> tuple[int, Any]:
        name = re.findall(r'__name__="(.*?)"', asked.query["query"])[0]
        result = [{"metric": {}, "value": [1.0, "1"]}] if name in metrics else []
        return 200, {"status": "success", "data": {"resultType": "vector", "result": result}}

    def whole(path: str, data: Any) -> Any:
        return lambda _: (200, answer("prometheus", "GET", path, 200, {"status": "success", "data": data}))

    made.says["GET", "/query"] = query
    made.says["GET", "/targets"] = whole("/targets", {"activeTargets": targets, "droppedTargets": []})
    groups = [{"name": "g", "file": "f", "interval": 60, "rules": rules}]
    made.says["GET", "/rules"] = whole("/rules", {"groups": groups})


def asked(there: Double, **fields: Any) -> CheckResult:
    return PrometheusCheck(**{"url": there.url.removesuffix("/api/v1"), "ready": False, **fields}).run({})


@pytest.mark.proves("S0-046")
def test_a_metric_without_data_fails_and_is_named(there: Double) -> None:
    assert asked(there, publishes=["fps", "errorRate"]).verdict is Verdict.PASS
    told = asked(there, publishes=["fps", "crashCount", 'x"y'])
    assert told.verdict is Verdict.FAIL
    assert told.evidence.startswith("no data now: crashCount")
    assert told.figures["missing"] == 2


def test_every_target_has_to_be_up_and_there_has_to_be_one(there: Double) -> None:
    assert asked(there, targets="up").evidence == "2 of 2 targets are up"
    says(there, targets={"app": "up", "node": "down"})
    told = asked(there, targets="up")
    assert told.verdict is Verdict.FAIL
    assert told.evidence.splitlines()[0] == "target http://node/metrics is down: refused"
    assert asked(there, targets="up", jobs=["app"]).verdict is Verdict.PASS
    assert "no target of job shop" in asked(there, jobs=["shop"]).evidence
    says(there, targets={})
    assert asked(there, targets="up").verdict is Verdict.FAIL


@pytest.mark.proves("pre.alerts")
def test_alert_rules_have_to_be_loaded_and_may_have_to_be_quiet(there: Double) -> None:
    says(there, rules={"ErrorsHigh": "firing", "Slow": "inactive"})
    assert asked(there, rules=["ErrorsHigh", "Slow"]).verdict is Verdict.PASS
    assert asked(there, rules=["Memory"]).evidence.startswith("alert rule Memory is not loaded")
    assert asked(there, firing="refuse").evidence.startswith("alert ErrorsHigh fires")
    assert asked(there, rules=["Slow"], firing="refuse").verdict is Verdict.PASS


def test_nobody_there_is_a_fail_that_says_so() -> None:
    told = PrometheusCheck(url="http://127.0.0.1:9").run({})
    assert told.verdict is Verdict.FAIL
    assert told.evidence == "Prometheus does not answer (ConnectError)"


@pytest.mark.proves("S0-059", "met.dashboards")
def test_a_real_prometheus_that_watches_itself(tmp_path: Path) -> None:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("elsewhere: no prometheus is installed here")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "p.yml").write_text(
        f"global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: self, static_configs: "
        f"[{{targets: ['127.0.0.1:{port}']}}]}}]\n"
    )
    arguments = [f"--config.file={tmp_path}/p.yml", f"--storage.tsdb.path={tmp_path}/db"]
    process = subprocess.Popen(
        [program, *arguments, f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL
    )
    try:
        check = PrometheusCheck(url=f"http://127.0.0.1:{port}", targets="up", publishes=["up"])
        told, until = check.run({}), time.monotonic() + 40
        while told.verdict is not Verdict.PASS and time.monotonic() < until:
            time.sleep(0.3)
            told = check.run({})
        assert told.verdict is Verdict.PASS, told.evidence
        assert httpx.get(f"http://127.0.0.1:{port}/-/ready").status_code == 200
        lost = PrometheusCheck(url=f"http://127.0.0.1:{port}", publishes=["fps"]).run({})
        assert lost.verdict is Verdict.FAIL
    finally:
        process.terminate()
        process.wait(20)
