"""
An HTTP request that checks something: status, values in its JSON, headers, text, time.

It asks every instance of green when its address names {url}. No answer is a FAIL, since whoever asks for health
wants one; an address that DNS does not know now is INCONCLUSIVE (F123), one that must not be asked is an ERROR.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from pydantic import Field, SecretStr, model_validator
from yarl import URL

from blocks.connector import Connector, machine_troubles
from blocks.connector_addresses import Forbidden, checked
from blocks.http_check_expectation import Expectation, Scalar
from blocks.http_check_request import Unanswered, UnknownHost, Way, ask
from tidegate import facts as known
from tidegate.errors import Denied
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration

MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one address."""

    verdict: Verdict
    told: str
    seconds: float = 0.0


class HttpCheck(Connector):
    """An HTTP request whose answer is the verdict."""

    _block_type_name = "HTTP request"
    _block_type_slug = "http-check"
    _description = "Asks an address; status, values in the JSON, headers, text and time decide."

    url: str = Field(
        title="URL",
        description="http or https. {url} is each instance of the component's green in turn; {release}, {system}, "
        "{version}, {component} and {digest} are filled in, too.",
        examples=["{url}/api/products", "https://shop.example.com/health"],
    )
    method: Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"] = Field("GET", title="Method")
    status: int | list[int] = Field(200, title="Status", description="The one, or those, that mean passed.")
    json_equals: dict[str, Scalar] = Field(
        default_factory=dict,
        title="JSON equals",
        description="A dotted path into the answer's JSON, and the value there.",
        examples=[{"version": "{version}", "database.nodes.0.up": True}],
    )
    contains: str = Field("", title="Contains", description="Text that the answer holds.")
    answer_headers: dict[str, str] = Field(
        default_factory=dict,
        title="Headers of the answer",
        description="A header, and a text that it holds.",
        examples=[{"Content-Type": "application/json"}],
    )
    headers: dict[str, str] = Field(default_factory=dict, title="Headers", description="Sent with the request.")
    secret_headers: dict[str, SecretStr] = Field(
        default_factory=dict,
        title="Secret headers",
        description="Sent as well, never shown, and never to where a redirect leads.",
        examples=[{"Authorization": "Bearer ..."}],
    )
    within: Duration | None = Field(None, title="Within", description="A slower answer fails.", examples=["500ms"])
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", description="Of one whole answer.")
    passes: int = Field(1, ge=1, le=100, title="Passes", description="Needed in a row, of each address.")
    attempts: int | None = Field(
        None, ge=1, le=1000, title="Attempts", description="At most this many; by default two more than passes."
    )
    pause: Duration = Field(timedelta(seconds=1), title="Pause", description="Between two attempts.")
    follow: int = Field(0, ge=0, le=10, title="Follow", description="How many redirects are followed.")
    private_hosts: list[str] = Field(
        default_factory=list,
        title="Private hosts",
        description="Names that may lead to addresses of a private network.",
        examples=[["api.internal"]],
    )
    ca_file: Path | None = Field(
        None, title="CA file", description="Trust this certificate authority instead of the system's."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        texts = [self.contains, *self.headers.values(), *map(str, self.json_equals.values())]
        for text in (self.url, *texts):
            known.named(text)
        if "{url}" in self.url[1:]:
            raise ValueError(f"{self.url!r}: {{url}} is a whole address; it can only stand first")
        if not known.named(self.url):
            try:
                checked(self.url)
            except Forbidden as why:
                raise ValueError(str(why)) from None
        if self.attempts is not None and self.attempts < self.passes:
            raise ValueError(f"{self.passes} passes need as many attempts; {self.attempts} are allowed")
        return self

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        began = time.monotonic()
        try:
            urls = [checked(text) for text in self._addresses(facts)]
            expected = self._expected(facts)
            way = self._way(facts)
        except (Denied, Forbidden) as why:
            return CheckResult(Verdict.ERROR, f"{why}; nothing was asked")
        # A loop in a thread of its own: the caller may have a running one.
        with ThreadPoolExecutor(1, "http-check") as lane:
            rounds = lane.submit(asyncio.run, self._all(way, urls, expected)).result()
        told = [f"{url}: {self._starred(one.told)}" for url, one in zip(urls, rounds, strict=True)]
        more = [f"and {len(told) - MOST_LINES} more"] if len(told) > MOST_LINES else []
        return CheckResult(
            _worst([one.verdict for one in rounds]),
            "\n".join(told[:MOST_LINES] + more),
            seconds=round(time.monotonic() - began, 3),
            figures={"slowest": round(max(one.seconds for one in rounds), 4)},
        )

    def _addresses(self, facts: Mapping[str, str]) -> list[str]:
        """Every instance's, when the check is about instances; values are no part of a URL's structure."""
        safe = {name: quote(value, safe=":") for name, value in facts.items()}
        instances = facts.get("urls", "").split() or [facts.get("url", "")]
        if "{url}" not in self.url:
            instances = [""]
        return [known.filled(self.url, {**safe, "url": url.rstrip("/")}) for url in instances]

    def _way(self, facts: Mapping[str, str]) -> Way:
        trust = None
        if self.ca_file is not None:
            with machine_troubles(f"ca_file {self.ca_file}"):
                trust = ssl.create_default_context(cafile=str(self.ca_file))
        return Way(
            self.method,
            self.timeout.total_seconds(),
            {name: known.filled(value, facts) for name, value in self.headers.items()},
            {name: value.get_secret_value() for name, value in self.secret_headers.items()},
            frozenset(self.private_hosts),
            self.follow,
            trust,
        )

    def _expected(self, facts: Mapping[str, str]) -> Expectation:
        values = {
            path: known.filled(value, facts) if isinstance(value, str) else value
            for path, value in self.json_equals.items()
        }
        wanted = self.status if isinstance(self.status, list) else [self.status]
        return Expectation(wanted, self.answer_headers, known.filled(self.contains, facts), values, self.within)

    async def _all(self, way: Way, urls: list[URL], expected: Expectation) -> list[Round]:
        return list(await asyncio.gather(*(self._round(way, url, expected) for url in urls)))

    async def _round(self, way: Way, url: URL, expected: Expectation) -> Round:
        """Attempts until enough passes came in a row."""
        row, verdict, missed, seconds, attempts = 0, Verdict.FAIL, "", 0.0, self.attempts or self.passes + 2
        for attempt in range(1, attempts + 1):
            if attempt > 1:
                await asyncio.sleep(self.pause.total_seconds())
            try:
                answer = await ask(way, url)
                verdict, seconds = Verdict.FAIL, answer.seconds
                missing = expected.missing(answer)
            except Unanswered as why:
                verdict, missing = Verdict.FAIL, str(why)
            except UnknownHost as why:
                verdict, missing = Verdict.INCONCLUSIVE, str(why)
            except Forbidden as why:
                return Round(Verdict.ERROR, str(why))
            row, missed = (0, missing) if missing else (row + 1, missed)
            if row == self.passes:
                times = f", {row} times in a row" if row > 1 else ""
                return Round(Verdict.PASS, f"as expected in {seconds * 1000:.0f} ms{times}", seconds)
        return Round(verdict, f"{missed} ({row} of {self.passes} passes in {attempts} attempts)", seconds)

    def _starred(self, text: str) -> str:
        for secret in self.secret_headers.values():
            text = text.replace(secret.get_secret_value() or "\0", "***")
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _worst(verdicts: list[Verdict]) -> Verdict:
    for verdict in (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            return verdict
    return Verdict.PASS
