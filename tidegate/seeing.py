"""What a look reads of the world, through ports only: routes, instances, samples. None: it cannot be read."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.errors import ConnectorError, LedgerUnavailable
from tidegate.ledger import Push, Reading
from tidegate.measuring import asked, measured, tells_apart
from tidegate.ports import Heard, Sample
from tidegate.preparing import facts
from tidegate.sight import Health, Sight, carries
from tidegate.story import State, Story
from tidegate.traffic import Seen, Stop
from tidegate.world import World


def route_of(world: World, component: str) -> Seen | None:
    """What the router shows; None when it cannot be read."""
    try:
        return world.parts[component].router.read()
    except (ConnectorError, OSError):
        return None


def routes_of(world: World, story: Story) -> dict[str, Seen | None]:
    """The routes that this release has claimed, as they show themselves."""
    return {component: route_of(world, component) for component in story.claimed if component in world.parts}


def health_of(world: World, story: Story, component: str, seen: Seen | None) -> Health | None:
    """Green's and blue's instances as they report themselves; None when the platform cannot be asked."""
    if seen is None or seen.split is None or seen.split.canary is None:
        return None
    platform, wanted = world.parts[component].platform, world.spec.components[component].instances
    try:
        green, blue = platform.status(seen.split.canary.name), platform.status(seen.split.stable.name)
    except ConnectorError:
        return None
    ready, right, sick, known = 0, True, None, story.digests.get(component, ())
    for instance in green.instances if green else ():
        if instance.healthy:
            ready, right = ready + 1, right and instance.digest in known
        else:
            sick = sick or instance
    return Health(
        green_ready=ready,
        green_wanted=wanted,
        right_digest=right,
        blue_ready=blue.ready if blue else 0,
        detail=f"{sick.name}: {sick.detail}" if sick else "" if green else "nothing runs",
    )


def samples_of(world: World, story: Story, seen: Mapping[str, Seen | None]) -> dict[str, Sample]:
    """
    A sample of green for every gate, once green has had traffic; a source that cannot be asked says so in it.

    What a route shows counts before the chain tells it: a raise whose writer died is traffic, too.
    """
    samples = dict[str, Sample]()
    carried = story.had_traffic or any(carries(route, story.release) for route in seen.values())
    if not carried or story.state not in (State.SHIFTING, State.PROMOTED):
        return samples
    for gate in world.spec.gates:
        route = seen.get(gate.component)
        split = route.split if route else None
        if split is not None and split.canary is not None:
            samples[gate.name] = measured(world, gate.component, gate.metric, split.canary, gate.window)
    return samples


def alarms_of(world: World, story: Story) -> dict[str, Heard]:
    """What the checks of triggers have said so far, asked aside with what is known now."""
    if not story.had_traffic:
        return {}
    found = dict[str, Heard]()
    for one in world.spec.triggers:
        if one.check is not None and one.name in world.alarms:
            component = world.spec.check(one.check).component or ""
            found[one.name] = world.alarms[one.name].heard(facts(world, story, component))
    return found


def events_of(world: World, story: Story, before: Mapping[str, Push]) -> Mapping[str, Push]:
    """The last of each event since the first raise; while the ledger is away, those of before."""
    if not story.raised_at or not any(one.event for one in world.spec.triggers):
        return {}
    try:
        pushes = world.ledger.pushes(world.spec.system, min(story.raised_at.values()))
    except LedgerUnavailable:
        return before
    return {one.name: one for one in pushes if one.value is None}


def readings_of(world: World, sight: Sight) -> list[Reading]:
    """The evidence of a look: green's samples, stable's over the same window (for people), and the weights."""
    of = {gate.name: gate.component for gate in world.spec.gates}
    return [
        *(
            Reading(sight.at, of[name], "canary", sample.metric, sample.value, sample.count)
            for name, sample in sight.samples.items()
        ),
        *_of_stable(world, sight),
        *(
            Reading(sight.at, component, "canary", "weight", float(seen.weight), None)
            for component, seen in sight.seen.items()
            if seen is not None
        ),
    ]


def _of_stable(world: World, sight: Sight) -> list[Reading]:
    """Stable beside it, and what each source said where a metric has several: the one that counts, and the others."""
    found = []
    for gate in world.spec.gates:
        route = sight.seen.get(gate.component)
        if route is None or route.split is None or route.split.canary is None:
            continue
        if tells_apart(world, gate.metric):
            sample = measured(world, gate.component, gate.metric, route.split.stable, gate.window)
            if not sample.error:
                found.append(Reading(sight.at, gate.component, "stable", gate.metric, sample.value, sample.count))
        every = asked(world, gate.component, gate.metric, route.split.canary, gate.window)
        for name, sample in every:
            told: dict[str, float | None] = {f"{gate.metric}: {what}": one for what, one in sample.beside.items()}
            if len(every) > 1:
                told[f"{gate.metric} by {name}"] = sample.value
            found += [
                Reading(sight.at, gate.component, "canary", what, one, sample.count) for what, one in told.items()
            ]
    return found


def stop_among(seen: Mapping[str, Seen | None], release: str) -> Stop | None:
    """The stop of a down decision on any route of this release; one that names a way back comes first."""
    marks = [route.mark for route in seen.values() if route is not None and route.mark is not None]
    stops = [mark.stop for mark in marks if mark.release == release and mark.stop is not None and mark.stopped]
    return next((stop for stop in stops if stop.despite), next(iter(stops), None))


def any_mine(seen: Mapping[str, Seen | None], release: str) -> bool:
    """Whether any route names this release."""
    return any(
        route is not None and route.mark is not None and route.mark.release == release for route in seen.values()
    )
