"""`tidegate release`: start a release as Prefect's form would, and follow it if asked to."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit, UsageError
from tidegate.cli.rollback import user
from tidegate.cli.table import Command
from tidegate.errors import AlreadyReleasing, ReleaseRefused, TidegateError

if TYPE_CHECKING:
    from blocks.prefect_runs import PrefectRuns
    from tidegate.cli.opened import Opened
    from tidegate.ledger import ReleaseRow

BEGINS_WITHIN = 60.0  # seconds until a started run has opened its release; a runner takes 3 to 10
BEGUN_SHOWN = 20.0  # seconds that a start without --wait stays for it
ASK_AGAIN = 1.0  # seconds


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", help="which system")
    parser.add_argument("version", help="the version to take to production")
    parser.add_argument("--reason", default="regular release", help="why now; stands in the report")
    parser.add_argument("--plan", help="a named traffic plan of the spec (default: the active one)")
    parser.add_argument(
        "--stop-after", type=int, metavar="PERCENT", help="rest after this weight; a later run continues"
    )
    parser.add_argument(
        "--kind", default="regular", choices=("regular", "hotfix", "major"), help="class of the release"
    )
    parser.add_argument("--name", default=user(), help="who asks for it (default: %(default)s)")
    parser.add_argument(
        "--wait",
        nargs="?",
        const="end",
        choices=("end", "person"),
        help="follow it to its end, or (person) until somebody has to answer; the exit code says how it ended",
    )
    parser.add_argument("--override", metavar="WHY", default="", help="start although a lock after a rollback stands")
    parser.add_argument("--queue", metavar="DURATION", help="wait so long for a release that is under way, e.g. 30m")


def _run(arguments: Namespace) -> Exit:
    system = here.the_system(arguments.system)
    from tidegate.cli.opened import Opened

    opened = Opened.here()
    request = _request(arguments)
    _can_be_released(opened, system, arguments)
    runs = opened.runs()
    _wait_for_turn(opened, system, arguments)
    for freeze in opened.ledger.freezes(system):
        terminal.tell(
            f"{freeze.who} froze {system} until {freeze.until.astimezone():%H:%M} ({freeze.why}): nothing rises before."
        )
    tags = ["tidegate", f"system:{system}"]
    run_id = runs.start("release", system, {"request": request}, tags=tags)
    link = opened.run_link(run_id)
    if not arguments.json or arguments.wait:
        (terminal.tell if arguments.json else terminal.say)(f"{system} {arguments.version} has been asked for: {link}")
    if arguments.wait is None:
        return _say_begun(arguments, opened, runs, system, run_id)
    return _follow(arguments, opened, runs, system, run_id)


def _request(arguments: Namespace) -> dict[str, Any]:
    """The form's values, checked as the form checks them."""
    from pydantic import ValidationError

    from tidegate.requests import ReleaseRequest

    try:
        asked = ReleaseRequest(
            version=arguments.version,
            reason=arguments.reason,
            kind=arguments.kind,
            plan=arguments.plan,
            stop_after=arguments.stop_after,
            requester=arguments.name,
            override=arguments.override,
        )
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise UsageError(f"{first['loc'][0]}: {first['msg']}", "tidegate release --help") from None
    return asked.model_dump(mode="json")


def _can_be_released(opened: Opened, system: str, arguments: Namespace) -> None:
    """The flow would refuse the same; here it is said before anything is started."""
    from blocks.built_connectors import refuse_what_is_missing
    from tidegate.cli.opened import spec_of
    from tidegate.locks import refuse_locked

    path = opened.installation.spec_file(system)
    spec = spec_of(path.read_bytes(), str(path))
    if arguments.plan is not None and arguments.plan not in spec.plans:
        here.unknown("plan", arguments.plan, sorted(spec.plans))
    refuse_what_is_missing(spec, str(path))
    stories = (opened.story(row.id) for row in opened.ledger.releases(system)[:10])
    refuse_locked(spec, stories, opened.ledger.now(), arguments.override, arguments.name)


# -- one release a system ----------------------------------------------------------------------------------------------


def _wait_for_turn(opened: Opened, system: str, arguments: Namespace) -> None:
    """AlreadyReleasing at once, or once `--queue` has passed."""
    from tidegate.quantities import duration, spoken

    try:
        patience = duration(arguments.queue) if arguments.queue else timedelta(0)
    except ValueError as wrong:
        raise UsageError(f"--queue: {wrong}") from None
    until, said = time.monotonic() + patience.total_seconds(), 0.0
    while (holder := _in_the_way(opened, system, arguments.version)) is not None:
        left = until - time.monotonic()
        if left <= 0:
            raise AlreadyReleasing(_who_holds(opened, holder), _ways_out(holder))
        if time.monotonic() - said >= 10:
            terminal.tell(f"{_who_holds(opened, holder)}; waiting, {spoken(timedelta(seconds=round(left)))} left")
            said = time.monotonic()
        time.sleep(min(ASK_AGAIN, max(left, 0.05)))


