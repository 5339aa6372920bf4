"""The system's own clock, for everything that is not a test or a rehearsal."""

from __future__ import annotations

import time
from datetime import UTC, datetime

# A machine that slept has let time pass: on Linux, only this clock knows. macOS's monotonic one counts sleep by itself.
_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Time as this machine tells it."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return time.clock_gettime(_ELAPSED)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))
