"""The memory's forecast in compressed time: sooner than in real life, and no warm-up is a leak."""

from __future__ import annotations

from collections.abc import Callable

from tidegate.judge.memory import Memory

LIMIT, PLAN, COMPRESS = 200e6, 40.0, 95.0


def first(used: Callable[[float], float], compress: float = COMPRESS) -> tuple[float, str] | None:
    """When it speaks, looked at twice a second, and what it says."""
    memory = Memory(LIMIT, PLAN, compress)
    for look in range(240):
        t = look / 2
        if said := memory.step(t, used(t), 31e6):
            return t, said
    return None


def test_a_leak_is_foretold_within_seconds_where_the_release_takes_seconds() -> None:
    found = first(lambda t: 31e6 + 5e6 * t)
    assert found is not None
    assert found[0] < 15
    assert "meets it in" in found[1]
    assert found[1].endswith("seconds")
    assert 31e6 + 5e6 * found[0] < 0.7 * LIMIT


def test_a_warm_up_that_ends_and_a_steady_use_are_no_leak() -> None:
    assert first(lambda t: 31e6 + 10e6 * min(t, 4.0)) is None
    assert first(lambda t: 31e6 + 1e4 * (t % 2)) is None


def test_in_real_life_minutes_are_looked_at_before_a_line_is_believed() -> None:
    assert first(lambda t: 31e6 + 0.5e6 * t, compress=1.0) is None
