"""
How the way back by traffic ends: green alone, blue removed (a booked run of its own, under the release's lease).

Where the spec asks first (`cleanup.approval`), nothing is touched before somebody says yes: silence is asked again at
once, a no a day later, and until then blue stays and the way back by traffic with it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tidegate.actions import AskApproval, Close, MakeFinal, Place, RemoveBlue, Tell, WaitUntil, WriteReport
from tidegate.events import Answered, BlueRemoved, Closed, MadeFinal, ReportWritten, Told, Waited
from tidegate.plan import Outcome, Part, ask
from tidegate.plan import Plan as Telling
from tidegate.spec import Spec
from tidegate.story import Question, Story

HERE = Place(plan="finalize")
KEEP = "keep"  # what a no and silence mean: the old version stays
ASKED_AGAIN = timedelta(days=1)  # after a no; a spec's own wait, so compressed time divides it


def finalize(spec: Spec) -> Telling:
    """Every route final first, then every blue: none is removed while any route could still go back."""
    if spec.cleanup.approval is not None:
        yield from allowed(spec, spec.cleanup.approval)
    for component in spec.components:
        yield from ask(MakeFinal(HERE, component), MadeFinal)
    for component in spec.components:
        yield from ask(RemoveBlue(HERE, component), BlueRemoved)
    yield from ask(Close(HERE), Closed)
    yield from ask(Tell(HERE, "closed"), Told)
    yield from ask(WriteReport(HERE, "closed"), ReportWritten)
    return Outcome.FINAL


def allowed(spec: Spec, gate: str) -> Part:
    """Asked until somebody says yes."""
    at = HERE
    while True:
        answer = yield from ask(AskApproval(at, gate, spec.approval(gate).deadline, KEEP), Answered)
        if answer.decision == "approve":
            return
        if answer.decision == "reject":
            yield from ask(WaitUntil(at, "asked again", lasting=asked_again(spec)), Waited)
        at = replace(at, attempt=at.attempt + 1)


def asked_again(spec: Spec) -> timedelta:
    """How long after a no it is asked again."""
    return ASKED_AGAIN / spec.compress


def asks(question: Question) -> bool:
    """Whether this question is asked before the old version is removed, by the run that removes it."""
    return question.on_expiry == KEEP


def kept_on_purpose(spec: Spec, story: Story) -> datetime | None:
    """Until when the old version stays because people are asked, or said no; None where nobody is asked."""
    until = [one.deadline for one in story.questions.values() if asks(one)]
    wait = f"/{HERE.plan}/wait-until/"
    until += [begun.at + asked_again(spec) for key, begun in story.open.items() if wait in key]
    return max(until, default=None)
