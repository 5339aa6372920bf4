"""Keeping a release's lease alive while a process works on it."""

from __future__ import annotations

import threading

from tidegate.errors import LedgerUnavailable, TidegateError
from tidegate.ledger import Lease, Ledger


class KeptAlive:
    """Renews a lease every quarter of its life, in a daemon thread; leaving the block stops renewing, nothing more."""

    def __init__(self, ledger: Ledger, lease: Lease) -> None:
        self._ledger, self._lease = ledger, lease
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease-{lease.epoch}", daemon=True)

    def _renew(self) -> None:
        while not self._end.wait(self._lease.seconds / 4):
            try:
                if not self._ledger.renew(self._lease):
                    return  # somebody has a newer number: the next append says so
            except LedgerUnavailable:
                continue  # tried again in a quarter; a lease that runs out is the watch's business
            except TidegateError:
                return

    def __enter__(self) -> KeptAlive:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(timeout=2.0)
