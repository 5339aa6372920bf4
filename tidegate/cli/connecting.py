"""A spec's connectors without an installation: placeholders for addresses, and what deserves a second look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from blocks.installation import Installation
from tidegate.spec import Spec, Use

ANYWHERE = "http://127.0.0.1:9"  # reads as an address, nothing listens there


class Placeholders(dict[str, str]):
    """The installation's values; one that is not known before `tidegate up` reads as an address, and is noted."""

    def __init__(self, known: dict[str, str]) -> None:
        super().__init__(known)
        self.missing: set[str] = set()

    @classmethod
    def here(cls) -> Placeholders:
        return cls(Installation.here().values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    def __missing__(self, name: str) -> str:
        self.missing.add(name)
        return ANYWHERE


def uses_of(spec: Spec) -> Iterator[tuple[str, Use]]:
    """Every connector that a spec names, with its path."""
    for name, part in spec.components.items():
        for port in ("platform", "router", "artifact", "metrics"):
            yield f"components.{name}.{port}", getattr(part, port)
    for check in spec.checks:
        yield f"checks.{check.name}.check", check.check
    for backup in spec.backups:
        yield f"backups.{backup.name}.backup", backup.backup
    for place, use in enumerate(spec.notify):
        yield f"notify.{place}", use


def warnings_of(spec: Spec) -> list[str]:
    """What is allowed and may still surprise."""
    found = []
    for asked in spec.approvals:
        if not asked.approvers:
            found.append(f"approval {asked.name}: anybody who can resume the run may answer (approvers is empty)")
    if spec.readiness is None:
        found.append("nobody is asked before the new version gets traffic (readiness)")
    if not spec.backups:
        found.append("no backup is taken before the release")
    if spec.hold.on_expiry == "stay":
        found.append(f"a hold that runs out keeps the weight: {spec.hold.stay_reason}")
    for gate in spec.gates:
        if gate.metric.endswith("_rate") and not gate.min_samples:
            found.append(f"gate {gate.name}: min_samples is 0, so one request can decide")
        short = [step.name for step in spec.plans[spec.plan].steps if timedelta(0) < step.bake < gate.lasting]
        if short:
            found.append(f"gate {gate.name}: must stay bad longer than the bake of {', '.join(short)} % lasts")
    return found
