"""
An approval: the run suspends under a numbered key, a person resumes it by its form, the content decides.

Resumed is not approved: a recorded verdict, then a stored answer, win over asking again; a key that was asked without
an answer is skipped (docs/prefect.md 3). No field of the form has a default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from string import Template
from typing import Annotated, Any, Literal

from prefect import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from pydantic import ConfigDict, Field, create_model

from tasks.session import Session
from tidegate.actions import AskApproval
from tidegate.approving import Given, decided, missing
from tidegate.attempt import Attempt
from tidegate.events import Answered, Event
from tidegate.finalizing import KEEP
from tidegate.identity import Unproved
from tidegate.language.people import Approval
from tidegate.ports import Identities
from tidegate.report.approval import approval_text
from tidegate.spec import Spec

IDENTITIES: Identities = Unproved()
TRIES = 20
LATE = timedelta(seconds=60)  # an answer made in time counts: expiry is decided this long after (design 2.3)


def ask_approval(session: Session, attempt: Attempt, action: AskApproval) -> Event:
    """The recorded answer, or no return: the run suspends and its process ends."""
    run_id, given = str(flow_run.id), list[Given]()
    approval, requester = _approval(attempt.world.spec, action.name), attempt.story.requester
    for n in range(1, TRIES + 1):
        key = suspend_key(attempt.row.id, action, n)
        stored = session.runs.run_input(run_id, f"suspended-{key}-response")
        if stored is not None:
            answer = weighed(attempt, action, stored)
            given += [answer] if answer is not None else []
            whole = decided(approval, requester, given)
            if whole is not None:
                return attempt.end(action, _event(attempt, action, whole))
            continue
        if action.key in attempt.refresh().expired:
            break
        if session.runs.run_input(run_id, f"suspended-{key}-schema") is not None:
            continue  # asked, and left without an answer: forced or crashed
        if not _left(attempt, action):
            break
        _suspend(session, attempt, action, key, run_id, missing(approval, requester, given))
    return attempt.end(action, _event(attempt, action, Given("expired", "nobody")))


def suspend_key(release: str, action: AskApproval, n: int) -> str:
    """Lower case letters, digits and dashes, as Prefect wants keys."""
    asked_again = f"-again{action.place.attempt}" if action.place.attempt > 1 else ""
    told = f"{release}-{action.place.step}-{action.name}-leg{action.place.leg}{asked_again}-{n}"
    return re.sub(r"[^a-z0-9]+", "-", told.lower()).strip("-")


def _left(attempt: Attempt, action: AskApproval) -> timedelta | None:
    """Time until the question's deadline; None when it has passed. The deadline runs from the first asking."""
    question = attempt.story.questions.get(action.key)
    left = question.deadline - attempt.ledger.now() if question else action.deadline
    return left if left > timedelta(0) else None


def _suspend(session: Session, attempt: Attempt, action: AskApproval, key: str, run_id: str, lacking: str = "") -> None:
    deadline = attempt.ledger.now() + action.deadline
    question = attempt.story.questions.get(action.key)
    if question is not None:
        deadline = question.deadline
    body = {
        "question": {
            "gate": action.name,
            "suspend_key": key,
            "deadline": deadline.isoformat(),
            "on_expiry": action.on_expiry,
            "traffic": action.traffic,
            "run_id": run_id,
        }
    }
    attempt.begin(action, body)
    text = description(session, attempt, action, deadline)
    attempt.ledger.give_back(attempt.lease)
    wait = (deadline - attempt.ledger.now()) + LATE + timedelta(hours=1)  # Prefect's own end comes after ours
    suspend_flow_run(
        wait_for_input=form(attempt.world.spec, action, lacking).with_initial_data(description=text),
        key=key,
        timeout=max(60, int(wait.total_seconds())),
    )


def description(session: Session, attempt: Attempt, action: AskApproval, deadline: datetime) -> str:
    """The Markdown above the form: the facts, and what yes, no and silence do."""
    row, ledger = attempt.row, attempt.ledger
    look = ledger.look(row.id)
    return approval_text(
        spec=attempt.world.spec,
        entries=ledger.entries(row.id),
        readings=ledger.readings(row.id),
        look=look.row if look else None,
        gate=action.name,
        deadline=deadline,
        on_expiry=action.on_expiry,
        traffic=action.traffic,
        beyond=action.beyond,
        links=session.links(str(flow_run.id)) | pages(attempt.world.spec, session.installation.values),
        by_hand={name: part.router.by_hand() for name, part in attempt.world.parts.items()},
    )


