"""
The versions of the shop: which look, which schema, and what is wrong with them.

A share is one of what the customers bring to the component in all (`SHOP_EXPECTED_RATE`): 0.12 lies between
a step of 5 % and one of 25 %. What is to happen for good looks at two seconds, so that a burst after a stall
of the machine is not taken for more customers.
"""
# ruff: noqa: INP001 - found by build.py, which stands beside it

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Version:
    """What distinguishes one version's artifacts from another's."""

    accent: str
    schema: int  # the number of migrations that its api brings along
    features: tuple[str, ...] = ()
    trouble: dict[str, Any] = field(default_factory=dict)  # of the api; the frontend has none


def second(**trouble: Any) -> Version:
    """A 2.x: looks like 2.0, and has this trouble."""
    return Version(accent="#7a3e9d", schema=2, features=("reviews",), trouble=trouble)


VERSIONS = {
    "1.0": Version(accent="#0b6e99", schema=1),
    "2.0": second(),
    "2.1": second(kind="exhausted pool", above_share=0.12, window_seconds=1, failing_share=0.2),
    "2.2": second(kind="slow", slow_share=1 / 3, seconds=0.7),
    "2.3": second(kind="leak", bytes_per_request=200_000, cap_bytes=600_000_000),
    "2.4": second(kind="crash", above_share=0.12, window_seconds=2, after_seconds=2),
    "2.5": second(kind="crash", above_share=0.9, window_seconds=2, after_seconds=12),
    "2.6": second(kind="blind", above_share=0.12, window_seconds=2, after_seconds=2),
    "2.7": second(),
}
