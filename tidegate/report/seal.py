"""
A report's seal: the SHA-256 of everything else in the file, in a comment at its end.

It finds a change made by accident, by a mail server, or by somebody who does not know of it; whoever wants to forge a
report can seal it again. Against that stands the ledger: it keeps the digest of the whole file (`report-written`), and
the report names the head of the ledger's chain.
"""

from __future__ import annotations

import hashlib
import re

_SEAL = re.compile(r"<!-- tidegate-report sha256:([0-9a-f]{64}) -->\n")


def sealed(text: str) -> str:
    """The text with its seal; a text with a seal in it is not sealed again (ValueError)."""
    if _SEAL.search(text):
        raise ValueError("this text has a seal already")
    return f"{text}<!-- tidegate-report sha256:{_digest(text)} -->\n"


def verify(text: str) -> bool:
    """Whether the one seal at the end of the text fits all that stands before it."""
    found = list(_SEAL.finditer(text))
    if len(found) != 1 or found[0].end() != len(text):
        return False
    return found[0][1] == _digest(text[: found[0].start()])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
