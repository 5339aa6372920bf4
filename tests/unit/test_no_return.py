"""Points of no return: what a plan asks, what the watch does there, and that nobody lowers who names no way back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.answering import NOW, GoodDay, answered
from tests.unit.chains import Chain, promoted
from tests.unit.looking import BAD, BLUE, GOOD, GREEN, ILL, MINE, STOP, Watch
from tidegate import crossing, shifting
from tidegate import events as ev
from tidegate.actions import AskApproval, Place, SetWeight
from tidegate.crossing import FORWARD
from tidegate.errors import NoReturn
from tidegate.ledger import Kind
from tidegate.memory_ledger import MemoryLedger
from tidegate.plan import Outcome, drive
from tidegate.ports import RunState, Verdict
from tidegate.release import release
from tidegate.sight import Watching
from tidegate.simulation import specs
from tidegate.simulation.timeline import Timeline
from tidegate.spec import Spec
from tidegate.story import State, Story
from tidegate.traffic import Beyond, Change, Mark, Seen, Side, Split
from tidegate.wayback import Way, WayBack
from tidegate.world import Part, World

RESTORE = Beyond("restore", "the old schema is gone", 50)
ACCEPTED = replace(STOP, despite="restore")
SET_50, BAKE_50 = "main/1/canary/set-weight/50/api/1", "main/1/canary/bake/50/50/1"
CROSS = "main/1/canary/ask-approval/50/cross/{}"


def one_part(**step: Any) -> Spec:
    """5, 50 and 100 %, where 50 % is the point."""
    plan = specs.steps("15s", 5, 50, 100)
    plan["steps"][1]["no_return"] = {"way": "restore", "says": "the old schema is gone", "approval": "cross"}
    plan["steps"][2] |= step
    routine = [{"act": "warm", "run": {"use": "simulated"}, "serves": ["S0-001"]}]
    approvals = [{"name": "cross", "ask": "Cross?"}, {"name": "widen", "ask": "More?"}]
    return specs.spec(plans={"canary": plan}, approvals=approvals, routines={"warm": routine})


# -- the plan ---------------------------------------------------------------------------------------------------------


def told(day: GoodDay, spec: Spec) -> tuple[Outcome, list[str]]:
    outcome = drive(release(spec), day.answers, day.perform)
    return outcome, ["/".join([*key.split("/")[3:6], key.split("/")[6]]) for key in day.done if "/canary/" in key]


@pytest.mark.proves("I3")
def test_the_point_has_an_approval_of_its_own_which_its_raise_needs() -> None:
    """Beside the step's own, and before either weight is set."""
    plan = specs.steps("15s", 5, 50, 100, approval=50)
    plan["steps"][1]["no_return"] = {"way": "restore", "says": "gone", "approval": "cross"}
    spec = specs.spec(plans={"canary": plan}, approvals=[{"name": n, "ask": "?"} for n in ("cross", "widen")])
    gates, asked = dict[str, tuple[str, ...]](), list[str]()

    class Noted(GoodDay):
        def perform(self, action: Any) -> ev.Event:
            if isinstance(action, SetWeight):
                gates[action.place.step] = action.gates
            if isinstance(action, AskApproval):
                asked.append(f"{action.name} before {action.place.step}")
            return super().perform(action)

    day = Noted()
    assert told(day, spec)[0] is Outcome.PROMOTED
    assert asked == ["widen before 50", "cross before 50"]
    assert gates == {"5": (), "50": ("widen", "cross"), "100": ()}


@pytest.mark.parametrize("decision", ["reject", "expired"])
def test_a_no_to_the_crossing_itself_goes_back_as_everywhere(decision: str) -> None:
    day = GoodDay({CROSS.format(1): answered(decision, "cross")})
    assert told(day, one_part())[0] is Outcome.SHUT
    assert day.done[-1].startswith("main/1/release/lower")


