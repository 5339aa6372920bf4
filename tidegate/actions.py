"""
What a plan can ask for: imperatives with a key and a declared effect.

The key says where in the release an action stands (stage, leg, plan, kind, step, component, attempt); the ledger
answers by key, so a release under way survives a crash and an upgrade. Renaming a key is a breaking change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from tidegate.language.moments import Moment, StepMoment
from tidegate.traffic import Beyond


class Effect(StrEnum):
    """What carrying out an action does to the world."""

    READ = "read"  # changes nothing
    REPEATABLE = "repeatable"  # may be done again
    ONCE = "once"  # is observed before it is done again
    LOWER = "lower"  # takes traffic away; ends its plan, never answered from the ledger, always acts
    BEST = "best"  # best effort: always gets an outcome, dropped if need be


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a release an action stands."""

    stage: str = "main"
    leg: int = 1  # 1 + the number of Parks answered
    plan: str = "release"
    step: str = "-"
    attempt: int = 1

    def at(self, step: str) -> Place:
        return Place(self.stage, self.leg, self.plan, step, self.attempt)


@dataclass(frozen=True, slots=True)
class Action:
    """Something the plan wants done."""

    place: Place
    effect: ClassVar[Effect] = Effect.READ

    @property
    def key(self) -> str:
        p = self.place
        return f"{p.stage}/{p.leg}/{p.plan}/{kind_of(type(self))}/{p.step}/{self.what or '-'}/{p.attempt}"

    @property
    def what(self) -> str:
        """The component, check or gate this action is about."""
        return ""


_KINDS: dict[type[Action], str] = {}


def kind_of(kind: type[Action]) -> str:
    """`SetWeight` -> `set-weight`."""
    found = _KINDS.get(kind)
    if found is None:
        found = _KINDS[kind] = re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()
    return found


@dataclass(frozen=True, slots=True)
class _OfComponent(Action):
    component: str

    @property
    def what(self) -> str:
        return self.component


