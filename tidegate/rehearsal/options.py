"""What may go wrong in a rehearsal, and when the people in it answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Options:
    """
    One rehearsal. `bad_from`: the new version fails from above this weight on (None: it is good), `bad_how`: errors or
    slow; `absent`: approvals that nobody answers; `lost`: metrics without data while the new version has traffic;
    `outage`: Tidegate itself (watch, flows, Prefect) is away for so long, beginning so long after the first raise.
    """

    begins: datetime
    version: str = "v2"
    plan: str = ""
    bad_from: int | None = None
    bad_how: str = "errors"
    absent: tuple[str, ...] = ()
    rejects: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    outage: timedelta = timedelta(0)
    outage_after: timedelta = timedelta(minutes=5)
    answers_after: timedelta = timedelta(minutes=5)
    kind: str = "regular"
    until: timedelta | None = None  # stop so long after it begins; None: at its end
    look: timedelta = timedelta(minutes=1)  # the watch's rhythm here, where the spec's own is shorter

    @property
    def undisturbed(self) -> bool:
        return not self.outage
