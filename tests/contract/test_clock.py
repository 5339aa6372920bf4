"""What a clock must do; the virtual one of rehearsals is tested where it lives."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from blocks.system_clock import SystemClock
from tidegate.ports import Clock


@pytest.mark.proves("I27")
def test_elapsed_time_does_not_follow_a_wall_clock_that_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Clock = SystemClock()
    before = clock.elapsed()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert 0 <= clock.elapsed() - before < 5


def test_now_is_aware_and_utc() -> None:
    now = SystemClock().now()
    assert now.utcoffset() == timedelta(0)
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


def test_sleeping_lets_time_pass_and_never_a_negative_one() -> None:
    clock = SystemClock()
    before = clock.elapsed()
    clock.sleep(-1)
    clock.sleep(0.02)
    assert clock.elapsed() - before >= 0.02


def test_a_machine_that_slept_has_let_time_pass() -> None:
    """CLOCK_BOOTTIME runs on in suspend, CLOCK_MONOTONIC on Linux does not: a stale proof must look stale."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        pytest.skip("machine: no Linux")
    assert abs(SystemClock().elapsed() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1
