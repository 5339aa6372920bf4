"""
The witness: it sees every write, entry and removal of a play, knows the truth, and objects when an invariant breaks.

It shares no rule with the kernel or the watch: what it demands is written here again, from `reliability.md` 3.2.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tidegate.ledger import Entry, Kind, LookRow
from tidegate.simulation import crossings
from tidegate.simulation.process import Process
from tidegate.simulation.route import shown
from tidegate.simulation.timeline import START
from tidegate.simulation.told import Told
from tidegate.traffic import Seen

if TYPE_CHECKING:
    from tidegate.simulation.play import Play

FRESH = 30.0  # how long a proof lasts
LOOK = 60.0  # how old a look may be when a proof is made of it
HEALTH = 5.0
ROUNDS = 6  # complete rounds of a watch over an answering world, from whatever has to be seen to what follows from it
SEEN_LATE = 20.0  # seconds: a limit that must last 10 s, and two looks
TRAFFIC = "I7 (traffic after a down decision)"
BAD = "I10 (known to be bad)"
RAISING = frozenset({"raise"})


class Violation(AssertionError):
    """An invariant does not hold; the message begins with its number."""


class Witness:
    """Checks I1 to I5, I7 to I9, I11 to I14, I27 and I28 where they could break; `play.py` checks the ends."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.releases: dict[str, Told] = {}
        self.frozen_since: float | None = None
        self.frozen_until = START - timedelta(days=1)  # by the ledger's clock, which may jump
        self.epochs: dict[str, int] = {}
        self.writes: list[tuple[str, str, int]] = []
        self.bars: set[str] = set()

    def of(self, release: str) -> Told:
        found = self.releases.get(release)
        if found is None:
            found = self.releases[release] = Told()
        return found

    def fail(self, invariant: str, told: str) -> None:
        raise Violation(f"{invariant}: {told}")

    @property
    def process(self) -> Process | None:
        return self.play.stack[-1] if self.play.stack else None

    # -- the router ---------------------------------------------------------------------------------------------------

    def wrote(self, component: str, kind: str, before: Seen, after: Seen, *, late: bool) -> None:
        split, mark = after.split, after.mark
        if split is None or mark is None or type(split.weight) is not int or not 0 <= split.weight <= 100:
            self.fail("I1", f"{component}: {kind} leaves {shown(after)}")
            return
        self.writes.append((component, kind, split.weight))
        self._epoch(component, kind, before, after)
        rises = split.weight > before.weight and before.split is not None and split.canary == before.split.canary
        if rises and kind not in RAISING:
            self.fail("I5", f"{component}: a {kind} lifts the weight: {shown(before)} -> {shown(after)}")
        if rises:
            self._raise(component, before, after, late=late)
        if kind == "lower" and not mark.stopped:
            self.fail("I5", f"{component}: a lowering leaves no stop: {shown(after)}")
        if kind == "claim":
            self._claim(component, before, mark.release)
        if kind == "final":
            self._final(component, before, mark.release)
        crossings.wrote(self, component, kind, before, after)
        self._exists(component, after)
        if mark.stopped:
            told = self.of(mark.release)
            told.stopped.setdefault(component, self.play.line.t)
            self.decided_down(mark.release)

    def _epoch(self, component: str, kind: str, before: Seen, after: Seen) -> None:
        """Numbers in a route's mark never go back, except where the mark was lost (I11)."""
        assert after.mark is not None
        if before.mark is not None and after.mark.epoch < before.mark.epoch:
            self.fail("I11", f"{component}: {kind} writes #{after.mark.epoch} over #{before.mark.epoch}")
        if kind in ("raise", "final") and before.mark is not None and after.mark.epoch != before.mark.epoch:
            self.fail("I11", f"{component}: {kind} changes the number")

    def _raise(self, component: str, before: Seen, after: Seen, *, late: bool) -> None:
        play, mark, split = self.play, after.mark, after.split
        assert mark is not None
        assert split is not None
        assert split.canary is not None
        told, now = self.of(mark.release), play.line.t
        where = f"{component} {before.weight} -> {split.weight} % of {mark.release}"
        process = self.process
        if process is not None and process.lease is not None and process.lease.epoch != mark.epoch and not late:
            self.fail("I11", f"{where}: an attempt with number {process.lease.epoch} writes over number {mark.epoch}")
        self._next(component, before, split.weight, told, where)
        self._nobody_said_no(component, mark.release, told, where, late=late)
        self._proof(told, component, split.weight, where)
        if not late and self.process is not None and now - self.process.asked_health > HEALTH:
            self.fail("I3", f"{where}: health was asked {now - self.process.asked_health:.1f} s ago")
        part = play.spec.components[component]
        for name, side in (("green", split.canary.name), ("blue", split.stable.name)):
            best = play.ready_since(component, side, now - HEALTH - (FRESH if late else 0.0))
            if best < part.instances:
                self.fail(
                    "I9" if name == "green" else "I8", f"{where}: {best} of {part.instances} {name} instances ready"
                )

    def _next(self, component: str, before: Seen, weight: int, told: Told, where: str) -> None:
        known = told.weights.get(component, 0)
        steps = [step.weight for step in self.play.spec.plans[told.plan].steps] if told.plan else []
        following = next((step for step in steps if step > known), None)
        if weight != following:
            self.fail("I2", f"{where}: after {known} % comes {following} %")
        if before.weight < known:
            self.fail("I14", f"{where}: the story tells {known} %, somebody had lowered it")

    def _nobody_said_no(self, component: str, release: str, told: Told, where: str, *, late: bool) -> None:
        now, process = self.play.line.t, self.process
        if told.down_at is not None:
            known = process.knew_at if process is not None and not late else now - FRESH
            elsewhere = component not in told.stopped and told.down_at >= known
            if not elsewhere:
                self.fail("I5", f"{where}: decided down {now - told.down_at:.1f} s ago")
        if told.ended:
            self.fail("I5", f"{where}: the release is {told.ended}")
        hand = told.hand.get(component)
        if hand is not None:
            self.fail("I5", f"{where}: a person lowered it by hand {now - hand[1]:.1f} s ago")
        since = self.frozen_since
        if since is not None and self.play.line.now() < self.frozen_until and not late:
            known = process.knew_at if process is not None else now
            if since < known - 0.5:
                self.fail("I28", f"{where}: frozen {now - since:.1f} s ago")

    def _proof(self, told: Told, component: str, weight: int, where: str) -> None:
        """A look of the last seconds has read this very intent, saw the step before complete and nothing against it."""
        key = next((k for k in reversed(told.intents) if f"/set-weight/{weight}/{component}/" in k), None)
        if key is None:
            self.fail("I12", f"{where}: there is no intent")
            return
        plan = self.play.spec.plans[told.plan].steps
        at = [step.weight for step in plan].index(weight)
        leg = key.split("/")[1]
        before = f"{leg}/{told.plan}/{plan[at - 1].name}" if at else ""
        oldest, look = self.play.line.t - FRESH, min(LOOK, 4 * self.play.watchers[0].every)
        fit = [
            row for t, row in told.rows
            if t >= oldest - look and row.seq >= told.intents[key] and row.step == before and not row.against
            and row.wayback_here and row.can_lower and row.router_read
        ]  # fmt: skip
        if not fit:
            self.fail("I3", f"{where}: no look proves it (wanted {before!r} complete, intent {told.intents[key]})")
        if before and before not in told.sampled:
            self.fail("I4", f"{where}: {before} was never judged on sound samples")
        gates = [self.play.spec.readiness] if self.play.spec.readiness else []
        step = plan[at]
        if step.approval:
            gates.append(step.approval)
        for gate in gates:
            fitting = [
                d for k, d in told.asked.items()
                if f"/{gate}/" in k and ("/go/" in k or (k.split("/")[1] == leg and f"/{step.name}/" in k))
            ]  # fmt: skip
            if "approve" not in fitting:
                self.fail("I3", f"{where}: approval {gate} was not given ({fitting or 'never answered'})")

    def _claim(self, component: str, before: Seen, release: str) -> None:
        told, mark = self.of(release), before.mark
        if f"claim {component}" not in told.intents:
            self.fail("I12", f"{component} was claimed without an intent")
        if mark is not None and mark.stop is not None and mark.stop.token not in told.stops_found:
            self.fail("I5", f"{component} was claimed over a stop that nobody named")
        if mark is not None and mark.release not in ("", release) and not self.of(mark.release).over:
            self.fail("I11", f"{component} was claimed from {mark.release}, which is not over")

    def _final(self, component: str, before: Seen, release: str) -> None:
        if before.mark is not None and before.mark.stopped:
            self.fail("I8", f"{component}: made final over a stop")
        if before.weight != 100:
            self.fail("I8", f"{component}: made final at {before.weight} %")

    def _exists(self, component: str, after: Seen) -> None:
        """No traffic to a side that is not there (I13)."""
        split = after.split
        assert split is not None
        carried = ([split.stable.name] if split.weight < 100 else []) + (
            [split.canary.name] if split.canary is not None and split.weight > 0 else []
        )
        for side in carried:
            running = self.play.platforms[component].running.get(side)
            if running is None or running.removed:
                self.fail("I13", f"{component}: traffic goes to {side}, which was removed: {shown(after)}")

    def edited(self, component: str, found: int, weight: int) -> None:
        """A person's editor moves the weight; below what the story tells, it is a down decision."""
        mark = self.play.routers[component].seen.mark
        if mark is None or mark.final:
            return
        told = self.of(mark.release)
        if weight < told.weights.get(component, 0) and not told.ended:
            told.hand[component] = (weight, self.play.line.t)
        else:
            told.hand.pop(component, None)

    def garbled(self, component: str) -> None:
        self.epochs.pop(component, None)

    def froze(self, lasting: float) -> None:
        self.frozen_since = self.play.line.t
        self.frozen_until = max(self.frozen_until, self.play.line.now() + timedelta(seconds=lasting))

    # -- the ledger ---------------------------------------------------------------------------------------------------

    def looked(self, row: LookRow) -> None:
        told = self.of(row.release)
        told.rows.append((self.play.line.t, row))
        if len(told.rows) > 40:
            del told.rows[:20]
        if row.step and row.step not in told.sampled and self.play.samples_are_sound(row.release):
            told.sampled[row.step] = self.play.line.t

    def entered(self, entry: Entry) -> None:
        told = self.of(entry.release)
        match entry.kind:
            case Kind.OPENED:
                told.stops_found = frozenset(entry.body["stops_found"].values())
            case Kind.INTENT:
                told.intends(entry, self.play.line.t)
            case Kind.OUTCOME:
                self._happened(entry, told)
            case Kind.DOWN:
                told.written = True
                crossings.decided(self, entry, told)
                self.decided_down(entry.release)
            case Kind.EXPIRY if entry.key.removeprefix("expired/") in told.risky - told.outcomes:
                self.decided_down(entry.release)
            case _:
                pass

    def _happened(self, entry: Entry, told: Told) -> None:
        body = entry.body
        if entry.key in told.outcomes:
            self.fail("I12", f"{entry.key} has two outcomes")
        told.happened(entry.key, body)
        crossings.happened(told, entry)
        if body.get("event") == "baked" and body["verdict"] == "PASS":
            self._baked(entry, told)
        if body.get("event") == "promoted":
            self._promoted(entry, told)

    def _baked(self, entry: Entry, told: Told) -> None:
        """Bake time by the elapsed clock, whatever the wall clock did (I27), on sound samples (I4)."""
        key = entry.key.split("/")
        step = next(s for s in self.play.spec.plans[key[2]].steps if s.name == key[4])
        lasted = self.play.line.t - told.set_at.get(entry.key, self.play.line.t)
        if lasted + 1e-6 < step.bake.total_seconds():
            self.fail("I27", f"{entry.key}: baked for {lasted:.1f} s of {step.bake.total_seconds():.0f}")
        if f"{key[1]}/{key[2]}/{key[4]}" not in told.sampled:
            self.fail("I4", f"{entry.key}: PASS without sound samples")

    def _promoted(self, entry: Entry, told: Told) -> None:
        play = self.play
        told.plan = told.plan or play.spec.plan
        last = play.spec.plans[told.plan].steps[-1].weight
        for component in play.routers:
            if told.down_at is None and told.weights.get(component) != last:
                self.fail("I20", f"promoted with {component} at {told.weights.get(component)} %")
            side = play.platforms[component].side(entry.release.split("/")[1]).name
            step = next(reversed(told.sampled), "")
            if play.bad_since.get((component, side), play.line.t) < told.sampled.get(step, 0.0) - SEEN_LATE:
                self.fail(
                    "I21", f"{side} was bad for {play.line.t - play.bad_since[component, side]:.0f} s and is promoted"
                )

    def decided_down(self, release: str) -> None:
        told = self.of(release)
        if told.down_at is None:
            told.down_at = self.play.line.t

    # -- the platform -------------------------------------------------------------------------------------------------

    def creates(self, component: str, release: str) -> None:
        mine = (key.split("/") for key in self.of(release).intents)
        if not any(key[3] == "create-green" and key[5] == component for key in mine):
            self.fail("I12", f"green {component} was started without an intent")

    def takes_backup(self, release: str) -> None:
        if not any("/take-backup/" in key for key in self.of(release).intents):
            self.fail("I12", "a backup was taken without an intent")

    def removes(self, component: str, side: str) -> None:
        router = self.play.routers[component]
        split, mark = router.seen.split, router.seen.mark
        if split is None:
            return
        green = split.canary.name if split.canary else ""
        if (side == split.stable.name and split.weight < 100) or (side == green and split.weight > 0):
            self.fail("I13", f"{side} is removed while it carries traffic: {shown(router.seen)}")
        if side == split.stable.name and not (mark and mark.final):
            self.fail("I8", f"blue {side} is removed before the release is final: {shown(router.seen)}")
        if mark and mark.final and side != green and self.play.line.t < router.settled_at:
            self.fail("I8", f"{side} is removed before its measured share is 0")

    # -- as time passes ----------------------------------------------------------------------------------------------

    def inspect(self) -> None:
        """
        As often as a watch looks: what must not last for more than a few looks while a watch lives and routers answer.

        Only what a lowering needs is demanded while the ledger does not answer (I6), and only of a watch that has its
        own copy of the release.
        """
        play = self.play
        play.line.after(play.watchers[0].every, self.inspect)
        watched = {name for watcher in play.watchers if not watcher.dead for name in watcher.lookout.watched}
        if not play.routers_answer() or not watched:
            return
        ledger, rounds = play.ledger_answers(), 3 * ROUNDS if "hiccup" in play.weather.rates else ROUNDS
        rows = [row for row in play.ledger.rows() if row.id in watched]
        if sum(row.active for row in rows) > 1:
            self.fail("I11", "two releases are active")
        for row in rows:
            told = self.of(row.id)
            for what, holds in self._must_not_last(row.id, told).items():
                if not ledger and what not in (TRAFFIC, BAD):
                    continue
                told.waits[what] = told.waits.get(what, 0) + 1 if holds else 0
                if told.waits[what] > rounds:
                    self.fail(what, f"{row.id}: not answered within {rounds} looks ({self._routes()})")

    def _must_not_last(self, release: str, told: Told) -> dict[str, bool]:
        mine = {
            c: r.seen.weight for c, r in self.play.routers.items() if r.seen.mark and r.seen.mark.release == release
        }
        late = crossings.over(self, told, self.play.line.now(), crossings.ASKED_LATE)
        if told.held:  # nobody lowers: people are called, and one of them decides
            return {"I7 (a stop that is no Down in the chain)": bool(told.stopped) and not (told.written or told.ended)}
        raising = any("/set-weight/" in key and key not in told.outcomes for key in told.intents)
        return {
            TRAFFIC: told.down_at is not None and any(mine.values()),
            "I7 (a stop that is no Down in the chain)": bool(told.stopped) and not (told.written or told.ended),
            BAD: not told.ended and any(self._seen_bad(c, release) for c, w in mine.items() if w),
            "I14 (lowered by hand)": bool(told.hand) and not told.written,
            "half-way (longer than its limit)": late and told.down_at is None and not told.over and any(mine.values()),
            "I14 (raised by hand)": not raising and any(w > told.weights.get(c, 100) for c, w in mine.items()),
        }

    def _seen_bad(self, component: str, release: str) -> bool:
        """Whether green of this component is bad now, and whoever measured it would be told so."""
        play = self.play
        side = play.platforms[component].side(release.split("/")[1]).name
        most = max(gate.min_samples for gate in play.spec.gates if gate.component == component)
        return play.trouble is None and play.requests(component, side) >= most and play.is_bad(component, side)

    def _routes(self) -> str:
        return ", ".join(f"{c}: {shown(r.seen)}" for c, r in self.play.routers.items())
