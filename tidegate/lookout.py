"""
The watch's hands: read the world, let `tidegate.watch.look` decide, carry its decisions out, write the row.

Ports only. It needs no orchestrator to look and lower; without the ledger it goes on by its own copies of story and
spec. `deployments/watch.py` gives it a process, a lease and side threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from tidegate import kernel, shifting, site
from tidegate.beside import Aside, NoOrchestrator
from tidegate.comparison import Comparisons
from tidegate.crossing import behind
from tidegate.errors import (
    ConnectorError,
    Fenced,
    LedgerUnavailable,
    Refused,
    RollbackIncomplete,
    TidegateError,
)
from tidegate.ledger import Draft, Kind, Ledger, LookRow, ReleaseRow
from tidegate.locks import cooldown
from tidegate.overdue import finished
from tidegate.ports import Clock
from tidegate.returning import record_of
from tidegate.seeing import alarms_of, any_mine, events_of, health_of, readings_of, route_of, samples_of, stop_among
from tidegate.sight import Decision, Look, Sight, Watching
from tidegate.story import State, Story
from tidegate.traffic import Seen
from tidegate.verifying import answer
from tidegate.watch import look
from tidegate.watched import Watched
from tidegate.world import World

WATCH = "watch"
SELDOM = 30.0  # seconds between two looks at a closed release


class Lookout:
    """One watch over all releases of an installation."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        world_of: Callable[[ReleaseRow, Mapping[str, object]], World],
        aside: Aside | None = None,
        *,
        grace: float = 25.0,
        ledger_url: str = "",
        evidence: bool = True,
    ) -> None:
        self.ledger, self.clock, self.world_of = ledger, clock, world_of
        self.aside = aside or NoOrchestrator()
        self.grace, self.ledger_url = grace, ledger_url
        self.evidence = evidence  # whether readings are kept for people; a simulation has none
        self.number = 0  # the watch's lease; 0: none, rows are refused, looking and lowering go on
        self.watched: dict[str, Watched] = {}

    def round(self) -> list[LookRow]:
        """Look once at every watched release; the rows written."""
        try:
            self._find()
        except LedgerUnavailable:
            pass  # by our own copies
        now = self.clock.elapsed()
        due = [one for one in self.watched.values() if one.looked is None or not one.waits or now - one.looked > SELDOM]
        return [row for watched in due if (row := self._look(watched)) is not None]

    @property
    def idle(self) -> bool:
        """Whether nothing that is watched can change soon."""
        return all(watched.waits for watched in self.watched.values())

    def _find(self) -> None:
        rows = {row.id: row for row in self.ledger.releases(watched=True)}
        for gone in set(self.watched) - set(rows):
            del self.watched[gone]
        for release, row in rows.items():
            if release in self.watched:
                self.watched[release].row = row
                continue
            story = Story.of(self.ledger.entries(release))
            seen = self.ledger.look(release)
            memory = Watching.from_json(seen.row.state) if seen and seen.row.state else Watching()
            memory = replace(memory, lowered_once=False)  # by this watch, with its own credentials
            state = (seen.row.state if seen else None) or {}
            kept = Comparisons(state.get("compared"), site.known_of(self.ledger, row.system).profiles)
            world = self.world_of(row, story.opened)
            cools = cooldown(world.spec, self.ledger, row)
            self.watched[release] = Watched(row, world, story, memory, kept, cools)

    # -- one look -----------------------------------------------------------------------------------------------------

    def _look(self, watched: Watched) -> LookRow | None:
        every = watched.every
        now = self.clock.elapsed()
        passed = 0.0 if watched.looked is None else min(now - watched.looked, 2 * every)
        watched.looked = now
        sight = self._sight(watched, passed)
        before = watched.watching
        watched.watching, decisions, told = look(watched.world.spec, before, sight)
        self._record_evidence(watched, sight)
        for decision in decisions:
            if not self._carry_out(watched, decision, sight) and decision.kind == "fence":
                break  # a starting attempt has taken the lease since we looked: it needs no other one
        site.teach(self.ledger, watched.story, watched.comparisons)
        self._give_row_back(watched, sight)
        return self._write_row(watched, sight, told)

    def _give_row_back(self, watched: Watched, sight: Sight) -> None:
        """Whoever ended the release may have died before it gave the row back; what is finished needs no look."""
        story, row = watched.story, watched.row
        if not story.over:
            return
        lives = story.state in (State.PROMOTED, State.FINALIZED) and not story.superseded
        kept = lives or not finished(sight)
        if not row.over or not kept:
            try:
                self.ledger.retire(row.id, watched=kept)
            except LedgerUnavailable:
                return

    def _sight(self, watched: Watched, passed: float) -> Sight:
        story, world, row = watched.story, watched.world, watched.row
        quiet, at = True, world.clock.now()
        dead: float | None = None
        try:
            story.since(self.ledger.entries(row.id, after=story.seq))
        except LedgerUnavailable:
            quiet = False
        seen = {component: route_of(world, component) for component in self._routes(watched)}
        try:
            at = self.ledger.now()
            quiet = quiet and self.ledger.seq(row.id) == story.seq
            dead = self.ledger.lease_died(row.id)
        except LedgerUnavailable:
            quiet = False
        watched.seen, watched.stop = seen, stop_among(seen, row.id) or watched.stop
        samples = samples_of(world, story, seen)
        watched.events = events_of(world, story, watched.events)
        return Sight(
            at=at,
            passed=passed,
            story=story,
            quiet=quiet,
            seen=seen,
            samples=samples,
            compared=watched.comparisons.look(world, story, seen, samples, at),
            health={c: health_of(world, story, c, s) for c, s in seen.items() if c not in story.final},
            alarms=alarms_of(world, story),
            events=watched.events,
            cooling=watched.cools.at(at),
            stop=watched.stop,
            wayback_here=self._wayback(watched, seen),
            lease_dead_for=dead,
            leased=row.lease_until is not None,
            run=self.aside.state(row.run_id) if row.run_id else None,
            newer=self._newer(watched, seen),
            grace=self.grace,
        )

    def _routes(self, watched: Watched) -> list[str]:
        """The routes that are this release's: those it has claimed."""
        return [component for component in watched.world.parts if component in watched.story.claimed]

    def _newer(self, watched: Watched, seen: Mapping[str, Seen | None]) -> str:
        """A release that claimed a route of ours after we did: numbers are one sequence a system, clocks may jump."""
        for route in seen.values():
            mark = route.mark if route else None
            if mark is None or mark.release in ("", watched.row.id):
                continue
            since = max(int(claimed["epoch"]) for claimed in watched.story.claimed.values())
            if mark.epoch > since and self._knows(mark.release):
                return mark.release
        return ""

    def _knows(self, release: str) -> bool:
        try:
            return self.ledger.find(release) is not None
        except LedgerUnavailable:
            return False

    # -- the way-back record -------------------------------------------------------------------------------------------

    def _wayback(self, watched: Watched, seen: Mapping[str, Seen | None]) -> bool:
        """Whether the right record lies here; written when it does not, removed once the release is final."""
        store, story, row = watched.world.wayback, watched.story, watched.row
        if store is None:
            return False
        try:
            if story.state in (State.FINALIZED, State.CLOSED) or story.final:
                store.remove(row.system, row.id)
                return False
            if story.state not in (State.SHIFTING, State.PROMOTED) or len(story.claimed) < len(watched.world.parts):
                return False
            found, told = store.read(row.system), (story.seq, *seen.values())
            if found is not None and watched.laid == (found, *told):
                return True
            written = found.written_at if found else ""
            right = record_of(watched.world, row, story, seen, written, self.ledger_url)
            if found != right:
                if (
                    found is not None
                    and found.release != row.id
                    and found.release in self.watched
                    and not any_mine(seen, row.id)
                ):
                    return False  # a newer release's record is not replaced by an older one's
                store.write(replace(right, written_at=self.clock.now().isoformat()))
                found = store.read(row.system)
            lies = found is not None and found.release == row.id and found.state == right.state
            watched.laid = (found, *told) if lies else ()
            return lies
        except (OSError, ValueError, TidegateError):
            return False

    # -- carrying out --------------------------------------------------------------------------------------------------

    def _carry_out(self, watched: Watched, decision: Decision, sight: Sight) -> bool:
        """Whether it could be done; what could not is decided again at the next look."""
        row = watched.row
        try:
            match decision.kind:
                case "down":
                    self._down(watched, decision.why)
                case "repair":
                    self._repair(watched, decision, sight)
                case "show-lowering":
                    self._show_lowering(watched, sight)
                case "write-down":
                    self._write_down(watched, decision)
                case "expire" | "supersede":
                    key = f"expired/{decision.key}" if decision.kind == "expire" else "superseded"
                    self.ledger.append(row.id, Draft(Kind.EXPIRY, key, {"why": decision.why}, WATCH))
                case "fence":
                    self._fence(watched)
                case "answer-slots":
                    self._answer_slots(watched, decision)
                case _:
                    self._aside(watched, decision)
        except RollbackIncomplete as why:
            self.aside.want(Decision("page", str(why)), row)
            return False
        except TidegateError:
            return False
        return True

    def _down(self, watched: Watched, why: str) -> None:
        """Weight with stop first (one write, the fence), then the ledger; the next look does what is left."""
        story, world, release = watched.story, watched.world, watched.row.id
        if story.down is None:
            shifting.decide_down(world, release, WATCH, why, patience=1.0, story=story)
        else:
            stop = shifting.stop_of(story, shifting.new_stop(story.down.who, story.down.why, story.down.at))
            shifting.lower_routes(world, release, stop, patience=1.0, story=story)

    def _write_down(self, watched: Watched, decision: Decision) -> None:
        """A stop in the mark is a Down not yet written: whoever sees it writes it, and it counts for every route."""
        stop = watched.stop
        if stop is not None:
            try:
                shifting.lower_routes(watched.world, watched.row.id, stop, patience=1.0, story=watched.story)
            finally:
                shifting.write_down(watched.world, watched.row.id, stop)

    def _repair(self, watched: Watched, decision: Decision, sight: Sight) -> None:
        read = sight.seen[decision.component]
        assert read is not None
        router = watched.world.parts[decision.component].router
        router.write(kernel.repair(watched.row.id, read, decision.weight))
        self._aside(watched, Decision("page", decision.why, decision.component))
        body = {"component": decision.component, "why": decision.why}
        self.ledger.append(watched.row.id, Draft(Kind.NOTE, "repaired", body, WATCH))

    def _show_lowering(self, watched: Watched, sight: Sight) -> None:
        for component, read in sight.seen.items():
            assert read is not None
            stays = watched.story.explains(component, read.weight) or behind(watched.story, sight.seen) is not None
            weight = read.weight if stays else 0
            watched.world.parts[component].router.write(kernel.repair(watched.row.id, read, weight))
        watched.watching = replace(watched.watching, lowered_once=True)

    def _fence(self, watched: Watched) -> None:
        """
        The system's epoch + 1, in ledger and mark: a frozen attempt that wakes writes nothing any more.

        Fenced when somebody holds the lease by now.
        """
        row = self.ledger.find(watched.row.id)
        if row is not None and row.lease_until is not None and self.ledger.lease_died(row.id) is None:
            raise Fenced(f"{row.id} is held again, by epoch {row.epoch}")
        marks = [route.mark for route in watched.seen.values() if route]
        above = max((mark.epoch for mark in marks if mark), default=0)
        epoch = self.ledger.fence(watched.row.id, above)
        for component in self._routes(watched):
            try:
                watched.world.parts[component].router.write(kernel.stamp(watched.row.id, epoch))
            except (Refused, ConnectorError):
                continue  # another's route, a lost mark, no answer: the next attempt stamps before it does anything

    def _answer_slots(self, watched: Watched, decision: Decision) -> None:
        """What was missed is told once, all slots of a look together; what a run answered meanwhile stands."""
        outcome: Literal["MISSED", "SUPERSEDED"] = "MISSED" if decision.key == "MISSED" else "SUPERSEDED"
        written = answer(self.ledger, watched.story, decision.slots, outcome, decision.why, WATCH)
        if written and outcome == "MISSED":
            named = ", ".join(written[:3]) + (f" and {len(written) - 3} more" if len(written) > 3 else "")
            self._aside(watched, Decision("page", f"verification {named}: missed, {decision.why}"))

    def _aside(self, watched: Watched, decision: Decision) -> None:
        if decision.kind == "page":
            told = f"{decision.component}: {decision.why}" if decision.component else decision.why
            once = decision.key or told
            if once in watched.watching.paged:
                return
            watched.watching = replace(watched.watching, paged=(*watched.watching.paged, once)[-20:])
            self.aside.want(decision, watched.row)  # people are told even when the ledger does not answer
            body = {"why": told, "about": decision.key} if decision.key else {"why": told}
            self.ledger.append(watched.row.id, Draft(Kind.NOTE, "paged", body, WATCH))
            return
        self.aside.want(decision, watched.row)
        if decision.kind == "tell":
            body = {"why": decision.why, "about": decision.key, "severity": decision.severity}
            self.ledger.append(watched.row.id, Draft(Kind.NOTE, "alerted", body, WATCH))

    # -- row and evidence ----------------------------------------------------------------------------------------------

    def _write_row(self, watched: Watched, sight: Sight, told: Look) -> LookRow | None:
        weights = {component: seen.weight for component, seen in sight.seen.items() if seen is not None}
        every = len(watched.world.parts)
        row = LookRow(
            release=watched.row.id,
            seq=watched.story.seq,
            step=watched.watching.done,
            verdict=told.verdict.value,
            sentence=told.sentence,
            router_read=len(weights) == every,
            can_lower=watched.watching.lowered_once,
            wayback_here=sight.wayback_here,
            watch=self.number,
            against=told.against,
            weights=weights,
            detail=dict(told.detail),
            state=watched.memory(),
        )
        try:
            self.ledger.put_look(row)
            return row
        except (LedgerUnavailable, Fenced):
            return None

    def _record_evidence(self, watched: Watched, sight: Sight) -> None:
        """Readings beside the chain: one a second and metric while it shifts, seldom in the days after."""
        apart = timedelta(seconds=1 if watched.story.state is State.SHIFTING else 30)
        if not self.evidence or not sight.samples or (watched.evidence_at and sight.at - watched.evidence_at < apart):
            return
        watched.evidence_at = sight.at
        try:
            self.ledger.put_readings(watched.row.id, readings_of(watched.world, sight))
        except LedgerUnavailable:
            return
