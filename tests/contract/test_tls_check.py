"""Certificates of a real TLS server on this machine: good, short-lived, expired, of another name, of nobody."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from blocks.tls_check import TlsCheck
from tidegate.errors import ConnectorError
from tidegate.ports import CheckResult, Verdict

DAY = dt.timedelta(days=1)


def certificate(folder: Path, left: dt.timedelta, name: str = "shop.test") -> Path:
    """A self-signed one with its key, which its own readers can be told to trust; good for `left` from now on."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    who = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Shop's own")])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 90 * DAY)
        .not_valid_after(now + left)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "certificate.pem"
    file.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return file


@contextmanager
def served(file: Path | None, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Iterator[int]:
    """A server's port; without a certificate it takes connections and says nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    if file:
        context.load_cert_chain(file)
    kept = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            kept.append(connection)
            if file:
                try:
                    kept.append(context.wrap_socket(connection, server_side=True))
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for connection in kept:
            connection.close()


def asked(file: Path, port: int, **fields: object) -> CheckResult:
    usual = {"host": "shop.test", "address": "127.0.0.1", "port": port, "ca_file": file, "timeout": "5s"}
    return TlsCheck(**(usual | fields)).run({})  # type: ignore[arg-type]


@pytest.mark.proves("sec.tls", "S2-052", "S2-127")
def test_a_good_certificate_passes_with_its_end_and_who_made_it(tmp_path: Path) -> None:
    file = certificate(tmp_path, 40 * DAY)
    with served(file) as port:
        told = asked(file, port)
    assert told.verdict is Verdict.PASS, told.evidence
    assert "by Shop's own, TLSv1.3" in told.evidence
    assert told.figures["days_left"] == pytest.approx(40, abs=0.01)


@pytest.mark.proves("sec.tls")
def test_a_certificate_that_ends_too_soon_fails(tmp_path: Path) -> None:
    file = certificate(tmp_path, 5 * DAY)
    with served(file) as port:
        told = asked(file, port)
        assert told.verdict is Verdict.FAIL
        assert "that is 4d 23h, wanted: at least 14d" in told.evidence
        assert asked(file, port, expires="at least 4d").verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("left", "name", "trusted", "said"),
    [
        (-DAY, "shop.test", True, "certificate has expired"),
        (40 * DAY, "other.test", True, "Hostname mismatch"),
        (40 * DAY, "shop.test", False, "self-signed certificate"),
    ],
    ids=["expired", "another name", "nobody's"],
)
def test_what_a_visitor_would_be_refused_fails(
    tmp_path: Path, left: dt.timedelta, name: str, trusted: bool, said: str
) -> None:
    file = certificate(tmp_path, left, name)
    with served(file) as port:
        told = asked(file, port, ca_file=file if trusted else None)
    assert told.verdict is Verdict.FAIL
    assert said in told.evidence


def test_an_older_protocol_than_wanted_fails(tmp_path: Path) -> None:
    file = certificate(tmp_path, 40 * DAY)
    with served(file, ssl.TLSVersion.TLSv1_2) as port:
        assert asked(file, port).verdict is Verdict.PASS
        told = asked(file, port, protocol_at_least="TLSv1.3")
    assert told.verdict is Verdict.FAIL
    assert "TLSv1.2; wanted: TLSv1.3 or newer" in told.evidence


def test_no_answer_fails_and_an_unknown_name_cannot_tell(tmp_path: Path) -> None:
    file = certificate(tmp_path, 40 * DAY)
    with served(None) as port:
        told = asked(file, port, timeout="300ms")
    assert (told.verdict, "no answer within 0.3s" in told.evidence) == (Verdict.FAIL, True)
    assert "no connection" in asked(file, port).evidence, "nobody listens there any more"
    unknown = asked(file, 443, host="shop.invalid", address="")
    assert unknown.verdict is Verdict.INCONCLUSIVE, unknown.evidence
    with pytest.raises(ConnectorError, match="ca_file"):
        asked(tmp_path / "none.pem", 443)


@pytest.mark.parametrize("fields", [{"host": "https://x"}, {"host": "a b"}, {"host": "x", "port": 0},
                                    {"host": "x", "expires": "14d"}])  # fmt: skip
def test_a_mistake_in_the_fields_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TlsCheck(**fields)  # type: ignore[arg-type]