@pytest.mark.parametrize("decision", ["reject", "expired", "park"])
def test_behind_it_a_no_is_asked_again_and_lowers_nothing(decision: str) -> None:
    widen = "main/1/canary/ask-approval/100/widen/{}"
    no = answered(decision)
    outcome, done = told(GoodDay({widen.format(1): no, widen.format(2): no}), one_part(approval="widen"))
    assert outcome is Outcome.PROMOTED
    assert [key for key in done if "ask" in key] == [
        "ask-approval/50/cross/1", "ask-approval/100/widen/1", "ask-approval/100/widen/2", "ask-approval/100/widen/3",
    ]  # fmt: skip
    assert not any("park" in key or "lower" in key for key in done)


@pytest.mark.parametrize("when", ["before", "raised", "after"])
def test_behind_it_a_routine_that_fails_is_a_question_to_go_forward(when: str) -> None:
    bad = ev.ActPerformed(at=NOW, name="warm", verdict=Verdict.FAIL, evidence="cold")
    day = GoodDay({"main/1/canary/perform-act/100+warm/warm/1": bad})
    outcome, done = told(day, one_part(**{when: "warm"}))
    assert outcome is Outcome.PROMOTED
    assert f"ask-approval/100+{when}/{FORWARD}/1" in done


def test_behind_it_silence_is_no_rollback_and_a_bake_that_fails_asks_until_somebody_says_forward() -> None:
    bad = ev.Baked(at=NOW, step="50", verdict=Verdict.FAIL, sentence="errors")
    ask = "main/1/canary/ask-approval/50+bake/forward/{}"
    asked = list[AskApproval]()

    class Noted(GoodDay):
        def perform(self, action: Any) -> ev.Event:
            asked.extend([action] if isinstance(action, AskApproval) and action.name == FORWARD else [])
            return super().perform(action)

    day = Noted({BAKE_50: bad, ask.format(1): answered("reject", FORWARD), ask.format(2): answered("expired", FORWARD)})
    assert told(day, one_part())[0] is Outcome.PROMOTED
    assert [(one.place.attempt, one.on_expiry, one.beyond) for one in asked] == [
        (1, "hold", RESTORE), (2, "hold", RESTORE), (3, "hold", RESTORE),
    ]  # fmt: skip


# -- the story --------------------------------------------------------------------------------------------------------


def crossed(chain: Chain | None = None) -> Chain:
    chain = chain or Chain().claimed().weight()
    chain.did(SET_50, ev.WeightSet(at=NOW, component="api", weight=50, beyond=RESTORE))
    return chain.intends(BAKE_50, bake={"id": "1/canary/50", "seconds": 15.0, "weight": 50})


def test_the_story_knows_what_was_crossed_and_chains_without_it_read_as_before() -> None:
    assert crossed().story.beyond == RESTORE
    assert Chain().claimed().weight().story.beyond is None
    assert "beyond" not in ev.WeightSet(at=NOW, component="api", weight=5).to_body()
    body = ev.WeightSet(at=NOW, component="api", weight=50, beyond=RESTORE).to_body()
    assert body["beyond"] == RESTORE.to_json()


def test_a_down_is_accepted_by_its_own_word_or_by_a_later_one() -> None:
    chain = crossed().down()
    assert (chain.story.state, chain.story.down.despite) == (State.DOWN, "")  # type: ignore[union-attr]
    chain.add(Kind.DOWN, "down/t2", {"why": "typed", "token": "t2", "despite": "restore"}, "kim")
    down = chain.story.down
    assert down is not None
    assert (down.token, down.who, down.despite) == ("t1", "watch", "restore"), "who decided first decided"


def seen(weight: int, mark: Mark | None) -> dict[str, Seen | None]:
    return {"api": Seen(Split(BLUE, GREEN, weight), mark)}


BEYOND_MARK = Mark(MINE, 1, beyond=RESTORE)


