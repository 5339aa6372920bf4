"""
A scenario as data: a spec, a version, what happens when, and the story that must be told.

    says:       the scenario in one sentence (states.md, sections 3 and 4)
    closed_by:  the rule that closes it, and where it stands
    broken_by:  the broken rule (tests/faults/broken_rules.py, or below) under which this scenario must fail
    spec:       a name in tidegate/simulation/specs.py, or changes to the plain one
    version:    {fault: errors | slow | sick | wrong-digest, above: weight, after: seconds}; nothing: a good one
    comes:      whether somebody comes when the watch calls from behind a point of no return (default: yes)
    happens:    when: part of "kind key" of a ledger's entry | before, wrote: kind and weight of a write | at: seconds
                does: one of DOES below, `for:` seconds, `after:` seconds later
    ends:       the state of the release (promoted: or later)
    route:      weight, stop, bar, release at the end; told: lines in order; never: lines; downs: how many;
                done: acts of connectors, in order
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tidegate.errors import Refused
from tidegate.ledger import Draft, Kind, Push
from tidegate.simulation import specs
from tidegate.simulation.endings import story_of
from tidegate.simulation.faults import Weather
from tidegate.simulation.outages import calm_down
from tidegate.simulation.places import Version
from tidegate.simulation.play import Play
from tidegate.simulation.stage import quiet
from tidegate.spec import Spec
from tidegate.story import Story
from tidegate.traffic import Change, Seen

HERE = Path(__file__).parent
LIMIT = 9000.0  # seconds of a scenario, at most
Act = Callable[[Play, Mapping[str, Any]], object]


def _kill(play: Play, _: Mapping[str, Any]) -> None:
    """The flow's process that acts now dies at its next call."""
    for process in reversed(play.stack):
        if process.kind == "flow":
            process.killed = True
            return


def _freeze(play: Play, told: Mapping[str, Any]) -> None:
    """Whoever acts now stands still; its lease is not renewed."""
    process = play.stack[-1]
    process.frozen = True
    play.line.run(float(told["for"]))
    process.frozen = False


def _lasting(what: str, name: str) -> Act:
    def begins(play: Play, told: Mapping[str, Any]) -> None:
        setattr(getattr(play, what), name, play.line.t + float(told["for"]))

    return begins


def _router_down(play: Play, told: Mapping[str, Any]) -> None:
    for router in play.routers.values():
        router.down_until = play.line.t + float(told["for"])


def _trouble(play: Play, told: Mapping[str, Any]) -> None:
    play.trouble = str(told["kind"])
    play.line.after(float(told["for"]), lambda: setattr(play, "trouble", None))


def _second(play: Play, _: Mapping[str, Any]) -> None:
    play.orchestrator.start("release", {"version": "v3"}, after=0.1)


def _goes_on(play: Play, _: Mapping[str, Any]) -> None:
    play.orchestrator.start("release", {"version": "v2"}, after=0.1)


def _jump(play: Play, told: Mapping[str, Any]) -> None:
    play.line.jumped += float(told["for"])


def _watch_dies(play: Play, _: Mapping[str, Any]) -> None:
    """For good: nobody starts it again."""
    for watcher in play.watchers:
        watcher.busy = True


def _watch_cannot_write(play: Play, _: Mapping[str, Any]) -> None:
    for router in play.routers.values():
        router.refuses.add("watch")


def _nobody_listens(play: Play, _: Mapping[str, Any]) -> None:
    play.weather.rates["notifier-dead"] = 1.0


def _lost_folder(play: Play, _: Mapping[str, Any]) -> None:
    """The way-back records lie where nobody will type (a container's disk that is gone)."""
    play.records.lost = True


def _note(play: Play, _: Mapping[str, Any]) -> None:
    """Somebody else's note, between a flow's reading and its append."""
    for row in play.rows():
        play.ledger.append(row.id, Draft(Kind.NOTE, "paged", {"why": "a note"}, "somebody"))


def _retry(play: Play, _: Mapping[str, Any]) -> None:
    """A person presses Retry on the release's run."""
    play.orchestrator.again(next(run for run in play.orchestrator.runs.values() if run.flow == "release"))


