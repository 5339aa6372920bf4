"""
Tells people in Slack: one thread for each release, whose first message always shows where the release stands.

With a bot's token the first message is changed in place and every notice is a reply; a critical one is shown in the
channel, too. With an incoming webhook each notice is a message of its own: a webhook can neither reply nor change.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, NoReturn, Self
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, SecretStr, model_validator
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from blocks.connector import Connector, machine_troubles
from blocks.slack_notifier_message import Card, head, reply
from blocks.slack_notifier_threads import Thread, Threads
from tidegate.errors import ConnectorError, Denied, NotApplied, NotUnderstood, Unreachable
from tidegate.ports import Notice
from tidegate.quantities import Duration

# slack_sdk would log the address, which is a webhook's secret. A logger of its own, in no hierarchy: whoever configures
# logging for the process (Prefect does) cannot make it speak.
SILENT = logging.Logger("tidegate.slack", logging.CRITICAL + 1)  # noqa: LOG001  # that is the point
GONE = ("message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed")
BUSY = ("ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout")


class SlackNotifier(Connector):
    """Messages in Slack."""

    _block_type_name = "Messages in Slack"
    _block_type_slug = "slack-notifier"
    _description = "One thread for each release; its first message is kept up to date."

    token: SecretStr | None = Field(
        None, title="Token", description="A bot's (xoxb-...), with the scope chat:write; never shown."
    )
    channel: str = Field(
        "", title="Channel", description="Name or ID; the bot is a member of it.", examples=["#releases", "C024BE91L"]
    )
    webhook: SecretStr | None = Field(
        None, title="Webhook", description="Instead of both: an incoming webhook's address; never shown, no threads."
    )
    threads: Path | None = Field(
        None,
        title="Threads",
        description="Keeps which thread is which release's, for every process of this installation; without it each "
        "notice is a message of its own.",
        examples=["${home}/slack-threads.json"],
    )
    language: Literal["en", "ko"] = Field("en", title="Language", description="Of the messages.")
    base_url: str = Field("https://slack.com/api/", title="Base URL", description="Of Slack's Web API.")
    timeout: Duration = Field(timedelta(seconds=3), title="Time-out", description="Of one request, in whole seconds.")
    patience: Duration = Field(
        timedelta(seconds=6),
        title="Patience",
        description="For one notice, with the waits that Slack asks for; a longer wait gives it up.",
    )
    ca_file: Path | None = Field(
        None, title="CA file", description="Trust this certificate authority instead of the system's."
    )

    _sleep: Callable[[float], None] = PrivateAttr(default=time.sleep)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.webhook is None) == (self.token is None):
            raise ValueError("either a token and a channel, or a webhook")
        if self.token is not None and not self.channel:
            raise ValueError("a token needs the channel's name or ID")
        if self.webhook is not None and (self.channel or self.threads):
            raise ValueError("a webhook has its channel already and knows no threads; leave channel and threads out")
        if urlsplit(self.base_url).scheme not in ("http", "https"):
            raise ValueError("base_url begins with https:// (or http:// for a stand-in)")
        return self

    def tell(self, notice: Notice) -> None:
        """
        Post the notice; Denied, NotApplied, Unreachable or NotUnderstood say why it is not there.

        Once the reply stands, people are told: a first message that cannot be changed any more is no error.
        """
        until = time.monotonic() + self.patience.total_seconds()
        if self.webhook is not None:
            self._by_webhook(notice, until)
        elif self.threads is None or not notice.release:
            self._post(head(notice, self.language, 1), until)
        else:
            with machine_troubles("threads"), Threads(self.threads).of(notice.release, until) as kept:
                kept.thread = self._in_thread(kept.thread, notice, until)

    def _in_thread(self, thread: Thread | None, notice: Notice, until: float) -> Thread:
        """Where the release's thread is now."""
        if thread is not None:
            shown = reply(notice, self.language)
            again = {"thread_ts": thread.ts, "reply_broadcast": notice.severity == "critical"}
            try:
                self._post(shown, until, channel=thread.channel, **again)
            except _Gone:
                thread = None  # somebody deleted it: a new one begins
        if thread is None:
            answer = self._post(head(notice, self.language, 1), until)
            return Thread(_text(answer, "channel"), _text(answer, "ts"))
        thread = thread.longer()
        try:
            card = head(notice, self.language, thread.notices)
            self._call("chat.update", {"channel": thread.channel, "ts": thread.ts, **card}, until)
        except ConnectorError:
            pass  # the reply stands; the next notice brings the first message up to date
        return thread

    def _post(self, card: Card, until: float, channel: str = "", **more: Any) -> Mapping[str, Any]:
        body = {"channel": channel or self.channel, **card, "unfurl_links": False, "unfurl_media": False, **more}
        return self._call("chat.postMessage", body, until)

    def _call(self, method: str, body: dict[str, Any], until: float) -> Mapping[str, Any]:
        assert self.token is not None
        client = WebClient(
            token=self.token.get_secret_value(),
            base_url=self.base_url,
            ssl=self._trust(),
            retry_handlers=[],  # what may be asked again, and for how long, is decided here
            logger=SILENT,
        )
        client.proxy = None  # urllib reads the environment itself, with its exceptions
        while True:
            client.timeout = self._left(until)
            try:
                answer = client.api_call(method, json=body)
            except SlackApiError as no:
                if not self._pause(no.response.status_code, no.response.headers, until):
                    _refused(no.response.status_code, str(no.response.get("error")))
            except (SlackClientError, OSError, ValueError) as why:
                _unanswered(why)
            else:
                return dict(answer.data) if isinstance(answer.data, dict) else {}

    def _by_webhook(self, notice: Notice, until: float) -> None:
        assert self.webhook is not None
        client = WebhookClient(self.webhook.get_secret_value(), ssl=self._trust(), retry_handlers=[], logger=SILENT)
        client.proxy = None
        while True:
            client.timeout = self._left(until)
            try:
                answer = client.send_dict(dict(head(notice, self.language, 1)))
            except (SlackClientError, OSError, ValueError) as why:
                _unanswered(why)
            if answer.status_code == 200:
                return
            if not self._pause(answer.status_code, answer.headers, until):
                _refused(answer.status_code, answer.body)

    def _left(self, until: float) -> int:
        """Whole seconds for the next request; NotApplied when the patience is at its end."""
        left = until - time.monotonic()
        if left <= 0:
            raise NotApplied(f"Slack took longer than {self.patience.total_seconds():g} s")
        return max(1, round(min(left, self.timeout.total_seconds())))

    def _pause(self, status: int, headers: Mapping[str, Any], until: float) -> bool:
        """Whether to ask again: after the wait that Slack asked for, when there is time for it; else NotApplied."""
        if status != 429:
            return False
        asked = next((value for name, value in headers.items() if name.lower() == "retry-after"), "1")
        told = str(asked[0] if isinstance(asked, list) else asked)
        wait = float(told) if told.isdecimal() else 1.0
        if time.monotonic() + wait >= until:
            raise NotApplied(f"Slack asks to wait {wait:g} s; {self.patience.total_seconds():g} s is the patience")
        self._sleep(max(wait, 0.2))
        return True

    def _trust(self) -> ssl.SSLContext | None:
        if self.ca_file is None:
            return None
        with machine_troubles(f"ca_file {self.ca_file}"):
            return ssl.create_default_context(cafile=str(self.ca_file))


class _Gone(NotApplied):
    """The message that was to be answered or changed is not there."""


def _refused(status: int, error: str) -> NoReturn:
    """`error` is Slack's own word for it; a status of 500 and more is Slack's trouble."""
    if status >= 500:
        raise NotApplied(f"Slack has trouble of its own (HTTP {status})")
    shown = "".join(c for c in error if c.isprintable())[:60] or "no reason"
    if error in GONE:
        raise _Gone(f"Slack: {shown}")
    raise NotApplied(f"Slack: {shown}") if error in BUSY else Denied(f"Slack refuses: {shown}")


def _unanswered(why: Exception) -> NoReturn:
    """Never the exception's own words: they may hold the address, which is the secret of a webhook."""
    if isinstance(why, OSError):
        reason = getattr(why, "reason", why)
        raise Unreachable(f"Slack does not answer ({type(reason).__name__})") from None
    raise NotUnderstood(f"Slack's answer is none ({type(why).__name__})") from None


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise NotUnderstood(f"Slack's answer has no {name}")
    return value