def test_mark_chain_or_an_open_raise_say_that_it_was_crossed() -> None:
    before = Chain().claimed().weight()
    begun = before.intends(SET_50, **{"raise": {"component": "api", "weight": 50, "beyond": RESTORE.to_json()}}).story
    assert crossing.crossed(begun, seen(50, BEYOND_MARK)) == RESTORE
    assert crossing.crossed(begun, seen(50, None)) == RESTORE, "the mark is lost, and the weight shows it"
    assert crossing.crossed(begun, seen(5, None)) is None, "it was begun, and has not happened"
    assert crossing.crossed(begun, seen(5, Mark(MINE, 1))) is None
    assert crossing.crossed(crossed().story, {"api": None}) == RESTORE
    assert crossing.crossed(begun, seen(50, replace(BEYOND_MARK, release="shop/v3/1"))) is None


def test_nobody_is_behind_it_where_all_traffic_is_back_or_somebody_has_accepted() -> None:
    story = crossed().story
    assert crossing.behind(story, seen(50, BEYOND_MARK)) == RESTORE
    assert crossing.behind(story, {"api": None}) == RESTORE, "what cannot be read may have traffic"
    assert crossing.behind(story, seen(0, BEYOND_MARK)) is None
    assert crossing.behind(story, seen(50, replace(BEYOND_MARK, stop=STOP))) == RESTORE
    assert crossing.behind(story, seen(50, replace(BEYOND_MARK, stop=ACCEPTED))) is None
    refused = replace(BEYOND_MARK, beyond=replace(RESTORE, way="refused"), stop=replace(STOP, despite="refused"))
    assert crossing.behind(Chain().claimed().weight().story, seen(50, refused)) is not None


# -- the watch --------------------------------------------------------------------------------------------------------


def watch(chain: Chain | None = None, weight: int = 50) -> Watch:
    return Watch(chain or crossed(), one_part(), weight)


def look(on: Watch, value: float | None = GOOD, **sees: Any) -> list[str]:
    shows = {"seen": seen(on.weight, BEYOND_MARK)} | sees
    on.look(value, **shows)
    return on.kinds()


WORDS = "behind the point of no return at 50 % the way back is restore (the old schema is gone); the weight stays"


@pytest.mark.parametrize(
    ("sees", "why"),
    [
        ({"value": BAD}, "error_rate"),
        ({"health": {"api": ILL}}, "instances are healthy"),
        ({"run": RunState("r1", "CANCELLED", "Cancelled")}, "was cancelled in Prefect"),
        ({"weight": 60}, "stands at 60 %, the story tells 50 %"),
        ({"weight": 20}, "somebody lowered api by hand from 50 to 20 %"),
    ],
)
def test_where_the_watch_would_lower_it_calls_people_with_the_way_back(sees: dict[str, Any], why: str) -> None:
    on = watch(weight=sees.pop("weight", 50))
    kinds = [look(on, **sees) for _ in range(3)]
    assert all(set(one) <= {"page"} for one in kinds), kinds
    assert why in on.why("page")
    assert WORDS in on.why("page")
    assert "tidegate rollback shop --beyond restore" in on.why("page")
    assert why in on.told.against, "what cannot go back must not go forward either"
    assert on.sight.story.down is None


def test_a_hold_that_lasts_too_long_calls_people_and_goes_on_when_it_is_well_again() -> None:
    on = watch()
    for _ in range(20):
        kinds = look(on, None)
        assert "down" not in kinds
    assert "held for" in on.why("page")
    for _ in range(8):
        look(on)
    assert on.memory.done == "1/canary/50", "it goes on looking, and the bake is complete"


def test_one_call_for_each_reason_whatever_its_figures_and_again_once_it_was_well_for_long() -> None:
    on = watch()
    keys = set[str]()
    for value in (0.2, 0.31, 0.25):
        look(on, value)
        keys |= {one.key for one in on.decisions}
    assert len(keys) == 1
    key = keys.pop()
    on.memory = replace(on.memory, paged=("else", key))
    look(on)
    assert on.memory.paged == ("else", key)
    for _ in range(13):
        look(on)
    assert list(on.memory.paged) == ["else"]


