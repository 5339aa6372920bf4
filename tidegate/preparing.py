"""How a release is prepared and cleaned up, through ports only: checks, backup, artifact, green, blue."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from math import isfinite
from zoneinfo import ZoneInfo

from tidegate import actions as do
from tidegate import events as ev
from tidegate.attempt import Attempt
from tidegate.errors import ConnectorError, Denied, NotApplied, ReleaseRefused
from tidegate.measuring import measured
from tidegate.ports import CheckResult, PlatformState, Verdict
from tidegate.spec import Spec
from tidegate.story import Story
from tidegate.traffic import Side, Split
from tidegate.world import World

CAPACITY_AGAIN = 0.5  # seconds between two looks at a starting green
HEALTHY_WITHIN = timedelta(seconds=120)


def run_check(world: World, story: Story, action: do.RunCheck) -> ev.Event:
    """One check's answer; our own trouble in asking is an ERROR, never a pass."""
    spec = world.spec.check(action.name)
    began = world.clock.elapsed()
    try:
        about = facts(world, story, action.component, action.place.step) | {"environment": spec.environment or ""}
        result = world.checks[action.name].run(about)
    except ConnectorError as why:
        result = CheckResult(Verdict.ERROR, str(why))
    now = world.clock.now()
    return ev.CheckRun(
        at=now,
        waived=waiver_of(world.spec, action.name, now) if result.verdict is not Verdict.PASS else "",
        name=action.name,
        component=action.component,
        verdict=result.verdict,
        evidence=result.evidence,
        remedy=spec.remedy or result.remedy,
        seconds=round(world.clock.elapsed() - began, 3),
        figures={name: value for name, value in result.figures.items() if isfinite(value)},
    )


def waiver_of(spec: Spec, check: str, now: datetime) -> str:
    """
    The spec's word that this check may fail today, as people read it; "" when there is none, or it is over.

    A waiver counts to the end of its day, in the spec's zone.
    """
    today = now.astimezone(ZoneInfo(spec.timezone)).date()
    for one in spec.waivers:
        if one.check == check and today <= one.expires:
            return f"waived by {one.owner} until {one.expires} ({one.reason})"
    return ""


def facts(world: World, story: Story, component: str, step: str = "") -> dict[str, str]:
    """
    What a check's or an act's templates may name.

    `weight` is that of the step it stands in, else the one that is set; it is no template's, but for connectors.
    """
    here = step.partition("+")[0]
    known = {
        "release": story.release,
        "system": world.spec.system,
        "version": story.release.split("/")[1] if story.release else "",
        "component": component,
        "weight": here if here.isdecimal() else str(story.weight),
    }
    if story.opened_at is not None:
        begun = story.raised_at.get(story.step, story.opened_at)
        known |= {"release_at": story.opened_at.isoformat(), "step_at": begun.isoformat()}  # for connectors, too
        known["date"] = story.opened_at.astimezone(ZoneInfo(world.spec.timezone)).date().isoformat()
    for body in story.answers.values():
        if body.get("event") == "remembered":
            known |= _previous(body["versions"], component)
        if body.get("event") == "green-created" and body["component"] == component:
            known |= {"url": body["urls"][0], "urls": " ".join(body["urls"]), "digest": body["digest"]}
    return known


def _previous(versions: Mapping[str, str], component: str) -> dict[str, str]:
    """The version before: the component's, or the one that all have; nothing where that is not known."""
    found = {versions.get(component, "")} if component else set(versions.values())
    version = found.pop() if len(found) == 1 else ""
    return {"previous": version} if version else {}


def perform_act(attempt: Attempt, action: do.PerformAct) -> ev.Event:
    """A connector's act: looked for before it is done again (I13), refused is a FAIL with its reason."""
    doer, release = attempt.world.acts[action.name], attempt.row.id
    about = facts(attempt.world, attempt.story, "", action.place.step)
    if "previous" not in about:
        with suppress(ConnectorError):  # then it is not known, and an act that names it is refused
            about |= _previous(running(attempt.world), "")

    def event(verdict: Verdict, evidence: str) -> ev.Event:
        return ev.ActPerformed(at=attempt.world.clock.now(), name=action.name, verdict=verdict, evidence=evidence)

    def carried_out() -> ev.Event:
        try:
            return event(Verdict.PASS, doer.do(release, about))
        except Denied as no:
            return event(Verdict.FAIL, str(no))

    def observe() -> ev.Event | None:
        found = doer.done(release, about)
        return event(Verdict.PASS, found) if found else None

    return attempt.once(action, carried_out, observe)


