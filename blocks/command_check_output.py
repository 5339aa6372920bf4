"""What a command prints, kept as evidence: its first and its last part, without secrets and control characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

FIRST, LAST = 16 * 1024, 48 * 1024  # bytes; the reason of a failure mostly stands at the end
ENDLESS = 64 * 1024 * 1024
STARS = b"***"
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Output:
    """Takes everything, keeps little: secrets are starred out before anything is cut, or a cut would show halves."""

    def __init__(self, secrets: Sequence[str]) -> None:
        # The longer ones first: one secret may begin with another.
        self._secrets = sorted((secret.encode() for secret in secrets if secret), key=len, reverse=True)
        self._held = max((len(secret) for secret in self._secrets), default=1) - 1
        self._waiting = b""  # may be the beginning of a secret
        self._first, self._last, self._count = b"", b"", 0

    @property
    def endless(self) -> bool:
        return self._count > ENDLESS

    def take(self, chunk: bytes) -> None:
        clean = self._star(self._waiting + chunk)
        cut = len(clean) - self._held
        if cut > 0:
            self._keep(clean[:cut])
            clean = clean[cut:]
        self._waiting = clean

    def text(self) -> str:
        """As people read it; the middle of a long output is left out, and how much is said."""
        last = (self._last + self._waiting)[-LAST:]
        left_out = self._count + len(self._waiting) - len(self._first) - len(last)
        gap = f"\n... {left_out:,} bytes left out ...\n".encode() if left_out > 0 else b""
        told = COLOURS.sub("", (self._first + gap + last).decode("utf-8", "replace").replace("\r\n", "\n"))
        return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in told)

    def starred(self, text: str) -> str:
        return self._star(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")

    def _star(self, text: bytes) -> bytes:
        for secret in self._secrets:
            text = text.replace(secret, STARS)
        return text

    def _keep(self, clean: bytes) -> None:
        self._count += len(clean)
        room = FIRST - len(self._first)
        self._first += clean[:room]
        self._last = (self._last + clean[room:] if room < len(clean) else self._last)[-LAST:]