def test_a_verdict_that_flaps_there_holds_only_while_it_is_bad() -> None:
    on = watch()
    for value in (GOOD, BAD) * 4:
        look(on, value)
    assert look(on) == []
    assert not on.look(seen=seen(50, BEYOND_MARK)).against


def test_promoted_and_failing_late_it_calls_people_and_names_the_version_to_leave() -> None:
    chain = Chain().claimed().weight()
    chain.did(SET_50, ev.WeightSet(at=NOW, component="api", weight=50, beyond=RESTORE))
    chain.did("main/1/canary/set-weight/100/api/1", ev.WeightSet(at=NOW, component="api", weight=100, beyond=RESTORE))
    chain.did("main/1/release/promote/-/-/1", ev.Promoted(at=NOW, weight=100))
    on = watch(chain, 100)
    assert look(on, BAD) == ["page"]
    assert "tidegate rollback shop --from v2 --beyond restore" in on.why("page")
    plain = Watch(promoted())
    plain.look(BAD)
    assert plain.kinds() == ["down"], "elsewhere it goes back"


def test_where_the_way_back_is_refused_the_page_says_so() -> None:
    on = watch()
    refused = Mark(MINE, 1, beyond=Beyond("refused", "the keys are revoked", 50))
    look(on, BAD, seen=seen(50, refused))
    assert "this traffic is not sent back" in on.why("page")
    assert "--beyond" not in on.why("page")


def test_a_down_that_nobody_accepted_lowers_nothing_and_asks_for_no_rollback_until_somebody_does() -> None:
    """A stop on another route came in the very moment in which this one crossed."""
    on = watch(crossed().down())
    assert look(on) == ["page"]
    on.chain.add(Kind.DOWN, "down/t2", {"why": "typed", "token": "t2", "despite": "restore"}, "kim")
    assert look(on) == ["down", "ask-rollback"]


def test_an_accepted_stop_in_a_mark_is_written_and_lowers_every_route() -> None:
    on = watch()
    assert look(on, seen=seen(50, replace(BEYOND_MARK, stop=ACCEPTED)), stop=ACCEPTED) == ["write-down"]


def test_runs_that_die_there_are_started_again_now_and_then() -> None:
    chain = crossed()
    for n in range(2):
        chain.add(Kind.NOTE, "restarted", {"why": str(n)}, "watch")
    dead: dict[str, Any] = {"run": RunState("r1", "FAILED", "Failed"), "lease_dead_for": 30.0, "leased": True}
    on, kinds = watch(chain), list[list[str]]()
    for _ in range(260):
        kinds.append(look(on, **dead))
    again = [n for n, one in enumerate(kinds) if "again" in one]
    assert all("down" not in one for one in kinds)
    assert len(again) == 3, "at once, and every ten minutes"
    assert "page" in kinds[again[-1]]


def test_an_older_memory_without_these_fields_is_read() -> None:
    assert Watching.from_json({"bake": "1/canary/5", "baked": 5.0}).calm == 0.0


# -- lowering ---------------------------------------------------------------------------------------------------------


class Route:
    """A route in memory."""

    kind, compares = "small", True

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def read(self) -> Seen:
        return self.seen

    def write(self, change: Change) -> Seen:
        setting = change.decide(self.seen)
        self.seen = Seen(setting.split, setting.mark)
        return self.seen

    def by_hand(self) -> str:
        return "edit it"

    def address(self) -> dict[str, Any]:
        return {}

    def drained(self, side: Side) -> bool | None:
        return True