def remember(world: World, action: do.Remember) -> ev.Event:
    return ev.Remembered(at=world.clock.now(), name=action.name, versions=running(world))


def running(world: World) -> dict[str, str]:
    """The version that each component runs now; "" where its platform does not know."""
    versions = dict[str, str]()
    for name, part in world.parts.items():
        split = part.router.read().split
        state = part.platform.status(split.serving.name) if split and split.serving else None
        versions[name] = state.version if state else ""
    return versions


def take_baseline(world: World, action: do.TakeBaseline) -> ev.Event:
    """One reading of stable over the baseline's own window; what cannot be measured says so and is no number."""
    spec = next(one for one in world.spec.baselines if one.name == action.name)
    gates = [gate.component for gate in world.spec.gates if gate.metric == spec.metric]
    component = gates[0] if gates else next(iter(world.parts))
    split = world.parts[component].router.read().split
    told = ev.BaselineTaken(at=world.clock.now(), name=action.name, metric=spec.metric)
    if split is None or split.serving is None:
        return told.model_copy(update={"evidence": "no side carries everything"})
    sample = measured(world, component, spec.metric, split.serving, spec.covers)
    return told.model_copy(update={"value": sample.value, "count": sample.count, "evidence": sample.error})


def take_backup(attempt: Attempt, action: do.TakeBackup) -> ev.Event:
    backup, release = attempt.world.backups[action.name], attempt.row.id

    def taken(location: str) -> ev.Event:
        return ev.BackupTaken(at=attempt.world.clock.now(), name=action.name, location=location)

    def observe() -> ev.Event | None:
        found = backup.find(release)
        return taken(found) if found else None

    return attempt.once(action, lambda: taken(backup.take(release)), observe)


def prove_backup(world: World, action: do.ProveBackup) -> ev.Event:
    """A backup counts only after a restore into a scratch place and a comparison (parts.md 6)."""
    try:
        proof = world.backups[action.name].verify(action.location)
    except Denied as broken:
        return ev.BackupProven(at=world.clock.now(), name=action.name, verdict=Verdict.FAIL, evidence=str(broken))
    rows = {table: count for table, (count, _) in proof.tables.items()}
    told = f"{len(rows)} tables, {sum(rows.values())} rows restored and equal"
    if not rows:  # a project's own command, which says nothing of what it holds
        told = proof.said or f"{proof.size:,} bytes, unchanged since it was taken; nothing was restored"
    return ev.BackupProven(
        at=world.clock.now(),
        name=action.name,
        verdict=Verdict.PASS,
        evidence=told,
        tables=rows,
        size=proof.size,
        seconds=round(proof.seconds, 3),
    )


def push_artifact(attempt: Attempt, action: do.PushArtifact) -> ev.Event:
    world = attempt.world
    source = world.spec.components[action.component].source.replace("{version}", attempt.row.version)

    def push() -> ev.Event:
        digest = world.parts[action.component].registry.push(source, attempt.row.version)
        return ev.ArtifactPushed(at=world.clock.now(), component=action.component, digest=digest)

    return attempt.once(action, push)


def create_green(attempt: Attempt, action: do.CreateGreen) -> ev.Event:
    """Start this digest beside blue, or adopt what an earlier attempt started (I13)."""
    world, row = attempt.world, attempt.row
    part, spec = world.parts[action.component], world.spec.components[action.component]

    def created() -> ev.Event:
        state = part.platform.create(row.id, row.version, action.digest, spec.instances)
        return _created(world, action, state)

    return attempt.once(action, created, created)  # creating adopts what exists: the observation half is the act itself


def _created(world: World, action: do.CreateGreen, state: PlatformState) -> ev.GreenCreated:
    part = world.parts[action.component]
    split = part.router.read().split
    blue = split.serving if split else None
    if blue is not None and blue.name == state.side.name:
        raise ReleaseRefused(  # nothing was started: creating adopts what runs, and that is production itself
            f"{action.component}: this version's digest carries all traffic already ({blue.name})",
            "there is nothing to release; build another version",
        )
    ready = part.platform.status(blue.name) if blue else None
    return ev.GreenCreated(
        at=world.clock.now(),
        component=action.component,
        digest=action.digest,
        side=state.side.name,
        urls=state.side.urls,
        blue=blue.name if blue else "",
        blue_ready=ready.ready if ready else 0,
    )