def _in_the_way(opened: Opened, system: str, version: str) -> ReleaseRow | None:
    """The release that keeps this one from starting; a resting one of the same version is continued instead."""
    rows = opened.ledger.releases(system)
    same = next((row for row in rows if row.version == version and not row.over), None)
    active = next((row for row in rows if row.active), same)
    if active is not None and active.version == version and opened.story(active.id).resting_since is not None:
        return None
    return active


def _who_holds(opened: Opened, row: ReleaseRow) -> str:
    story = opened.story(row.id)
    why = (story.opened.get("request") or {}).get("reason") or "no reason given"
    since = f"{row.opened_at.astimezone():%Y-%m-%d %H:%M}"
    state = f"it is {story.state}" + (", and waits for people" if story.questions else "")
    return (
        f"{row.system} is busy: {row.id} since {since}, started by {story.requester or 'nobody named'} ({why}); {state}"
    )


def _ways_out(row: ReleaseRow) -> str:
    return (
        f"watch it: tidegate status {row.system} --watch · end it: tidegate rollback {row.system} · "
        f"wait for it: tidegate release {row.system} VERSION --queue 30m"
    )


# -- following ---------------------------------------------------------------------------------------------------------


def _follow(arguments: Namespace, opened: Opened, runs: PrefectRuns, system: str, run_id: str) -> Exit:
    from tidegate.cli.following import follow

    say = terminal.tell if arguments.json else terminal.say
    release, after = _opened_by(opened, runs, system, run_id)
    terminal.tell(f"Following {release}; Ctrl-C leaves it running.")
    code = follow(opened, release, say, after=after, until_person=arguments.wait == "person")
    story = opened.story(release)
    why = story.down.why if story.down else ""
    if arguments.json:
        told = {
            "system": system,
            "release": release,
            "run": run_id,
            "state": story.state,
            "why": why,
            "exit": int(code),
        }
        terminal.give("release", told)
    elif code is Exit.WAITING:
        gates = ", ".join(question.gate for question in story.questions.values())
        terminal.say(f"It waits for people ({gates}): tidegate approve {system}")
    return code


def _opened_by(
    opened: Opened, runs: PrefectRuns, system: str, run_id: str, within: float = BEGINS_WITHIN
) -> tuple[str, int]:
    """The release that the run has opened or continues, and the entry from which on it is ours to tell."""
    until, known = time.monotonic() + within, {row.id: row for row in opened.ledger.releases(system)}
    while time.monotonic() < until:
        row = next((row for row in opened.ledger.releases(system) if row.run_id == run_id), None)
        if row is not None:
            return row.id, opened.ledger.seq(row.id) if row.id in known else 0
        _refused_by_its_run(runs, run_id)
        time.sleep(ASK_AGAIN / 2)
    raise TidegateError(
        f"the run has not begun within {within:.0f} s",
        f"does something take runs here? tidegate doctor; the run: {opened.run_link(run_id)}",
    )


def _refused_by_its_run(runs: PrefectRuns, run_id: str) -> None:
    """A run that ended before it opened a release says why in its state."""
    found = runs.call("GET", f"/flow_runs/{run_id}", missing_is_none=True)
    state = (found or {}).get("state") or {}
    if state.get("type") in ("FAILED", "CRASHED", "CANCELLED"):
        raise ReleaseRefused(f"{state.get('name')}: {state.get('message') or 'no reason given'}", "nothing was touched")


def _say_begun(arguments: Namespace, opened: Opened, runs: PrefectRuns, system: str, run_id: str) -> Exit:
    """The release's id, which also means that its run was not refused; or that nobody has taken the run yet."""
    try:
        release, _ = _opened_by(opened, runs, system, run_id, within=BEGUN_SHOWN)
    except TidegateError as slow:
        if isinstance(slow, ReleaseRefused):
            raise
        release = ""
    if arguments.json:
        told = {"system": system, "version": arguments.version, "run": run_id, "link": opened.run_link(run_id)}
        terminal.give("release", {**told, "release": release})
    elif release:
        terminal.say(f"It has begun as {release}. Next: tidegate status {system} --watch")
    else:
        terminal.say("Nothing has taken its run yet; it begins when something does. Next: tidegate doctor")
    return Exit.DONE


COMMANDS = {
    "release": Command(
        examples=(
            ("tidegate release shop 2.0 --reason 'new checkout'", "start it, print the link to its run, and come back"),
            ("tidegate release shop 2.0 --wait", "follow it; the exit code says promoted, rolled back or aborted"),
        ),
        arguments=_arguments,
        run=_run,
        more="It pauses where a person must decide, and shuts by itself when the new version is worse.",
    )
}
