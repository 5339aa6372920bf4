"""
A host's certificate, as a visitor meets it: trusted, for this name, and good for long enough.

It looks at what is negotiated with a client of today; whether the host would also take an older protocol from an
older client, this machine's own TLS library does not let us ask.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from blocks.connector import Connector, machine_troubles
from tidegate.language.limits import AnyLimit, limit
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration, spoken

NEWER = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


@dataclass(frozen=True, slots=True)
class Met:
    """What one handshake showed."""

    protocol: str
    until: datetime
    issuer: str
    left: float  # seconds


class TlsCheck(Connector):
    """A host's certificate."""

    _block_type_name = "TLS certificate"
    _block_type_slug = "tls-check"
    _description = "Looks at a host's certificate: trusted, for this name, not about to expire."

    host: str = Field(
        title="Host", description="The name that visitors use.", pattern=r"^[^\s/:@]+$", examples=["shop.example.com"]
    )
    port: int = Field(443, ge=1, le=65535, title="Port")
    address: str = Field("", title="Address", description="Where it is asked instead of where DNS leads.")
    expires: AnyLimit = Field(
        default_factory=lambda: limit("at least 14d"),
        title="Expires",
        description="How long the certificate has to be good from now on.",
    )
    protocol_at_least: Literal["TLSv1.2", "TLSv1.3"] = Field("TLSv1.2", title="Protocol at least")
    ca_file: Path | None = Field(
        None, title="CA file", description="Trust this certificate authority instead of the system's."
    )
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out")

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """FAIL with what a visitor would be told; INCONCLUSIVE when DNS does not know the name now."""
        began = time.monotonic()
        verdict, told, figures = self._looked()
        where = f"{self.host}:{self.port}" + (f" at {self.address}" if self.address else "")
        return CheckResult(verdict, f"{where}: {told}", seconds=round(time.monotonic() - began, 3), figures=figures)

    def _looked(self) -> tuple[Verdict, str, dict[str, float]]:
        try:
            met = self._met()
        except ssl.SSLCertVerificationError as why:
            return Verdict.FAIL, f"the certificate is refused: {why.verify_message or why.reason}", {}
        except socket.gaierror as why:
            return Verdict.INCONCLUSIVE, f"the name is not known now: {why.strerror}", {}
        except TimeoutError:
            return Verdict.FAIL, f"no answer within {spoken(self.timeout)}", {}
        except ssl.SSLError as why:
            return Verdict.FAIL, f"no TLS connection: {(why.reason or str(why)).lower().replace('_', ' ')}", {}
        except OSError as why:
            return Verdict.FAIL, f"no connection: {why.strerror or why}", {}
        figures = {"days_left": round(met.left / 86400, 2)}
        told = f"good until {met.until:%Y-%m-%d %H:%M} UTC, by {met.issuer}, {met.protocol}"
        if not self.expires.holds(met.left):
            left = spoken(timedelta(seconds=int(met.left)))
            return Verdict.FAIL, f"{told}; that is {left}, wanted: {self.expires.said}", figures
        if NEWER.index(met.protocol) < NEWER.index(self.protocol_at_least):
            return Verdict.FAIL, f"{told}; wanted: {self.protocol_at_least} or newer", figures
        return Verdict.PASS, told, figures

    def _met(self) -> Met:
        with machine_troubles(f"ca_file {self.ca_file}"):
            context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        with suppress(ValueError):  # a library that no longer knows it negotiates nothing older anyway
            context.minimum_version = ssl.TLSVersion.TLSv1_2
        seconds = self.timeout.total_seconds()
        with (
            socket.create_connection((self.address or self.host, self.port), seconds) as plain,
            context.wrap_socket(plain, server_hostname=self.host) as secured,
        ):
            told = secured.getpeercert() or {}
            protocol = secured.version() or ""
        until = ssl.cert_time_to_seconds(str(told["notAfter"]))
        return Met(protocol, datetime.fromtimestamp(until, UTC), _issuer(told), until - time.time())


def _issuer(told: Mapping[str, object]) -> str:
    """Organization or common name; whatever the authority calls itself, on one line."""
    parts = told.get("issuer")
    names = {key: value for group in parts for key, value in group} if isinstance(parts, tuple) else {}
    name = str(names.get("organizationName") or names.get("commonName") or "an unnamed authority")
    return "".join(c for c in name if c.isprintable())[:80]
