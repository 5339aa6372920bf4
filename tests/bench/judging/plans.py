"""
The plans of the five reference systems as stages of traffic, and the contexts in which a judge is measured.

A stage is (share of traffic 0-1, seconds); the last one is the watch at 1.0, or below it with a hold-back.
Sources: `deployments/releases/*.yaml` (the plan each system starts with) and the guides' figures quoted there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

Stages = tuple[tuple[float, float], ...]

PLANS: dict[str, Stages] = {
    # dashboard.yaml: 10/25/50/75/100 % on days 1, 3, 5, 7 and 10 by a feature flag
    "S0": ((0.10, 2 * DAY), (0.25, 2 * DAY), (0.50, 2 * DAY), (0.75, 3 * DAY), (1.0, DAY)),
    # atcmp.yaml: one cut-over, nothing beside it to compare with
    "S1": ((1.0, 30 * MINUTE),),
    # the plan "canary" of greenflow.yaml
    "S2": ((0.05, 10 * MINUTE), (0.25, 15 * MINUTE), (0.50, 15 * MINUTE), (1.0, 30 * MINUTE)),
    # the plan "three-step" of greenflow.yaml
    "S2v": ((0.10, 5 * MINUTE), (0.50, 10 * MINUTE), (1.0, 30 * MINUTE)),
    # the plan "canary" of gameplaza.yaml
    "S3": ((0.10, 10 * MINUTE), (0.25, 10 * MINUTE), (0.50, 10 * MINUTE), (0.75, 10 * MINUTE), (1.0, 30 * MINUTE)),
    # the plan "gradual" of habitus33.yaml
    "S4": ((0.10, 30 * MINUTE), (0.50, 30 * MINUTE), (1.0, 30 * MINUTE)),
}

TRAFFIC = (0.1, 1.0, 10.0, 100.0, 1000.0)  # requests/s of both versions together, mean over the day
FAILING = (0.0005, 0.002, 0.01)  # share of the stable version's requests that fail


@dataclass(frozen=True, slots=True)
class Context:
    """Where a judge is measured: a plan, the traffic (requests/s), the stable failure rate, the noise, the looks."""

    plan: str = "S3"
    traffic: float = 10.0
    failing: float = 0.002
    noise: str = "ordinary"
    bin_seconds: float = 10.0
    hold_back: float = 0.0  # share left on stable in the watch
    probes: bool = False  # one synthetic request a second on each version
    missing: float = 0.0  # share of the bins that never reach the judge

    @property
    def stages(self) -> Stages:
        *before, (last, seconds) = PLANS[self.plan]
        return (*before, (min(last, 1.0 - self.hold_back), seconds))

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.stages)

    @property
    def watch(self) -> float:
        """When the watch begins, in seconds after the start."""
        return self.seconds - self.stages[-1][1]

    def under(self, noise: str) -> Context:
        return replace(self, noise=noise)

    def __str__(self) -> str:
        extra = "" if self.noise == "ordinary" else f" {self.noise}"
        extra += f" hold-back {self.hold_back:.0%}" if self.hold_back else ""
        extra += f" {self.missing:.0%} missing" if self.missing else ""
        return f"{self.plan} {self.traffic:g}/s {self.failing:.2%}{extra}"


REDUCED: tuple[Context, ...] = (
    *(Context("S3", traffic, 0.002) for traffic in TRAFFIC),
    Context("S3", 10, 0.0005),
    Context("S3", 1, 0.01),
    Context("S3", 100, 0.01),
    Context("S2", 1, 0.002),
    Context("S2", 100, 0.002),
    Context("S4", 10, 0.002),
    Context("S4", 1000, 0.002),
)