def await_healthy(world: World, action: do.AwaitHealthy) -> ev.Event:
    """All instances healthy with the release's own digest, or a FAIL that says which one is not and why."""
    platform, deadline = world.parts[action.component].platform, world.clock.elapsed() + HEALTHY_WITHIN.total_seconds()
    wanted = world.spec.components[action.component].instances
    while True:
        state = platform.status(action.side)
        problem = unwell(state, wanted, action.digest)
        if not problem or world.clock.elapsed() >= deadline:
            break
        world.clock.sleep(CAPACITY_AGAIN)
    return ev.BecameHealthy(
        at=world.clock.now(),
        component=action.component,
        verdict=Verdict.FAIL if problem else Verdict.PASS,
        instances=state.ready if state else 0,
        evidence=problem or f"{wanted} of {wanted} instances healthy, each reports {action.digest[:19]}",
    )


def unwell(state: PlatformState | None, wanted: int, digest: str) -> str:
    """Why these instances are not the release's healthy green; "" when they are (F58, F61, F68)."""
    if state is None:
        return "nothing runs under this name"
    if state.ready < wanted:
        sick = next((i for i in state.instances if not i.healthy), None)
        return f"{state.ready} of {wanted} instances are healthy" + (f"; {sick.name}: {sick.detail}" if sick else "")
    wrong = [i.name for i in state.instances if i.digest != digest]
    return f"{', '.join(wrong)} run another digest" if wrong else ""


def stop_green(attempt: Attempt, action: do.StopGreen) -> ev.Event:
    """Green goes once it carries nothing; a route that is another release's keeps its sides."""
    world, side = attempt.world, ""
    for body in attempt.story.answers.values():
        if body.get("event") == "green-created" and body["component"] == action.component:
            side = body["side"]

    def stop() -> ev.Event:
        kept = carries(world.parts[action.component].router.read().split, side)
        if side and not kept:
            world.parts[action.component].platform.remove(side, world.spec.cleanup.grace)
        told = f"kept: {side} carries traffic" if kept else side
        return ev.GreenStopped(at=world.clock.now(), component=action.component, side=told)

    return attempt.once(action, stop)


def carries(split: Split | None, side: str) -> bool:
    """Whether traffic goes, or may go at once, to this side; of a route that cannot be read we do not know."""
    if split is None:
        return True
    return split.stable.name == side or (split.canary is not None and split.canary.name == side and split.weight > 0)


def verify_rollback(world: World, story: Story) -> ev.Event:
    """Blue healthy and carrying everything on every route of the release."""
    problems, at = [], world.clock.now()
    for component, claimed in story.claimed.items():
        part = world.parts[component]
        seen, state = part.router.read(), part.platform.status(claimed["stable"])
        if seen.split is None or seen.split.serving is None or seen.split.serving.name != claimed["stable"]:
            problems.append(f"{component}: {claimed['stable']} does not carry everything")
        if state is None or not state.ready:
            problems.append(f"{component}: no instance of {claimed['stable']} is healthy")
    seconds = (at - story.down.at).total_seconds() if story.down else 0.0
    verdict = Verdict.FAIL if problems else Verdict.PASS
    told = "; ".join(problems) or "stable is healthy and carries everything"
    return ev.RollbackVerified(at=at, verdict=verdict, evidence=told, seconds=max(0.0, round(seconds, 3)))


def remove_blue(attempt: Attempt, action: do.RemoveBlue) -> ev.Event:
    """
    Blue goes only after the mark reads final, blue has no request, and the way-back record is gone (I8).

    NotApplied while one of these does not hold yet: the caller tries again.
    """
    world, part = attempt.world, attempt.world.parts[action.component]
    blue = str(attempt.story.claimed[action.component]["stable"])

    def remove() -> ev.Event:
        seen = part.router.read()
        if seen.mark is None or not seen.mark.final or seen.mark.release != attempt.row.id:
            raise NotApplied(f"{action.component}: the mark does not read final for {attempt.row.id}")
        if world.wayback is not None:
            record = world.wayback.read(attempt.row.system)
            if record is not None and record.release == attempt.row.id:
                raise NotApplied("the way-back record still lies there; the watch removes it")
        if part.router.drained(Side(blue, ())) is False:
            raise NotApplied(f"{action.component}: {blue} still has requests")
        part.platform.remove(blue, world.spec.cleanup.grace)
        return ev.BlueRemoved(at=world.clock.now(), component=action.component, side=blue)

    return attempt.once(action, remove)
