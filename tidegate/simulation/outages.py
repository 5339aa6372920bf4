"""Everything that lasts in a play: when it begins, how long it takes, and what it does meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from tidegate.simulation.play import BLUE, Play

METRICS = ("metric-none", "metric-nan", "metric-stale", "metric-error", "metric-few", "metric-bad")
LASTING = (1.0, 4.0, 8.0, 20.0, 45.0, 100.0)  # seconds
JUMPS = (-600.0, -60.0, -3.0, 3.0, 60.0, 600.0)  # seconds
ROUTER_AT_MOST = 60.0


def plan_outages(play: Play, within: float) -> None:
    """Put this play's outages on its agenda."""
    outages: dict[str, Callable[[Play, float], None]] = {
        "router-down": _router_down,
        "ledger-down": lambda play, lasting: _until(play.ledger, "down_until", play, lasting),
        "disk-full": lambda play, lasting: _until(play.ledger, "full_until", play, lasting),
        "orchestrator-down": lambda play, lasting: _until(play.orchestrator, "down_until", play, lasting),
        "clock-jumps": _clock_jumps,
        "green-dies": lambda play, _: _dies(play, "v2", "green-dies"),
        "blue-dies": _blue_dies,
        **{name: partial(_troubles, name) for name in METRICS},
    }
    for name, begins in outages.items():
        for at, lasting in _drawn(play, name, within):
            play.line.at(at, partial(begins, play, lasting))


def _drawn(play: Play, name: str, within: float) -> Iterator[tuple[float, float]]:
    if play.weather.has(name):
        for _ in range(play.random.choice((1, 2, 3))):
            yield play.random.uniform(0.0, within), play.random.choice(LASTING)


def calm_down(play: Play) -> None:
    """From now on nothing fails any more."""
    play.weather.over = True
    play.trouble = None
    play.ledger.down_until = play.ledger.full_until = play.orchestrator.down_until = 0.0
    for router in play.routers.values():
        router.down_until = 0.0
    _revive_blue(play)


def _until(what: object, name: str, play: Play, lasting: float) -> None:
    setattr(what, name, play.line.t + lasting)


def _router_down(play: Play, lasting: float) -> None:
    router = play.random.choice(list(play.routers.values()))
    router.down_until = play.line.t + min(lasting, ROUTER_AT_MOST)


def _clock_jumps(play: Play, _: float) -> None:
    if play.weather.over:
        return
    seconds = play.random.choice(JUMPS)
    play.line.jumped += seconds
    play.weather.fired["clock-jumps"] += 1
    play.tell(f"the wall clock jumps by {seconds:.0f} s")


def _troubles(name: str, play: Play, lasting: float) -> None:
    def better() -> None:
        if play.trouble == name:
            play.trouble = None

    play.trouble = name
    play.tell(f"{name} for {lasting:.0f} s")
    play.line.after(lasting, better)


def _blue_dies(play: Play, lasting: float) -> None:
    _dies(play, BLUE.name, "blue-dies")
    play.line.after(lasting, partial(_revive_blue, play))


def _dies(play: Play, version: str, name: str) -> None:
    component = play.random.choice(list(play.platforms))
    side = f"{component}-{version}"
    running = play.platforms[component].running.get(side)
    if running is None or running.removed or play.weather.over:
        return
    running.dead = play.random.choice((1, running.wanted))
    play.died[side] = play.line.t
    play.weather.fired[name] += 1
    play.tell(f"{running.dead} instances of {side} die")


def _revive_blue(play: Play) -> None:
    for platform in play.platforms.values():
        for name, running in platform.running.items():
            if name.endswith(f"-{BLUE.name}"):
                running.dead = 0