@dataclass(frozen=True, slots=True)
class _Named(Action):
    name: str

    @property
    def what(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class RunCheck(_Named):
    """Ask one check of the spec; `component` for those that look at a component's green."""

    component: str = ""

    @property
    def what(self) -> str:
        return f"{self.name}:{self.component}" if self.component else self.name


@dataclass(frozen=True, slots=True)
class TakeTurn(Action):
    """Hold the system's one row, from the first effect on production on."""

    effect: ClassVar[Effect] = Effect.REPEATABLE


@dataclass(frozen=True, slots=True)
class TakeBackup(_Named):
    effect: ClassVar[Effect] = Effect.ONCE


@dataclass(frozen=True, slots=True)
class ProveBackup(_Named):
    """Restore it into a scratch place and compare."""

    location: str = ""


@dataclass(frozen=True, slots=True)
class PushArtifact(_OfComponent):
    effect: ClassVar[Effect] = Effect.REPEATABLE  # content-addressed: the same bytes, the same digest


@dataclass(frozen=True, slots=True)
class CreateGreen(_OfComponent):
    digest: str = ""
    effect: ClassVar[Effect] = Effect.ONCE


@dataclass(frozen=True, slots=True)
class AwaitHealthy(_OfComponent):
    side: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class InspectRoutes(Action):
    """Whose the routes are now: what stands there that the release's first entry did not name."""


@dataclass(frozen=True, slots=True)
class Claim(_OfComponent):
    side: str = ""
    urls: tuple[str, ...] = ()
    effect: ClassVar[Effect] = Effect.ONCE


@dataclass(frozen=True, slots=True)
class AskApproval(_Named):
    """
    Ends the process; the run is resumed by a person. `traffic` says whether green has any; `beyond` the point of no
    return behind which it is asked: there a no, or silence, sends nothing back.
    """

    deadline: timedelta = timedelta(hours=24)
    on_expiry: str = "rollback"
    traffic: bool = False
    beyond: Beyond | None = None


@dataclass(frozen=True, slots=True)
class SetWeight(_OfComponent):
    weight: int = 0
    step_before: str = ""
    gates: tuple[str, ...] = ()
    effect: ClassVar[Effect] = Effect.REPEATABLE  # absolute, and each attempt passes the kernel


@dataclass(frozen=True, slots=True)
class Bake(_Named):
    """Wait for the watch's verdict on this step."""

    weight: int = 0
    lasting: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class WaitUntil(_Named):
    """
    Go on not before: a moment of the spec, so long after the act was begun, or, with `window`, when the calendar is
    open for as long. Ends the process.
    """

    moment: Moment | StepMoment | None = None
    lasting: timedelta = timedelta(0)
    window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class PerformAct(_Named):
    """An act of the spec that a connector carries out; it is observed before it is done again."""

    effect: ClassVar[Effect] = Effect.ONCE


@dataclass(frozen=True, slots=True)
class Undo(_Named):
    """An act of the spec's rollback; it always gets an outcome, since a rollback goes on."""

    effect: ClassVar[Effect] = Effect.BEST


@dataclass(frozen=True, slots=True)
class Remember(_Named):
    """Note what each component runs now: where `redeploy the previous version` goes back to."""


@dataclass(frozen=True, slots=True)
class TakeBaseline(_Named):
    """Measure what the running version does; relative limits are judged against it."""


@dataclass(frozen=True, slots=True)
class Park(Action):
    """Weight 0 that keeps green: recorded first, then lowered."""

    why: str = ""
    effect: ClassVar[Effect] = Effect.ONCE


@dataclass(frozen=True, slots=True)
class Rest(_Named):
    effect: ClassVar[Effect] = Effect.REPEATABLE


@dataclass(frozen=True, slots=True)
class Promote(Action):
    weight: int = 100
    effect: ClassVar[Effect] = Effect.REPEATABLE


@dataclass(frozen=True, slots=True)
class BookSlots(_Named):
    """Book an anchor's verification runs; `since` is when the anchor happened."""

    since: datetime | None = None
    effect: ClassVar[Effect] = Effect.REPEATABLE  # idempotency keys: the same slot is the same run


@dataclass(frozen=True, slots=True)
class Tell(_Named):
    """A notice; `message` is one of the spec's own, in its words."""

    severity: str = "info"
    facts: tuple[tuple[str, str], ...] = ()
    message: str = ""
    effect: ClassVar[Effect] = Effect.BEST


@dataclass(frozen=True, slots=True)
class WriteReport(_Named):
    effect: ClassVar[Effect] = Effect.BEST


@dataclass(frozen=True, slots=True)
class Abort(Action):
    """End before green has had traffic."""

    why: str = ""
    effect: ClassVar[Effect] = Effect.REPEATABLE


@dataclass(frozen=True, slots=True)
class Lower(Action):
    """All traffic back to stable, with a stop, on every route of the release."""

    why: str = ""
    effect: ClassVar[Effect] = Effect.LOWER


@dataclass(frozen=True, slots=True)
class EnsureLowered(Action):
    """The rollback's first act: weight 0 with a stop on every route, read back."""

    why: str = ""
    effect: ClassVar[Effect] = Effect.REPEATABLE


@dataclass(frozen=True, slots=True)
class StopGreen(_OfComponent):
    effect: ClassVar[Effect] = Effect.REPEATABLE


@dataclass(frozen=True, slots=True)
class VerifyRollback(Action):
    pass


@dataclass(frozen=True, slots=True)
class CancelSlots(Action):
    effect: ClassVar[Effect] = Effect.REPEATABLE


@dataclass(frozen=True, slots=True)
class EndRun(Action):
    """Let the release's own flow run show how the release ended."""

    state: str = "RolledBack"
    effect: ClassVar[Effect] = Effect.BEST


@dataclass(frozen=True, slots=True)
class CloseRollback(Action):
    """Give the system's row back: rolled back."""

    effect: ClassVar[Effect] = Effect.REPEATABLE


@dataclass(frozen=True, slots=True)
class MakeFinal(_OfComponent):
    effect: ClassVar[Effect] = Effect.ONCE


@dataclass(frozen=True, slots=True)
class RemoveBlue(_OfComponent):
    effect: ClassVar[Effect] = Effect.ONCE


@dataclass(frozen=True, slots=True)
class Close(Action):
    effect: ClassVar[Effect] = Effect.REPEATABLE


RESERVED = frozenset({"release", "rollback", "finalize", "verify"})  # plans of ours; a traffic plan needs another name
LOWERING: frozenset[type[Action]] = frozenset({Lower, EnsureLowered, Park})
