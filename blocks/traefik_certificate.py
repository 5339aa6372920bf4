"""
A certificate that the embedded proxy never shows to anybody, and why it has one all the same.

At every change of its configuration a Traefik without a default certificate makes a new one, with a fresh RSA key:
60 to 250 ms of a core between a weight's writing and its taking effect. Given one, it needs 5 ms.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

FILE = "tidegate-certificate.yaml"


def give_certificate(home: Path, routes: Path) -> None:
    """Key and certificate into `home`, and the file that names them into the folder that Traefik watches."""
    key, certificate = home / "unused-key.pem", home / "unused-certificate.pem"
    if not (key.exists() and certificate.exists()):
        made = _self_signed()
        if made is None:
            return
        key.touch(mode=0o600)
        key.write_bytes(made[0])
        certificate.write_bytes(made[1])
    told = {"tls": {"stores": {"default": {"defaultCertificate": {"certFile": str(certificate), "keyFile": str(key)}}}}}
    (routes / FILE).write_text(
        f"# So that Traefik makes no key of its own at each change.\n{json.dumps(told)}\n", "utf-8"
    )


def _self_signed() -> tuple[bytes, bytes] | None:
    """A key and a certificate in PEM; None without `cryptography`, which Prefect brings along."""
    try:
        from cryptography import x509  # noqa: PLC0415  a proxy without it works, only slower
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    except ImportError:
        return None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "unused")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return pem, certificate.public_bytes(serialization.Encoding.PEM)
