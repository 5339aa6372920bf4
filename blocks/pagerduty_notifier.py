"""
Wakes somebody by PagerDuty: one incident for a release and event, resolved when the release ended well.

What wakes nobody (an info, the test message) goes as a change event, which PagerDuty shows beside incidents. The same
notice told twice is one incident: it has a key of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from blocks.connector import Connector
from blocks.connector_api import Api, secret
from tidegate.notices import in_language, plain
from tidegate.ports import Notice
from tidegate.quantities import Duration

API = "https://events.pagerduty.com/v2"
LONGEST_SUMMARY, LONGEST_KEY, LONGEST_DETAIL = 1024, 255, 4000  # characters; the first two are PagerDuty's own
WAKES = {"warning": "warning", "critical": "critical"}


class PagerdutyNotifier(Connector):
    """Incidents at PagerDuty."""

    _block_type_name = "Messages by PagerDuty"
    _block_type_slug = "pagerduty-notifier"
    _description = "Opens an incident for what is critical, and resolves it when the release has ended well."

    routing_key_secret: str = Field(
        title="Routing key", description="Name of our own variable with the integration key of Events API v2."
    )
    escalation: str = Field(
        "", title="Escalation", description="Who is reached; told in the incident, never looked up."
    )
    resolves: list[str] = Field(
        default_factory=lambda: ["promoted", "closed"],
        title="Resolves",
        description="Events that resolve the release's incidents of the kinds in `opens`.",
    )
    opens: list[str] = Field(
        default_factory=lambda: ["page", "rolled-back"],
        title="Opens",
        description="Events whose incidents are resolved; every warning and critical event opens one.",
    )
    language: str = Field("en", title="Language", pattern="^(en|ko)$", description="en or ko.")
    api_url: str = Field("", title="API's URL", description="e.g. of the service region EU.")
    timeout: Duration = Field(timedelta(seconds=5), title="Time-out", description="Of one answer.")

    def tell(self, notice: Notice) -> None:
        """Denied when the key is refused, Unreachable or NotApplied when it may be tried again."""
        key = secret(self.routing_key_secret, "PagerDuty")
        api = Api("PagerDuty", self.api_url or API, {}, self.timeout.total_seconds())
        if notice.event in self.resolves:
            for event in self.opens:
                told: dict[str, Any] = {
                    "routing_key": key,
                    "event_action": "resolve",
                    "dedup_key": _key(notice.release, event),
                }
                api.ask("POST", "/enqueue", body=told)
            return
        links = [{"href": url, "text": plain(name)} for name, url in notice.links.items()]
        summary = plain(in_language(self.language, notice.title))[:LONGEST_SUMMARY] or notice.event or "tidegate"
        if notice.severity not in WAKES:
            payload = {"summary": summary, "source": "tidegate", "custom_details": self._details(notice)}
            api.ask("POST", "/change/enqueue", body={"routing_key": key, "payload": payload, "links": links})
            return
        incident: dict[str, Any] = {
            "routing_key": key,
            "event_action": "trigger",
            "dedup_key": _key(notice.release, notice.event),
            "client": "tidegate",
            "links": links,
            "payload": {
                "summary": summary,
                "source": notice.release or "tidegate",
                "severity": WAKES[notice.severity],
                "component": notice.release.partition("/")[0],
                "class": notice.event,
                "custom_details": self._details(notice),
            },
        }
        api.ask("POST", "/enqueue", body=incident)

    def _details(self, notice: Notice) -> Mapping[str, Any]:
        said = {"release": notice.release, "event": notice.event}
        said |= {"text": in_language(self.language, notice.text)[:LONGEST_DETAIL]}
        return said | ({"escalation": self.escalation} if self.escalation else {})


def _key(release: str, event: str) -> str:
    return f"tidegate/{release}/{event}"[-LONGEST_KEY:]
