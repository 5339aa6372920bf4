"""Which channel is told what; that one which is dead moves no weight and stops nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from blocks import connect
from blocks.installation import Installation
from tests.house.tree import ROOT
from tidegate.errors import Denied, NotApplied, SpecError
from tidegate.events import Told
from tidegate.ports import Notice, Notifier
from tidegate.simulation import specs
from tidegate.simulation.faults import Weather
from tidegate.simulation.places import Version
from tidegate.simulation.play import Play
from tidegate.spec import Spec
from tidegate.story import State, Story
from tidegate.telling import Later, addressees, message_of, tell_all, without_effect, written

CHANNELS = [
    {"name": "chat", "to": specs.NOWHERE},
    {"name": "pager", "to": specs.NOWHERE, "severities": ["critical"]},
    {"name": "board", "to": specs.NOWHERE, "events": ["promoted", "ready"], "required": False},
]
MESSAGES = [
    {"name": "ready", "text": "{system} {version} at {url} instead of {previous}; {value}", "channels": ["board"]},
    {"name": "down", "text": "Went back: {reason}", "text_ko": "롤백: {reason}", "severity": "critical"},
]


@dataclass
class Ear:
    """Hears, or breaks."""

    breaks: Exception | None = None
    heard: list[Notice] = field(default_factory=list)

    def tell(self, notice: Notice) -> None:
        if self.breaks is not None:
            raise self.breaks
        self.heard.append(notice)


def spec(**changes: Any) -> Spec:
    return specs.spec(**{"channels": CHANNELS, "messages": MESSAGES, **changes})


def played(channels: Mapping[str, Notifier], told: Spec, fault: str = "") -> Play:
    """A whole release on virtual time."""
    random = Random(1)
    version = Version("v2", fault, 5, 5.0) if fault else Version("v2")
    play = Play(told, version, random, Weather(random, frozenset()), calm=True)
    play.world = replace(play.world, channels=channels)
    play.orchestrator.start("release", {"version": "v2"}, after=0.5)
    play.line.at(0.1, play.watchers[0].round)
    play.line.run(3600.0)
    return play


def notices(play: Play) -> dict[str, str]:
    """Notice -> what of it was dropped, as the chain keeps it."""
    answers = Story.of(play.ledger.entries("shop/v2/1")).answers.values()
    return {str(body["notice"]): str(body["dropped"]) for body in answers if body["event"] == "told"}


@pytest.mark.parametrize(
    ("event", "severity", "reached"),
    [
        ("promoted", "info", {"chat", "board"}),
        ("aborted", "warning", {"chat"}),
        ("page", "critical", {"chat", "pager"}),
        ("ready", "info", {"board"}),
        ("down", "critical", {"chat", "pager"}),
    ],
)
@pytest.mark.proves("not.channels", "not.routing")
def test_severity_event_and_message_decide_who_is_told(event: str, severity: str, reached: set[str]) -> None:
    play = played({}, spec())
    world = replace(play.world, channels={"chat": Ear(), "pager": Ear(), "board": Ear()})
    told = addressees(world, event, severity, message_of(world.spec, event))
    assert set(told) == reached | {"notify.0"}


def test_a_message_is_told_in_its_own_words_with_what_is_known() -> None:
    play = played({}, spec())
    story = Story.of(play.ledger.entries("shop/v2/1"))
    told = written(play.world, story, "ready", "info")
    assert told.text["en"].startswith("shop v2 at http")
    assert told.text["en"].endswith("; —"), "what is not known at this moment is a dash"
    told = written(play.world, story, "down", "info", "errors {reason}")
    assert (told.severity, told.text["en"]) == ("critical", "Went back: errors {reason}")
    assert told.text["ko"] == "롤백: errors {reason}"


@pytest.mark.parametrize("fault", ["", "errors"])
@pytest.mark.proves("I22")
def test_a_release_goes_the_same_way_whether_channels_live_or_are_dead(fault: str) -> None:
    alive, dead = {name: Ear() for name in ("chat", "pager", "board")}, Ear(NotApplied("no answer"))
    went = played(alive, spec(), fault)
    also = played(dict.fromkeys(alive, dead), spec(), fault)
    assert went.witness.writes == also.witness.writes
    assert also.witness.writes, "something was shifted"
    state = Story.of(also.ledger.entries("shop/v2/1")).state
    assert state is (State.ROLLED_BACK if fault else State.CLOSED)
    assert set(notices(went).values()) == {""}
    assert alive["chat"].heard


def test_the_chain_names_a_required_channel_that_lost_its_message_and_no_optional_one() -> None:
    broken = Ear(NotApplied("no answer"))
    told = notices(played({"chat": broken, "pager": Ear(), "board": broken}, spec()))
    assert told["promoted"] == "chat: no answer"


def test_a_channel_is_connected_when_it_is_first_needed_and_what_keeps_it_is_denied() -> None:
    def missing() -> Notifier:
        raise SpecError("this installation has no value 'hook'")

    def connected() -> Notifier:
        made.append(Ear())
        return made[0]

    made = list[Ear]()
    later = Later(connected)
    assert not made
    later.tell(Notice("x", "info", "", {}, {}))
    later.tell(Notice("x", "info", "", {}, {}))
    assert (len(made), len(made[0].heard)) == (1, 2)
    with pytest.raises(Denied, match="cannot be set up: this installation has no value 'hook'"):
        Later(missing).tell(Notice("x", "info", "", {}, {}))


def test_a_required_channel_that_lacks_a_value_is_named_before_a_release_is_opened(tmp_path: Any) -> None:
    to = {"use": "console-notifier", "file": "${nowhere}/x"}
    told = spec(
        channels=[{"name": "log", "to": to}, {"name": "note", "to": to, "required": False}], messages=[], notify=[]
    )
    installation = Installation(home=tmp_path, root=ROOT, ledger_url="", prefect_url="")
    play = played({}, told)
    port = partial(connect.connector, values=installation.values)
    channels = {one.name: Later(partial(port, one.to, f"channels.{one.name}.to")) for one in told.channels}
    world = replace(play.world, channels=channels)
    assert set(without_effect(world)) == {"log"}
    with pytest.raises(SpecError, match=r"x\.yaml: channels\.log is required and .* no value 'nowhere'"):
        connect.refuse_dead_channels(world, "x.yaml")
    assert "no value 'nowhere'" in tell_all(world, Notice("page", "critical", "shop/v2/1", {}, {}))


def test_a_channel_may_name_messages_and_what_every_release_tells() -> None:
    spec(channels=[{"name": "chat", "to": specs.NOWHERE, "events": ["ready", "page", "rolled-back"]}, *CHANNELS[1:]])
    with pytest.raises(ValidationError, match="event 'redy' is not defined; did you mean 'ready'"):
        spec(channels=[*CHANNELS, {"name": "more", "to": specs.NOWHERE, "events": ["redy"]}])


def test_an_older_chain_s_told_is_read() -> None:
    assert Told.model_validate({"event": "told", "at": "2026-03-02T09:30:00Z", "notice": "x"}).dropped == ""
