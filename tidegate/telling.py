"""
Who is told what: `notify` hears everything, a channel its severities and events.

A channel that is dead, slow or cannot be set up loses its own message and nothing else: it stops no release and no
rollback (I22).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tidegate.errors import ConnectorError, Denied, TidegateError
from tidegate.language.people import Channel, Message
from tidegate.notices import notice, reason, worded
from tidegate.ports import Notice, Notifier
from tidegate.preparing import facts
from tidegate.sight import Decision
from tidegate.spec import Spec
from tidegate.story import Story
from tidegate.world import World


def takes(channel: Channel, event: str, severity: str, message: Message | None) -> bool:
    """Whether this channel is told: it takes the severity and the event, and the message does not leave it out."""
    if message is not None and message.channels and channel.name not in message.channels:
        return False
    return severity in channel.severities and (not channel.events or event in channel.events)


def message_of(spec: Spec, name: str) -> Message | None:
    """The spec's own words for this message or event; None when it has none."""
    return next((one for one in spec.messages if one.name == name), None)


def addressees(world: World, event: str, severity: str, message: Message | None = None) -> dict[str, Notifier]:
    """Everybody who is told, by what a person knows them as: `notify.0`, or the channel's name."""
    told = {f"notify.{at}": one for at, one in enumerate(world.notifiers)}
    for channel in world.spec.channels:
        if channel.name in world.channels and takes(channel, event, severity, message):
            told[channel.name] = world.channels[channel.name]
    return told


def written(world: World, story: Story, event: str, severity: str, why: str = "") -> Notice:
    """The notice of an event: in the spec's words, and as grave, where it has a message of that name."""
    message = message_of(world.spec, event)
    if message is None:
        return notice(event, severity, story, why)
    known = known_of(world, story, why)
    return notice(event, message.severity, story, worded(message.text, known), worded(message.text_ko, known))


def notices_of(world: World, story: Story, decision: Decision) -> list[Notice]:
    """What the watch has to say: a page, an alert, or the messages that the spec names for it."""
    why = f"{decision.component}: {decision.why}" if decision.component else decision.why
    if decision.tell:
        return [written(world, story, name, decision.severity, why) for name in decision.tell]
    return [written(world, story, "page" if decision.kind == "page" else "alert", decision.severity, why)]


def known_of(world: World, story: Story, why: str = "") -> dict[str, str]:
    """What `{...}` in a message's text may name now, all as text."""
    green = next((body for body in story.answers.values() if body.get("event") == "green-created"), {})
    return {
        **facts(world, story, str(green.get("component", ""))),
        "reason": why or reason(story),
        "previous": str(story.opened.get("blue", "")),
        "at": f"{world.clock.now():%Y-%m-%d %H:%M} UTC",
        "step": story.step or str(story.weight),
        "weight": str(story.weight),
    }


def tell_all(world: World, told: Notice) -> str:
    """
    Tell everybody whom this notice concerns; the required ones who did not get it, each with the reason; else "".

    Returns within the deadline of the world's post, whatever a channel does.
    """
    message = message_of(world.spec, told.event)
    optional = {one.name for one in world.spec.channels if not one.required}
    lost = world.post(addressees(world, told.event, told.severity, message), told)
    return "; ".join(f"{name}: {why}" for name, why in lost.items() if name not in optional)


@dataclass(slots=True)
class Later:
    """
    A channel that is connected when the first message goes its way; until then it costs nothing and refuses nothing.

    What keeps it from being connected (a value that this installation lacks, a saved block out of reach) is Denied.
    """

    connect: Callable[[], Notifier]
    made: Notifier | None = None

    def tell(self, notice: Notice) -> None:
        """Raise what the channel raises; Denied when there is none."""
        self.ready().tell(notice)

    def ready(self) -> Notifier:
        """The channel itself."""
        if self.made is None:
            try:
                self.made = self.connect()
            except ConnectorError:
                raise
            except (TidegateError, ValueError, RuntimeError, OSError) as why:
                raise Denied(f"cannot be set up: {why}") from None
        return self.made


def without_effect(world: World) -> Mapping[str, str]:
    """Required channels that cannot be set up here -> why; asked before a release is opened, never after."""
    found = dict[str, str]()
    for channel in world.spec.channels:
        one = world.channels.get(channel.name)
        if channel.required and isinstance(one, Later):
            try:
                one.ready()
            except ConnectorError as why:
                found[channel.name] = str(why)
    return found
