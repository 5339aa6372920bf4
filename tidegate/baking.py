"""A bake, carried out through ports: wait for the watch's verdict; the watch counts the time, this process does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain, repeat
from typing import Any

from tidegate import actions as do
from tidegate import events as ev
from tidegate.attempt import Attempt
from tidegate.errors import Fenced
from tidegate.ports import Verdict
from tidegate.shifting import bake_id

Progress = Callable[[Mapping[str, Any]], None]
LOOK_AGAIN = (0.02, 0.05, 0.1, 0.2)  # seconds between readings of the watch's row; the last one repeats


def silent(_: Mapping[str, Any]) -> None:
    """Nobody watches the progress."""


def bake(attempt: Attempt, action: do.Bake, progress: Progress = silent) -> ev.Event:
    """
    Wait for the watch's verdict on this step; the watch counts the bake's time, this process does not.

    Ends with PASS, or with FAIL once a Down stands. Without any look for `hold.deadline` it says INCONCLUSIVE itself,
    and the plan lowers; behind a point of no return, where nobody could, it goes on waiting.
    """
    world, clock = attempt.world, attempt.world.clock
    named = bake_id(action.place, action.name)
    body = {"bake": {"id": named, "seconds": action.lasting.total_seconds(), "weight": action.weight}}
    intent = attempt.begin(action, body)
    patience, silent_since, last = world.spec.hold.deadline.total_seconds(), clock.elapsed(), -1.0
    pauses = chain(LOOK_AGAIN, repeat(LOOK_AGAIN[-1]))
    while True:
        found = _baked(attempt, action, named, intent.seq, progress)
        if found is not None:
            return attempt.end(action, found)
        look = world.ledger.look(attempt.row.id)
        if look is not None and look.age < 3 * world.spec.looking.every.total_seconds() + 5 and look.age != last:
            silent_since, last = clock.elapsed(), look.age
        if clock.elapsed() - silent_since >= patience and attempt.story.beyond is None:
            told = f"no look of the watch for {patience:.0f} s"
            return attempt.end(
                action, ev.Baked(at=clock.now(), step=action.name, verdict=Verdict.INCONCLUSIVE, sentence=told)
            )
        clock.sleep(next(pauses))


def _baked(attempt: Attempt, action: do.Bake, named: str, since: int, progress: Progress) -> ev.Baked | None:
    world, story = attempt.world, attempt.refresh()
    if action.key in story.answers:
        raise Fenced(f"another attempt has baked {action.name} % meanwhile")
    look = world.ledger.look(attempt.row.id)
    now = world.clock.now()
    if story.down is not None:
        told = f"{story.down.why} (decided by {story.down.who})"
        detail = dict(look.row.detail) if look else {}
        return ev.Baked(at=now, step=action.name, verdict=Verdict.FAIL, sentence=told, detail=detail)
    if look is None:
        return None
    progress(
        {**look.row.detail, "verdict": look.row.verdict, "sentence": look.row.sentence, "weights": look.row.weights}
    )
    if look.current and look.row.seq >= since and look.row.step == named and not look.row.against:
        return ev.Baked(
            at=now,
            step=action.name,
            verdict=Verdict.PASS,
            sentence=look.row.sentence,
            detail={**look.row.detail, "weights": dict(look.row.weights)},
        )
    return None
