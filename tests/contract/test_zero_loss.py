"""The zero-loss run in small, so that every change of the router meets it; the goal's own run is `make bench`'s."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.zero_loss import zero_loss


@pytest.mark.slow
@pytest.mark.proves("G3", "traf.zero")
def test_no_request_is_lost_through_weight_changes_and_rollbacks(tmp_path: Path) -> None:
    outcome = zero_loss(tmp_path, requests=6000, changes=30, rollbacks=3, slow=1.0)
    assert (outcome.failed, outcome.failures) == (0, [])
    assert (outcome.changes, outcome.rollbacks, outcome.late) == (30, 3, 0)
    assert outcome.requests >= 6000
    assert outcome.posts_sent == outcome.posts_received > 0
    assert outcome.posts_doubled == 0
