"""
When the answers given so far decide a question: several people, and somebody other than who asked for the release.

One no (or park) decides at once. Yes counts once a name, however often it is said; names are compared without case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.language.people import Approval


@dataclass(frozen=True, slots=True)
class Given:
    """One answer whose giver may give it."""

    decision: str  # approve, reject or park
    approver: str
    note: str = ""
    plan: str = ""
    proved: bool = False


def decided(approval: Approval | None, requester: str, given: Sequence[Given]) -> Given | None:
    """The one answer that they make together; None while a yes is missing."""
    no = next((one for one in given if one.decision != "approve"), None)
    if no is not None or not given:
        return no
    if missing(approval, requester, given):
        return None
    first = {_same(one.approver): one for one in reversed(given)}
    yes = sorted(first.values(), key=given.index)
    plan = next((one.plan for one in reversed(yes) if one.plan), "")
    note = "; ".join(one.note for one in yes if one.note.strip(" -")) or yes[0].note
    return Given("approve", ", ".join(one.approver for one in yes), note, plan, all(one.proved for one in yes))


def missing(approval: Approval | None, requester: str, given: Sequence[Given]) -> str:
    """What a yes still needs, as people read it; "" when nothing."""
    if approval is None:
        return "" if given else "an answer"
    names = {_same(one.approver) for one in given if one.decision == "approve"}
    lacking = approval.people - len(names)
    alone = approval.requester == "not-alone" and names <= {_same(requester)}
    if lacking > 0:
        said = ", ".join(dict.fromkeys(one.approver for one in given))
        more = f"{lacking} more of {approval.people} people" if given else f"{approval.people} people"
        return f"{more}{f' ({said} said yes)' if said else ''}{f', not {requester} alone' if alone else ''}"
    return f"somebody other than {requester}, who asked for the release" if alone else ""


def _same(name: str) -> str:
    """`Kim (unproved)` and `kim` are one."""
    return " ".join(name.partition("(")[0].split()).casefold()
