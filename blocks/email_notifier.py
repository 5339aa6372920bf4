"""
Tells people by e-mail: plain text with an HTML alternative, one mail thread for each release.

A password is sent over TLS only. A mail that some of its readers cannot get is told as not delivered to so many.
"""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime, make_msgid, parseaddr
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from blocks.connector import Connector, machine_troubles
from blocks.email_notifier_text import html, subject, text
from tidegate.errors import ConnectorError, Denied, NotApplied, Unreachable
from tidegate.notices import plain
from tidegate.ports import Notice
from tidegate.quantities import Duration

PORTS = {"starttls": 587, "tls": 465, "none": 25}


class EmailNotifier(Connector):
    """Messages by e-mail."""

    _block_type_name = "Messages by e-mail"
    _block_type_slug = "email-notifier"
    _description = "By SMTP, as text and HTML; the mails of one release are one thread."

    to: list[str] = Field(min_length=1, max_length=50, title="To", examples=[["team@example.com"]])
    host: str = Field(min_length=1, title="Host", description="The mail server.", examples=["smtp.example.com"])
    sender: str = Field(title="Sender", description="Stands in From.", examples=["Releases <releases@example.com>"])
    port: int | None = Field(
        None, ge=1, le=65535, title="Port", description="By default 587 (starttls), 465 (tls) or 25 (none)."
    )
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", title="Security", description="tls from the first byte; none: in the clear, without a password."
    )
    username: str = Field("", title="User name", description="Empty: no login.")
    password: SecretStr | None = Field(None, title="Password", description="Of the login; never shown.")
    language: Literal["en", "ko"] = Field("en", title="Language", description="Of the mails.")
    timeout: Duration = Field(timedelta(seconds=5), title="Time-out", description="Of one answer of the server.")
    ca_file: Path | None = Field(
        None, title="CA file", description="Trust this certificate authority instead of the system's."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        for one in (*self.to, self.sender):
            address = parseaddr(one)[1]
            if not one.isprintable() or address.count("@") != 1 or address.startswith("@") or address.endswith("@"):
                raise ValueError(f"{one!r} is no e-mail address")
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password stand together")
        if self.password is not None and self.security == "none":
            raise ValueError("a password is never sent in the clear; say security: starttls or tls")
        return self

    def tell(self, notice: Notice) -> None:
        """Hand the mail to the server; Unreachable, Denied or NotApplied when it, or a reader of it, is not taken."""
        mail = self._mail(notice)
        with _smtp_troubles(), self._server() as server:
            refused = server.send_message(mail)
        if refused:
            raise NotApplied(f"mail: {len(refused)} of {len(self.to)} readers were refused: {_reasons(refused)}")

    def _mail(self, notice: Notice) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        domain = parseaddr(self.sender)[1].rpartition("@")[2]
        mail["From"], mail["To"], mail["Subject"] = self.sender, ", ".join(self.to), subject(notice, self.language)
        mail["Date"], mail["Message-ID"] = format_datetime(localtime()), make_msgid(domain=domain)
        if notice.release:
            # A name that every process can work out: mail programs put what refers to it together.
            thread = f"<{hashlib.sha256(notice.release.encode(errors='replace')).hexdigest()[:32]}@{domain}>"
            mail["References"] = mail["In-Reply-To"] = thread
            mail["X-Tidegate-Release"] = plain(notice.release)[:200]
        mail["Auto-Submitted"] = "auto-generated"  # no holiday answers, please
        if notice.severity == "critical":
            mail["Importance"] = "high"
        mail.set_content(text(notice, self.language), charset="utf-8")
        mail.add_alternative(html(notice, self.language), subtype="html", charset="utf-8")
        return mail

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        """Connected, encrypted, logged in; closed in any case."""
        trust = self._trust()
        where, seconds = (self.host, self.port or PORTS[self.security]), self.timeout.total_seconds()
        server = (
            smtplib.SMTP_SSL(*where, timeout=seconds, context=trust)
            if self.security == "tls"
            else smtplib.SMTP(*where, timeout=seconds)
        )
        try:
            if self.security == "starttls":
                server.starttls(context=trust)
            if self.password is not None:
                server.login(self.username, self.password.get_secret_value())
            yield server
            with suppress(OSError, smtplib.SMTPException):  # the mail is taken; a farewell may fail
                server.quit()
        finally:
            server.close()

    def _trust(self) -> ssl.SSLContext:
        with machine_troubles(f"ca_file {self.ca_file}"):
            return ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)


@contextmanager
def _smtp_troubles() -> Iterator[None]:
    """The server's words are kept, without what would break a line; a login's are not, they may repeat it."""
    try:
        yield
    except ConnectorError:
        raise
    except smtplib.SMTPAuthenticationError as no:
        raise Denied(f"mail: the login was refused ({no.smtp_code})") from None
    except smtplib.SMTPNotSupportedError as no:
        raise Denied(f"mail: {plain(str(no))}") from None
    except smtplib.SMTPRecipientsRefused as no:
        raise _by_code(max(code for code, _ in no.recipients.values()), _reasons(no.recipients)) from None
    except smtplib.SMTPResponseException as no:
        raise _by_code(no.smtp_code, _words(no.smtp_error)) from None
    except ssl.SSLError as no:
        raise Denied(f"mail: no safe connection: {plain(no.reason or type(no).__name__)}") from None
    except (OSError, smtplib.SMTPException) as no:
        raise Unreachable(f"mail: no answer ({type(no).__name__})") from None


def _by_code(code: int, words: str) -> ConnectorError:
    """5xx is for good, anything else may pass (RFC 5321 4.2.1)."""
    return (Denied if code >= 500 else NotApplied)(f"mail: {code} {words}")


def _reasons(refused: dict[str, tuple[int, bytes]]) -> str:
    """The server's reasons; the addresses stay in the spec."""
    return "; ".join(sorted({f"{code} {_words(said)}" for code, said in refused.values()}))


def _words(said: bytes | str) -> str:
    return plain(said.decode("utf-8", "replace") if isinstance(said, bytes) else said)[:120]
