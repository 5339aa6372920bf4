"""What a step can see: the traffic that its gates' minimum of samples needs within its bake."""

from __future__ import annotations

from datetime import timedelta

from tidegate.spec import Spec


def needed(spec: Spec, weight: int, bake: timedelta) -> str:
    """The traffic that a step's verdict needs: the gates' minimum of requests within its bake, at its share."""
    asked = dict[str, float]()
    for gate in spec.gates:
        seconds = min(bake, gate.window).total_seconds()
        if gate.min_samples and seconds:
            rate = gate.min_samples / seconds * 100 / weight
            asked[gate.component] = max(asked.get(gate.component, 0.0), rate)
    told = ", ".join(
        f"{component} {f'{rate:.0f}' if rate >= 10 else f'{rate:.2g}'}/s" for component, rate in asked.items()
    )
    return f"a verdict needs {told} in all" if told else ""