def _push(play: Play, told: Mapping[str, Any]) -> None:
    play.ledger.push("shop", Push(str(told["name"]), None, "mina", "orders are lost"))


DOES: dict[str, Act] = {
    "kill": _kill,
    "freeze": _freeze,
    "ledger-down": _lasting("ledger", "down_until"),
    "disk-full": _lasting("ledger", "full_until"),
    "orchestrator-down": _lasting("orchestrator", "down_until"),
    "router-down": _router_down,
    "trouble": _trouble,
    "second-release": _second,
    "goes-on": _goes_on,
    "clock-jump": _jump,
    "watch-dies": _watch_dies,
    "watch-cannot-write": _watch_cannot_write,
    "nobody-listens": _nobody_listens,
    "lost-folder": _lost_folder,
    "note": _note,
    "retry": _retry,
    "push": _push,
    "cancel": lambda play, _: play.persons.cancel(),
    "rollback-typed": lambda play, _: play.persons.type_rollback(bar=False, interrupted=False),
    "rollback-unnamed": lambda play, _: play.persons.type_rollback(bar=False, interrupted=False, names=False),
    "rollback-named": lambda play, _: play.persons.type_rollback(bar=False, interrupted=False, names=True),
    "rollback-interrupted": lambda play, _: play.persons.type_rollback(interrupted=True),
    "rollback-clicked": lambda play, _: play.persons.click_rollback(),
    "hand-lower": lambda play, _: play.persons.lower_by_hand(),
    "lose-mark": lambda play, _: play.persons.lose_the_mark(),
    "hand-raise": lambda play, _: play.persons.raise_by_hand(),
    "bar": lambda play, _: play.persons.type_rollback(bar=True, interrupted=False),
    "look": lambda play, _: [play.tell(f"{name} shows {r.seen.weight} %") for name, r in play.routers.items()],  # type: ignore[func-returns-value]
    "delete-run": lambda play, _: play.persons.delete_run(),
    "force-run": lambda play, _: play.persons.force_run(),
}


