"""What must hold at the end of a play, once its faults have stopped and everybody has had time."""

from __future__ import annotations

from tidegate.ledger import Kind, ReleaseRow
from tidegate.simulation.play import Play
from tidegate.slots import unanswered
from tidegate.story import State, Story

WENT_BACK = frozenset({State.ROLLED_BACK, State.ABORTED})
LATE = 90.0  # seconds within which the watch must have seen that a version is bad


def story_of(play: Play, release: str) -> Story:
    """The truth about a release, folded as its chain grows."""
    story = play.stories.setdefault(release, Story())
    story.since(play.ledger.chain_of(release)[story.seq :])
    return story


def judge_end(play: Play) -> None:
    """Violation when a release did not end, ended wrongly, or left something behind."""
    for row in play.rows():
        story = story_of(play, row.id)
        if not story.over:
            play.witness.fail("I15", f"{row.id} is still {story.state} at {play.line.t:.0f} s")
        if row.active:
            play.witness.fail("I20", f"{row.id} is {story.state} and still holds its system")
        if story.state in WENT_BACK:
            _went_back(play, row, story)
        if story.state is State.PROMOTED:
            _promoted(play, row)
        _chain(play, row)


def _went_back(play: Play, row: ReleaseRow, story: Story) -> None:
    left = [c for c, r in play.routers.items() if r.seen.mark and r.seen.mark.release == row.id and r.seen.weight > 0]
    if left:
        play.witness.fail("I20", f"{row.id} is {story.state}, and {left} carry its green")
    if row.version == "v2" and play.versions[row.version].good and not play.weather.excused:
        why = story.down.why if story.down else ""
        if why.startswith("half-way limit"):
            return  # the witness has seen that it had passed
        play.witness.fail("I21", f"{row.id} is good, nothing said no, and it is {story.state}: {why}")


def _promoted(play: Play, row: ReleaseRow) -> None:
    bad = [c for (c, s), t in play.bad_since.items() if s == f"{c}-{row.version}" and t < play.line.t - LATE]
    if bad and not play.versions[row.version].good:
        play.witness.fail("I21", f"{row.id} is bad ({play.versions[row.version]}) and still promoted")
    foreign = [c for c, r in play.routers.items() if r.seen.mark and r.seen.mark.release not in ("", row.id)]
    if len(foreign) == len(play.routers):
        play.witness.fail("I14", f"{row.id} is told to be promoted, and every route belongs to another release")


def _chain(play: Play, row: ReleaseRow) -> None:
    slots = [entry.key for entry in play.ledger.chain_of(row.id) if entry.kind is Kind.SLOT]
    if len(slots) != len(set(slots)):
        play.witness.fail("I26", f"a slot of {row.id} has two outcomes")
    silent = unanswered(story_of(play, row.id))
    if silent and row.id not in play.left:
        play.witness.fail("I26", f"{row.id} has ended, and its slots {', '.join(silent)} have no outcome")
    if play.ledger.audit(row.id) is not None:
        play.witness.fail("I23", f"the chain of {row.id} does not hold")
