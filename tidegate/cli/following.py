"""Follow a release to its end by its chain: `release --wait`, and `status --watch` where nothing can be redrawn."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tidegate.cli.exits import Exit
from tidegate.errors import LedgerUnavailable

if TYPE_CHECKING:
    from tidegate.cli.opened import Opened
    from tidegate.story import Story

EVERY = 0.5  # seconds between two readings of the chain


def end_of(story: Story) -> Exit | None:
    """How a release has ended; None while it has not."""
    from tidegate.story import State

    match story.state:
        case State.ROLLED_BACK:
            return Exit.ROLLED_BACK
        case State.ABORTED:
            return Exit.ABORTED
        case State.PROMOTED | State.SUPERSEDED | State.FINALIZED | State.CLOSED:
            return Exit.DONE
        case _:
            return Exit.DONE if story.resting_since and not story.down else None


def follow(
    opened: Opened,
    release: str,
    say: Callable[[str], None],
    *,
    after: int = 0,
    until_person: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> Exit:
    """
    One dated line for each entry until the release ends; its exit code.

    A ledger that does not answer for a moment is said once and asked again: the release does not depend on us. With
    `until_person` an open question ends it, too.
    """
    from tidegate.cli.happenings import line_of, said_before
    from tidegate.cli.terminal import dated
    from tidegate.story import Story

    story, silent = Story(), False
    story.since(opened.ledger.entries(release))
    for entry in opened.ledger.entries(release, after=after):
        if (line := line_of(entry)) and not said_before(entry, story.expired):
            say(dated(line, entry.at))
    while True:
        if (end := end_of(story)) is not None:
            return end
        if until_person and story.questions:
            return Exit.WAITING
        pause(EVERY)
        try:
            fresh = opened.ledger.entries(release, after=story.seq)
        except LedgerUnavailable as why:
            if not silent:
                say(dated(f"the ledger does not answer ({why}); asking again, the release goes on"))
            silent = True
            continue
        silent = False
        for entry in fresh:
            story.add(entry)
            if (line := line_of(entry)) and not said_before(entry, story.expired):
                say(dated(line, entry.at))
