"""
Whether one version has run long enough: the right one, without a restart, its errors below a limit all the while.

Asked once, at the end of a soak. What an application knows of itself since it began is the evidence: the start of its
process and its request counters in Prometheus' format (a restart sets both back), and the version in its health answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx
from pydantic import BeforeValidator, Field, PrivateAttr

from blocks.connector import Connector
from blocks.connector_addresses import Forbidden, checked
from blocks.connector_exposition import series, total
from tidegate import facts as known
from tidegate.errors import Denied, NotUnderstood
from tidegate.language.limits import AnyLimit
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration, spoken

MOST_BYTES = 4 * 1024 * 1024
STARTED = "process_start_time_seconds"


def _at_least(value: Any) -> Any:
    """`48h` is `at least 48h`: a soak has no other direction."""
    return f"at least {value}" if isinstance(value, str) and value[:1].isdecimal() else value


class SoakCheck(Connector):
    """The right version has run long enough, without a restart and without too many errors."""

    _block_type_name = "Soak"
    _block_type_slug = "soak-check"
    _description = "Looks whether a version has run for so long without a restart, its error rate below a limit."

    url: str = Field(title="URL", description="Of its health: JSON that names the version.")
    version: str = Field("{version}", title="Version", description="That has to run there.")
    version_field: str = Field("version", title="Version's field", description="Dotted path in the health's JSON.")
    lasting: Annotated[AnyLimit, BeforeValidator(_at_least)] = Field(
        title="Lasting", description="Since the process began.", examples=["at least 48h"]
    )
    restarts: AnyLimit | None = Field(
        None, title="Restarts", description="Without a field that counts them: none, if it has run long enough."
    )
    restarts_field: str = Field("", title="Restarts' field", description="Dotted path in the health's JSON.")
    error_rate: AnyLimit | None = Field(
        None, title="Error rate", description="Answers with status 5xx of all, since the process began."
    )
    min_requests: int = Field(1, ge=1, title="Least requests", description="With fewer a rate says nothing.")
    metrics_url: str = Field(
        "", title="Metrics' URL", description="Page in Prometheus' format; by default /metrics of the same address."
    )
    requests_metric: str = Field(
        "", title="Requests' metric", description="Counter with a label code or status; by default *_requests_total."
    )
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", description="Of one answer.")

    _now: Callable[[], float] = PrivateAttr(default=time.time)

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """Figures: `lasting` (seconds), `error_rate`, `requests`."""
        try:
            url = checked(known.filled(self.url, facts))
            version = known.filled(self.version, facts)
            page_at = checked(self.metrics_url) if self.metrics_url else url.origin() / "metrics"
            health = self._asked(str(url))
            page = self._asked(str(page_at)).text
        except (Denied, Forbidden) as why:
            return CheckResult(Verdict.ERROR, str(why))
        except _Silent as why:
            return CheckResult(Verdict.FAIL, str(why))
        try:
            return self._judged(version, _json(health), page)
        except NotUnderstood as why:
            return CheckResult(Verdict.FAIL, f"{page_at}: {why}")

    def _judged(self, version: str, health: Any, page: str) -> CheckResult:
        wrong, told, figures = list[str](), list[str](), dict[str, float]()
        runs = _at(health, self.version_field)
        (told if runs == version else wrong).append(f"runs {runs!a:.60}, wanted: {version!a:.60}")
        started = [value for _, value in series(page, STARTED)]
        lasting = self._now() - max(started) if started else None
        if lasting is not None:
            figures["lasting"] = round(lasting, 1)
            since = datetime.fromtimestamp(max(started), UTC)
            said = f"has run for {spoken(timedelta(seconds=int(max(0.0, lasting))))} (since {since:%Y-%m-%d %H:%M} UTC)"
            enough = self.lasting.holds(lasting)
            (told if enough else wrong).append(f"{said}, wanted: {self.lasting.said}")
        else:
            wrong.append(f"does not tell when it began: no {STARTED}")
        if self.restarts is not None and self.restarts_field:
            count = _at(health, self.restarts_field)
            good = isinstance(count, int | float) and not isinstance(count, bool) and self.restarts.holds(float(count))
            (told if good else wrong).append(f"{self.restarts_field} is {count!a:.40}, wanted: {self.restarts.said}")
        if self.error_rate is not None:
            self._rate(page, wrong, told, figures)
        return CheckResult(Verdict.FAIL if wrong else Verdict.PASS, "\n".join([*wrong, *told]), figures=figures)

    def _rate(self, page: str, wrong: list[str], told: list[str], figures: dict[str, float]) -> None:
        assert self.error_rate is not None
        name = self.requests_metric or _counter(page)
        everything = total(page, name) if name else None
        if everything is None or everything < self.min_requests:
            wrong.append(f"{everything or 0:g} requests counted, an error rate needs {self.min_requests}")
            return
        labels = (
            (one.get("code") or one.get("status") or one.get("status_code") or "", n) for one, n in series(page, name)
        )
        bad = sum(n for code, n in labels if code.startswith("5"))
        figures |= {"error_rate": round(bad / everything, 6), "requests": everything}
        good = self.error_rate.holds(bad / everything)
        said = f"{bad:g} of {everything:g} requests failed ({bad / everything:.2%}), wanted: {self.error_rate.said}"
        (told if good else wrong).append(said)

    def _asked(self, url: str) -> httpx.Response:
        try:
            with httpx.Client(timeout=self.timeout.total_seconds(), trust_env=False, follow_redirects=False) as client:
                answer = client.get(url)
        except httpx.TransportError as why:
            raise _Silent(f"{url} does not answer: {type(why).__name__}") from None
        if answer.status_code != 200:
            raise _Silent(f"{url} answers HTTP {answer.status_code}")
        if len(answer.content) > MOST_BYTES:
            raise _Silent(f"{url} answers with more than {MOST_BYTES // 2**20} MiB")
        return answer


class _Silent(Exception):
    """No answer that could be judged."""


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def _at(found: Any, path: str) -> Any:
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _counter(page: str) -> str:
    """The one counter of requests on the page; "" when there is none or more than one."""
    names = {line.partition("{")[0] for line in page.splitlines() if not line.startswith("#")}
    found = [name for name in names if name.endswith("_requests_total")]
    return found[0] if len(found) == 1 else ""