def pages(spec: Spec, values: Mapping[str, str]) -> dict[str, str]:
    """The spec's own dashboards: name -> address; one that this installation has no address for is left out."""
    found = {one.name: Template(one.url).safe_substitute(values) for one in spec.dashboards if one.url}
    return {name: url for name, url in found.items() if "${" not in url}


def form(spec: Spec, action: AskApproval, lacking: str = "") -> type[RunInput]:
    """
    The gate's own typed form: decision, name, note, and a plan where one can be chosen. No defaults anywhere.

    `lacking` is what a yes still needs where one is not enough.
    """
    may_park = action.traffic and action.name != "leave-park" and action.beyond is None
    choices = ("approve", "reject", "park") if may_park else ("approve", "reject")
    no = "all traffic goes back" if action.traffic else "it ends without traffic"
    yes = "the release goes on"
    if action.on_expiry == KEEP:
        yes, no = "the old version is removed", "it is kept, and you are asked again in a day"
    if action.beyond is not None:
        no = f"the weight stays, and it is asked again ({action.beyond}); to go back, type `tidegate rollback`"
    told = f"**approve**: {yes} · **reject**: {no}"
    told += " · **park**: 0 %, and the new version keeps running" if may_park else ""
    fields: dict[str, Any] = {
        "decision": (Literal[choices], Field(description=told, title="Decision")),
        "approver": (
            Annotated[str, Field(min_length=2, max_length=60, pattern=r"\S.*\S")],
            Field(description="Who you are; stands in the report" + _several(spec, action, lacking), title="Your name"),
        ),
        "note": (
            Annotated[str, Field(min_length=1, max_length=500)],
            Field(description="Why, or a dash; stands in the report", title="Note"),
        ),
    }
    chooses = {spec.readiness, "leave-park", *(one.name for one in spec.approvals if one.choose_plan)}
    if len(spec.plans) > 1 and action.name in chooses and (action.name == "leave-park" or not action.traffic):
        plans = tuple(spec.plans)
        fields["plan"] = (Literal[plans], Field(description=_plans(spec), title="Traffic plan"))
    made: type[RunInput] = create_model("Approval", __base__=_Form, **fields)
    return made


def _several(spec: Spec, action: AskApproval, lacking: str) -> str:
    """` · a yes needs 2 people`; "" where one person decides, whoever it is."""
    approval = _approval(spec, action.name)
    alone = approval is None or (approval.people == 1 and approval.requester != "not-alone")
    return "" if alone or not lacking else f" · a yes needs {lacking}"


def _approval(spec: Spec, gate: str) -> Approval | None:
    """The spec's own question; None for one of ours, such as `leave-park`."""
    return next((one for one in spec.approvals if one.name == gate), None)


def _plans(spec: Spec) -> str:
    """`**canary** (the spec's active one): 5, 25, 50, 100 % · **halves**: 50, 100 %`."""
    told = []
    for name, plan in spec.plans.items():
        active = " (the spec's active one)" if name == spec.plan else ""
        told.append(f"**{name}**{active}: {', '.join(str(step.weight) for step in plan.steps)} %")
    return " · ".join(told)


class _Form(RunInput):
    model_config = ConfigDict(extra="forbid")


def weighed(attempt: Attempt, action: AskApproval, stored: Mapping[str, Any]) -> Given | None:
    """A stored answer's content; None when it does not count (noted), and the question is asked again."""
    decision, approver = str(stored.get("decision", "")), str(stored.get("approver", "")).strip()
    allowed = _allowed(attempt, action.name)
    problem = ""
    if decision not in ("approve", "reject", "park"):
        problem = f"decision {decision!r}"
    elif len(approver) < 2:
        problem = "no name"
    elif allowed and approver not in allowed:
        problem = f"{approver} may not answer; {', '.join(allowed)} may"
    if problem:
        attempt.note("answer-refused", {"gate": action.name, "why": problem})
        return None
    note, plan = str(stored.get("note", "")), str(stored.get("plan", ""))
    proved = IDENTITIES.proved(approver, action.name, attempt.row.id, stored)
    return Given(decision, approver, note, plan, proved)


def _allowed(attempt: Attempt, gate: str) -> tuple[str, ...]:
    approval = _approval(attempt.world.spec, gate)
    return approval.approvers if approval is not None else ()


def _event(attempt: Attempt, action: AskApproval, given: Given) -> Answered:
    told = {"gate": action.name, "decision": given.decision, "approver": given.approver, "note": given.note,
            "plan": given.plan, "proved": given.proved}  # fmt: skip
    return Answered.model_validate({"at": attempt.ledger.now(), **told})