def world(*marks: Mark | None) -> tuple[World, list[Route], Story]:
    """Two routes at 50 % under these marks, and a chain that has claimed them."""
    routes = [Route(Seen(Split(BLUE, GREEN, 50), mark)) for mark in marks]
    clock, nothing = Timeline(NOW), Any
    parts = {
        name: Part(nothing, route, nothing, nothing)  # type: ignore[arg-type]
        for name, route in zip(("api", "web"), routes, strict=True)
    }
    ledger = MemoryLedger(clock)
    ledger.open("shop", "v2", "r1", {"stops_found": {}}, "kim")
    made = World(spec=specs.crossing(), parts=parts, clock=clock, ledger=ledger)
    return made, routes, Chain().claimed("api", "web").weight().weight(component="web").story


def test_one_route_that_has_crossed_keeps_all_of_them() -> None:
    made, routes, story = world(Mark(MINE, 1), BEYOND_MARK)
    with pytest.raises(NoReturn, match="restore"):
        shifting.decide_down(made, MINE, "watch", "errors", patience=1.0, story=story)
    assert [route.seen.weight for route in routes] == [50, 50]
    assert not any(entry.kind is Kind.DOWN for entry in made.ledger.entries(MINE))
    weights = shifting.decide_down(made, MINE, "kim", "typed", patience=1.0, story=story, despite="restore")
    assert weights == {"api": 0, "web": 0}
    down = next(entry for entry in made.ledger.entries(MINE) if entry.kind is Kind.DOWN)
    assert down.body["despite"] == "restore"


def test_a_person_who_starts_the_rollback_flow_names_the_way_or_is_refused() -> None:
    made, routes, story = world(BEYOND_MARK, BEYOND_MARK)
    for named in ("", "forward-only"):
        with pytest.raises(NoReturn):
            shifting.decide_if_needed(made, MINE, "kim", "clicked", story, named)
    assert [route.seen for route in routes] == [Seen(Split(BLUE, GREEN, 50), BEYOND_MARK)] * 2
    assert shifting.decide_if_needed(made, MINE, "kim", "clicked", story, "restore")
    assert [route.seen.weight for route in routes] == [0, 0]
    story = Story.of([*crossed().entries])
    assert not shifting.decide_if_needed(made, MINE, "kim", "clicked", replace_down(story), "")


def replace_down(story: Story) -> Story:
    story.add(crossed().down().entries[-1])
    return story


def test_a_raise_that_crosses_says_so_in_intent_mark_and_outcome() -> None:
    action = SetWeight(Place(plan="canary").at("50"), "api", 50, "10")
    assert shifting.crossing_of(world(Mark(), Mark())[0], action) == RESTORE
    assert shifting.crossing_of(world(Mark(), Mark())[0], replace(action, place=action.place.at("100"))) is None


# -- the way-back record ----------------------------------------------------------------------------------------------


def record(**extra: Any) -> WayBack:
    ways = (Way("api", "small", {}, "edit"),)
    return WayBack("shop", MINE, "v2", "v1", "shifting", "", ways, extra=extra)


def test_the_record_and_the_marks_tell_where_the_routes_stand() -> None:
    points = {"no_return": [RESTORE.to_json()], "beyond": None}
    shows = Seen(Split(BLUE, GREEN, 50), BEYOND_MARK)
    assert record(**points).beyond([shows]) == RESTORE
    assert record(**points).beyond([replace(shows, mark=None)]) == RESTORE, "by the weight, where the mark is lost"
    assert record(**points).beyond([Seen(Split(BLUE, GREEN, 49), None)]) is None
    assert record(**points).beyond([Seen(Split(BLUE, GREEN, 50), Mark(MINE, 1))]) is None
    assert record(**points | {"beyond": RESTORE.to_json()}).beyond([None]) == RESTORE
    assert record(**points).beyond([replace(shows, mark=replace(BEYOND_MARK, stop=ACCEPTED))]) is None
    assert record(**points | {"beyond": RESTORE.to_json()}).beyond([Seen(Split(BLUE, GREEN, 0), None)]) is None
    assert record().beyond([Seen(Split(BLUE, GREEN, 50), Mark(MINE, 1))]) is None
    text = record(**points).to_text()
    assert WayBack.from_text(text) == record(**points)
