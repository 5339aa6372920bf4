"""
Headers that every one of some addresses has to send, e.g. the security headers of a site and its API.

Any answer below 500 is looked at, a page that is not there, too: its headers protect a visitor as well. A header that
is sent twice has to say the same both times, since browsers differ in which one they heed.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from pydantic import Field, model_validator
from yarl import URL

from blocks.connector import Connector, machine_troubles
from blocks.connector_addresses import Forbidden, checked
from blocks.http_check_request import Answer, Unanswered, UnknownHost, Way, ask
from tidegate import facts as known
from tidegate.errors import Denied
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration

AT_LEAST = "strict-transport-security"  # a longer time and more domains than are wanted are no fault
CASE_MATTERS = {"content-security-policy", "content-security-policy-report-only"}
_AGE = re.compile(r"max-age=\"?(\d+)\"?", re.IGNORECASE)


class HttpHeadersCheck(Connector):
    """Headers of some addresses."""

    _block_type_name = "HTTP headers"
    _block_type_slug = "http-headers-check"
    _description = "Asks each address and compares the headers of its answer with those that are wanted."

    urls: list[str] = Field(
        default_factory=list,
        title="URLs",
        description="http or https; {url} is each instance of the component's green, {version} is filled in, too.",
        examples=[["https://shop.example.com", "{url}/api/health"]],
    )
    base: str = Field("", title="Base", description="What the paths are appended to.", examples=["{url}"])
    paths: list[str] = Field(default_factory=list, title="Paths", description="Asked below `base`.", examples=[["/"]])
    headers: dict[str, str] = Field(
        title="Headers",
        description="Each with its value. Strict-Transport-Security may say more than is wanted: a longer max-age, "
        "further directives.",
        min_length=1,
        examples=[{"X-Content-Type-Options": "nosniff"}],
    )
    absent: list[str] = Field(
        default_factory=list, title="Absent", description="Headers that no answer may have.", examples=[["Server"]]
    )
    method: Literal["GET", "HEAD"] = Field("GET", title="Method")
    follow: int = Field(0, ge=0, le=10, title="Follow", description="How many redirects are followed.")
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", description="Of one whole answer.")
    private_hosts: list[str] = Field(
        default_factory=list, title="Private hosts", description="Names that may lead to a private network's addresses."
    )
    ca_file: Path | None = Field(
        None, title="CA file", description="Trust this certificate authority instead of the system's."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if bool(self.base) != bool(self.paths):
            raise ValueError("base and paths go together")
        if not self._addresses():
            raise ValueError("nothing is asked: give urls, or base and paths")
        for text in self._addresses():
            if "{url}" in text[1:]:
                raise ValueError(f"{text!r}: {{url}} is a whole address; it can only stand first")
            if not known.named(text):
                try:
                    checked(text)
                except Forbidden as why:
                    raise ValueError(str(why)) from None
        return self

    def _addresses(self) -> list[str]:
        return [*self.urls, *(self.base.rstrip("/") + "/" + path.lstrip("/") for path in self.paths)]

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """FAIL names every address with what it lacks; INCONCLUSIVE when DNS does not know a host now."""
        began = time.monotonic()
        try:
            urls = [checked(text) for text in self._filled(facts)]
            with machine_troubles(f"ca_file {self.ca_file}"):
                trust = ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else None
        except (Denied, Forbidden) as why:
            return CheckResult(Verdict.ERROR, f"{why}; nothing was asked")
        hosts = frozenset(self.private_hosts)
        way = Way(self.method, self.timeout.total_seconds(), private_hosts=hosts, follow=self.follow, trust=trust)
        # A loop in a thread of its own: the caller may have a running one.
        with ThreadPoolExecutor(1, "http-headers-check") as lane:
            found = lane.submit(asyncio.run, self._all(way, urls)).result()
        wrong = [(verdict, f"{url}: {told}") for url, (verdict, told) in zip(urls, found, strict=True) if told]
        seconds, figures = round(time.monotonic() - began, 3), {"addresses": float(len(urls))}
        if not wrong:
            told = f"{len(urls)} address{'' if len(urls) == 1 else 'es'}, each with the {len(self.headers)} headers"
            return CheckResult(Verdict.PASS, told, seconds=seconds, figures=figures)
        order = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE)
        verdict = min((verdict for verdict, _ in wrong), key=order.index)
        return CheckResult(verdict, "\n".join(line for _, line in wrong[:20]), seconds=seconds, figures=figures)

    def _filled(self, facts: Mapping[str, str]) -> Iterator[str]:
        """Every instance's, where an address is about instances; values are no part of a URL's structure."""
        safe = {name: quote(value, safe=":") for name, value in facts.items()}
        for text in self._addresses():
            instances = facts.get("urls", "").split() or [facts.get("url", "")] if "{url}" in text else [""]
            yield from (known.filled(text, {**safe, "url": url.rstrip("/")}) for url in instances)

    async def _all(self, way: Way, urls: list[URL]) -> list[tuple[Verdict, str]]:
        return list(await asyncio.gather(*(self._one(way, url) for url in urls)))

    async def _one(self, way: Way, url: URL) -> tuple[Verdict, str]:
        """What this address lacks; "" when nothing."""
        try:
            answer = await ask(way, url)
        except Unanswered as why:
            return Verdict.FAIL, str(why)
        except UnknownHost as why:
            return Verdict.INCONCLUSIVE, str(why)
        except Forbidden as why:
            return Verdict.ERROR, str(why)
        if answer.status >= 500:
            return Verdict.FAIL, f"answers {answer.status}"
        return Verdict.FAIL, "; ".join(self._lacks(answer))

    def _lacks(self, answer: Answer) -> Iterator[str]:
        sent: dict[str, list[str]] = {}
        for name, value in answer.headers.items():
            sent.setdefault(name.lower(), []).append(value)
        for name, wanted in self.headers.items():
            found = sent.get(name.lower(), [])
            if not found:
                yield f"no {name}, wanted: {wanted}"
            for value in dict.fromkeys(found):
                if not _same(name.lower(), value, wanted):
                    yield f"{name} is {_plain(value)}, wanted: {wanted}"
        yield from (f"{name} is sent, wanted: none" for name in self.absent if name.lower() in sent)


def _same(name: str, value: str, wanted: str) -> bool:
    if name == AT_LEAST:
        return _enough(value, wanted)
    if name in CASE_MATTERS:
        return _parts(value) == _parts(wanted)
    return " ".join(value.split()).lower() == " ".join(wanted.split()).lower()


def _parts(value: str) -> set[str]:
    """The directives of a policy; their order says nothing."""
    return {" ".join(part.split()) for part in value.split(";") if part.strip()}


def _enough(value: str, wanted: str) -> bool:
    """Whether a Strict-Transport-Security asks for at least as much (RFC 6797, 6.1)."""
    age, needed = _AGE.search(value), _AGE.search(wanted)
    if needed and (not age or int(age[1]) < int(needed[1])):
        return False
    given = {part.lower() for part in _parts(value)}
    return all(part.lower() in given for part in _parts(wanted) if not _AGE.fullmatch(part))


def _plain(value: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in value)[:120] or "empty"