@dataclass
class Scenario:
    """One file, ready to be played."""

    name: str
    told: Mapping[str, Any]
    fired: set[int] = field(default_factory=set)

    @classmethod
    def all(cls) -> list[Scenario]:
        return [
            cls(path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in sorted(HERE.glob("*.yaml"))
        ]

    @property
    def spec(self) -> Spec:
        told = self.told.get("spec", "plain")
        if isinstance(told, str):
            found: Spec = getattr(specs, told)()
            return found
        changes = dict(told)
        base = changes.pop("like", "plain")
        whole = getattr(specs, base)().model_dump(mode="json") if base != "plain" else {}
        return specs.spec(**{**_kept(whole), **changes})

    def play(self) -> Play:
        self.fired.clear()
        random = Random(7)
        play = Play(self.spec, Version("v2", **self.told.get("version", {})), random, Weather(random, frozenset()),
                    telling=True)  # fmt: skip
        play.versions["v3"] = Version("v3")
        play.persons.answers.update(self._answers())
        play.persons.comes = bool(self.told.get("comes", True))
        self._hook(play)
        request = {"version": "v2", **self.told.get("request", {})}
        play.orchestrator.start("release", request, after=1.0)
        play.line.at(0.5, play.watchers[0].round)
        play.line.at(1.0, play.witness.inspect)
        for n, event in enumerate(self.told.get("happens", ())):
            if "at" in event:
                play.line.at(float(event["at"]), lambda e=event, i=n: self._does(play, e, i))  # type: ignore[misc]
        self._until_ended(play)
        return play

    def _answers(self) -> dict[str, list[tuple[str, float]]]:
        """By gate: decision and seconds, one after another (the last one repeats); nothing: nobody answers."""
        told: Mapping[str, Any] = self.told.get("answers", {})
        lists = {gate: one if not one or isinstance(one[0], list) else [one] for gate, one in told.items()}
        return {gate: [(decision, float(after)) for decision, after in one or ()] for gate, one in lists.items()}

    def _until_ended(self, play: Play) -> None:
        play.line.limit = LIMIT
        until = float(self.told.get("lasts", 120.0))
        while play.line.t < until or (not quiet(play) and play.line.t < LIMIT):
            play.line.run(10.0)
        calm_down(play)

    def _hook(self, play: Play) -> None:
        """Entries and writes set off what happens."""
        entered, write = play.witness.entered, play.witness.wrote

        def hears(entry: Any) -> None:
            entered(entry)
            self._heard(play, "when", f"{entry.kind} {entry.key} {entry.release}")

        def provoked(change: Change, seen: Seen) -> None:
            """Before a write that would be accepted: after its proof was taken."""
            try:
                after = change.decide(seen)
            except Refused:
                return
            self._heard(play, "before", f"{change.kind} {after.split.weight}")

        def wrote(component: str, kind: str, before: Seen, after: Seen, *, late: bool) -> None:
            write(component, kind, before, after, late=late)
            self._heard(play, "wrote", f"{kind} {after.weight}")

        play.witness.wrote = wrote  # type: ignore[method-assign]
        play.witness.entered = hears  # type: ignore[method-assign]
        play.persons.provoked = provoked  # type: ignore[method-assign,assignment]
        play.persons.acts = {"": lambda: None}

    def _heard(self, play: Play, by: str, what: str) -> None:
        for n, event in enumerate(self.told.get("happens", ())):
            told = event.get(by)
            if told and n not in self.fired and (told in what if by == "when" else told == what):
                self.fired.add(n)
                if event.get("after") is not None:
                    play.line.after(float(event["after"]), lambda e=event, i=n: self._does(play, e, i))  # type: ignore[misc]
                else:
                    self._does(play, event, n)

    def _does(self, play: Play, event: Mapping[str, Any], n: int) -> None:
        self.fired.add(n)
        play.tell(f"-- {event['does']}")
        DOES[event["does"]](play, event)

    # -- judging ------------------------------------------------------------------------------------------------------

    def judge(self, play: Play) -> None:
        """AssertionError with the whole story when it is not the one that must be told."""
        story, seen = self.story(play), next(iter(play.routers.values())).seen
        tale = "\n".join(play.told)
        missed = [e for n, e in enumerate(self.told.get("happens", ())) if n not in self.fired]
        assert not missed, f"{self.name}: {missed} never happened\n{tale}"
        later = ("finalized", "closed") if self.told["ends"] == "promoted" else ()
        assert story.state.value in (self.told["ends"], *later), f"{self.name}: it ends {story.state}\n{tale}"
        self._route(seen, tale)
        self._lines(play, tale)

    def _route(self, seen: Seen, tale: str) -> None:
        for name, wanted in self.told.get("route", {}).items():
            found = {
                "weight": seen.weight,
                "stop": bool(seen.mark and seen.mark.stopped),
                "bar": bool(seen.mark and seen.mark.stop and seen.mark.stop.bar),
                "release": seen.mark.release if seen.mark else None,
            }[name]
            assert found == wanted, f"{self.name}: the route's {name} is {found}\n{tale}"

    def _lines(self, play: Play, tale: str) -> None:
        rest: Sequence[str] = play.told
        for wanted in self.told.get("told", ()):
            at = next((n for n, line in enumerate(rest) if wanted in line), None)
            assert at is not None, f"{self.name}: {wanted!r} is not told (any more)\n{tale}"
            rest = rest[at + 1 :]
        acts = [e.body for row in play.rows() for e in play.ledger.chain_of(row.id) if e.kind is Kind.OUTCOME]
        done = [str(body["name"]) for body in acts if body.get("event") == "act-performed"]
        assert done == self.told.get("done", done), f"{self.name}: {done} were done\n{tale}"
        downs = sum(e.kind is Kind.DOWN for row in play.rows() for e in play.ledger.chain_of(row.id))
        assert downs == self.told.get("downs", downs), f"{self.name}: {downs} Downs\n{tale}"
        for unwanted in self.told.get("never", ()):
            assert not any(unwanted in line for line in play.told), f"{self.name}: {unwanted!r} is told\n{tale}"

    def story(self, play: Play) -> Story:
        row = next(row for row in play.rows() if row.version == self.told.get("of", "v2"))
        return story_of(play, row.id)


def _kept(whole: dict[str, Any]) -> dict[str, Any]:
    """A dumped spec as a spec file would have it: gates keep their units by hand."""
    return {k: v for k, v in whole.items() if k not in ("gates", "compress", "schema_version")}
