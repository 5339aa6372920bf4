"""`tidegate approve`, `reject`, `park`: the answer to an open question, given as Prefect's own form would give it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit, UsageError
from tidegate.cli.rollback import user
from tidegate.cli.table import Command
from tidegate.errors import Refused

if TYPE_CHECKING:
    from blocks.prefect_runs import PrefectRuns
    from tidegate.cli.opened import Opened
    from tidegate.ledger import ReleaseRow
    from tidegate.story import Question, Story

ACTS_IN = timedelta(seconds=10)  # a new flow process needs 3 to 8 to start
THEN = {"approve": "the release goes on", "park": "all traffic goes back, the new version keeps running"}


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", help="a system, or a release's id (system/version/n)")
    parser.add_argument("gate", nargs="?", help="which approval, when several are open")
    parser.add_argument("--name", default=user(), help="who you are; stands in the report (default: %(default)s)")
    parser.add_argument("--note", help="why; stands in the report")


def _approve_arguments(parser: ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument("--plan", help="the traffic plan, where one can be chosen (default: the spec's)")


def _approve(arguments: Namespace) -> Exit:
    return _answer(arguments, "approve")


def _reject(arguments: Namespace) -> Exit:
    if not (arguments.note or "").strip():
        raise UsageError("a rejection needs a reason", "tidegate reject SYSTEM --note 'why'")
    return _answer(arguments, "reject")


def _park(arguments: Namespace) -> Exit:
    return _answer(arguments, "park")


def _answer(arguments: Namespace, decision: str) -> Exit:
    named = arguments.system
    if named is None or "/" not in named:
        named = here.the_system(named)
    if len(arguments.name.strip()) < 2:
        raise UsageError("an answer needs a name of at least two letters", "tidegate approve SYSTEM --name NAME")
    from tidegate.cli.opened import Opened

    opened = Opened.here()
    row, story = _release(opened, named)
    question = _question(story, row, arguments.gate)
    _still_open(opened, story, question)
    runs = opened.runs()
    form = _form(runs, question)
    answer = _filled(story, form, decision, arguments)
    _may_answer(story, question, arguments.name)
    refused = runs.resume(question.run_id, answer)
    if refused:
        raise Refused(
            f"Prefect did not take the answer to {question.gate!r}: {refused}", f"see {opened.run_link(row.run_id)}"
        )
    return _said(arguments, opened, row, question, decision)


# -- which question, and whether it is still one -----------------------------------------------------------------------


def _release(opened: Opened, named: str) -> tuple[ReleaseRow, Story]:
    """The release with an open question, else the one that the name means."""
    rows = [opened.row(named)] if "/" in named else [row for row in opened.ledger.releases(named) if not row.over]
    for row in rows:
        story = opened.story(row.id)
        if story.questions:
            return row, story
    row = opened.row(named)
    return row, opened.story(row.id)


def _question(story: Story, row: ReleaseRow, gate: str | None) -> Question:
    asked = [question for question in story.questions.values() if gate in (None, question.gate)]
    if len(asked) > 1:
        names = ", ".join(question.gate for question in asked)
        raise UsageError(f"{row.id} asks several things: {names}", f"tidegate approve {row.system} GATE")
    if asked:
        return asked[0]
    answered = [
        body for body in story.answers.values() if body.get("event") == "answered" and gate in (None, body["gate"])
    ]
    if answered and not story.questions:
        last = answered[-1]
        what = f"approval {last['gate']} was answered already: {last['approver']} said {last['decision']}"
        raise Refused(f"{row.id} asks nothing now; {what}", f"see tidegate status {row.system}")
    open_ones = ", ".join(question.gate for question in story.questions.values()) or "nothing"
    what = f"approval {gate!r}" if gate else "anything"
    raise Refused(
        f"{row.id} does not ask for {what} now (it is {story.state}; open: {open_ones})",
        f"see tidegate status {row.system}",
    )


def _still_open(opened: Opened, story: Story, question: Question) -> None:
    """An answer that was noted, or a deadline that has passed, ends a question."""
    since = story.open[question.key].seq
    for note in story.notes:
        if note.key == "answer-noted" and note.seq > since and note.body.get("gate") == question.gate:
            raise _answered_already(question, note.body, f" at {note.at.astimezone():%H:%M:%S}")
    if question.key in story.expired or opened.ledger.now() >= question.deadline:
        at = question.deadline.astimezone()
        raise Refused(
            f"approval {question.gate} expired at {at:%Y-%m-%d %H:%M:%S}; an answer does not count any more",
            f"nobody's answer means: {question.on_expiry}",
        )


def _answered_already(question: Question, answer: Mapping[str, Any], at: str = "") -> Refused:
    who, said = answer.get("approver") or "somebody", answer.get("decision")
    return Refused(
        f"approval {question.gate} was answered already{at}: {who} said {said}", "the release acts on it in seconds"
    )


def _form(runs: PrefectRuns, question: Question) -> Mapping[str, Any]:
    """The fields that Prefect's form has for this question; refused when it was answered there."""
    stored = runs.run_input(question.run_id, f"suspended-{question.suspend_key}-response")
    if stored is not None:
        raise _answered_already(question, stored)
    schema = runs.run_input(question.run_id, f"suspended-{question.suspend_key}-schema")
    if schema is None:
        raise Refused(f"approval {question.gate}: its run does not wait yet", "try again in a second")
    fields: Mapping[str, Any] = schema.get("properties", {})
    return fields


