"""
Who answered: today nobody's identity is proved, and everything that shows an answer says so.

The place of the approval proof (a code or a signature inside the answer, checked by the flow): whoever can resume a run
in Prefect can write any name into its form (docs/limits.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Unproved:
    """The Identities that prove nothing."""

    def proved(self, approver: str, gate: str, release: str, answer: Mapping[str, Any]) -> bool:
        return False
