"""A real SMTP server on loopback, in a thread: in the clear, with STARTTLS, or with TLS from the first byte."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as MAILS
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "releases", "made-up-password"


@dataclass
class Post:
    """What came in, and what is refused: a reader's address or the content, with the server's words."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    readers: list[list[str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    content: str = ""  # answer to the whole mail instead of 250
    slow: float = 0.0

    async def handle_RCPT(  # aiosmtpd's name for it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await asyncio.sleep(self.slow)
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.content:
            return self.content
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=MAILS)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.readers.append(list(envelope.rcpt_tos))
        assert server.transport is not None
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 OK"

    def login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, told: LoginPassword
    ) -> AuthResult:
        self.logins.append(mechanism)
        right = (told.login, told.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=right)  # not handled: aiosmtpd answers 535


@contextmanager
def post(security: str = "none", certificate: tuple[Path, Path] | None = None) -> Iterator[Post]:
    """A running one; `certificate` is key and certificate, needed for `starttls` and `tls`."""
    made, ready, loop = Post(), threading.Event(), asyncio.new_event_loop()
    trust = None
    if certificate is not None:
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(certificate[1], certificate[0])

    def protocol() -> SMTP:
        return SMTP(
            made,
            hostname="localhost",
            loop=loop,
            enable_SMTPUTF8=True,
            tls_context=trust if security == "starttls" else None,
            require_starttls=security == "starttls",
            authenticator=made.login,
            auth_require_tls=security == "starttls",
        )

    async def serve() -> None:
        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=trust if security == "tls" else None)
        made.port = server.sockets[0].getsockname()[1]
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    threading.Thread(target=run, name="mail", daemon=True).start()
    assert ready.wait(20)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(loop.stop)


def certified(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for 127.0.0.1."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return key, certificate