def _may_answer(story: Story, question: Question, name: str) -> None:
    from tidegate.cli.opened import frozen_spec

    spec = frozen_spec(story.opened)
    allowed = next((asked.approvers for asked in spec.approvals if asked.name == question.gate), ())
    if allowed and name not in allowed:
        raise Refused(f"{name} may not answer {question.gate}; {', '.join(allowed)} may", "--name says who you are")


def _filled(story: Story, form: Mapping[str, Any], decision: str, arguments: Namespace) -> dict[str, Any]:
    """The answer as the form wants it; what the form does not offer is refused."""
    choices = _choices(form.get("decision", {}))
    if choices and decision not in choices:
        raise Refused(f"this question cannot be answered with {decision}", f"it takes: {', '.join(choices)}")
    answer = {"decision": decision, "approver": arguments.name, "note": arguments.note or "-"}
    wanted = getattr(arguments, "plan", None)
    if "plan" not in form:
        if wanted:
            raise Refused("no traffic plan can be chosen at this question", "leave out --plan")
        return answer
    plans = _choices(form["plan"])
    if wanted and wanted not in plans:
        here.unknown("plan", wanted, plans)
    return {**answer, "plan": wanted or _default_plan(story)}


def _default_plan(story: Story) -> str:
    from tidegate.cli.opened import frozen_spec

    asked = (story.opened.get("request") or {}).get("plan")
    return str(asked or frozen_spec(story.opened).plan)


def _choices(field: Mapping[str, Any]) -> list[str]:
    """What a field of a JSON schema allows."""
    return [str(one) for one in field.get("enum", [field["const"]] if "const" in field else [])]


def _said(arguments: Namespace, opened: Opened, row: ReleaseRow, question: Question, decision: str) -> Exit:
    now = datetime.now(UTC)
    then = THEN.get(decision) or ("all traffic goes back" if question.traffic else "the release ends without traffic")
    if arguments.json:
        told = {"release": row.id, "gate": question.gate, "approver": arguments.name, "proved": False}
        link = opened.run_link(question.run_id)
        terminal.give(decision, {**told, "noted_at": now, "acts_by": now + ACTS_IN, "link": link})
        return Exit.DONE
    who = f"{arguments.name} (identity unproved)"
    terminal.say(f"Noted at {now.astimezone():%H:%M:%S}: {who} says {decision} to {question.gate} of {row.id}.")
    terminal.say(f"By {(now + ACTS_IN).astimezone():%H:%M:%S} {then}. Next: tidegate status {row.system} --watch")
    return Exit.DONE


COMMANDS = {
    "approve": Command(
        examples=(
            ("tidegate approve shop", "yes to the one question that is open"),
            (
                "tidegate approve shop go --plan halves --note 'all ready'",
                "yes to `go`, by another traffic plan, with a note",
            ),
        ),
        arguments=_approve_arguments,
        run=_approve,
        more="Refused when nothing is asked, when it was answered already, or when its deadline has passed.",
    ),
    "reject": Command(
        examples=(
            (
                "tidegate reject shop --note 'the migration is not reviewed'",
                "no, with the reason that the report shows",
            ),
            ("tidegate reject shop half --name kim --note 'too slow'", "no to the approval `half`, as kim"),
        ),
        arguments=_arguments,
        run=_reject,
        more="Before traffic the release ends; with traffic all of it goes back.",
    ),
    "park": Command(
        examples=(
            ("tidegate park shop --note 'wait for the database team'", "0 % for the new version, which keeps running"),
            ("tidegate park shop half", "the same, at the approval `half`"),
        ),
        arguments=_arguments,
        run=_park,
        more="Leaving the park is a question of its own, and begins again at the first step.",
    ),
}
