"""How the way back by traffic ends: green alone, blue removed (a booked run of its own, under the release's lease)."""

from __future__ import annotations

from tidegate.actions import Close, MakeFinal, Place, RemoveBlue, Tell, WriteReport
from tidegate.events import BlueRemoved, Closed, MadeFinal, ReportWritten, Told
from tidegate.plan import Outcome, ask
from tidegate.plan import Plan as Telling
from tidegate.spec import Spec

HERE = Place(plan="finalize")


def finalize(spec: Spec) -> Telling:
    """Every route final first, then every blue: none is removed while any route could still go back."""
    for component in spec.components:
        yield from ask(MakeFinal(HERE, component), MadeFinal)
    for component in spec.components:
        yield from ask(RemoveBlue(HERE, component), BlueRemoved)
    yield from ask(Close(HERE), Closed)
    yield from ask(Tell(HERE, "closed"), Told)
    yield from ask(WriteReport(HERE, "closed"), ReportWritten)
    return Outcome.FINAL
