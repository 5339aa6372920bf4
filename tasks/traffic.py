"""Traffic: every one of these passes the kernel, at every attempt."""

from __future__ import annotations

from prefect import task

from tasks.retrying import EFFECT
from tidegate.actions import Claim, EnsureLowered, Lower, MakeFinal, Park, SetWeight, VerifyRollback
from tidegate.attempt import Attempt
from tidegate.events import Event
from tidegate.performing import perform


@task(task_run_name="claim {action.component}", **EFFECT)
def claim(attempt: Attempt, action: Claim) -> Event:
    """Take the route for this release, at weight 0."""
    return perform(attempt, action)


@task(task_run_name="{action.component} {action.weight} %", **EFFECT)
def set_weight(attempt: Attempt, action: SetWeight) -> Event:
    """Ask the kernel for this weight, then believe only what the router reads back."""
    return perform(attempt, action)


@task(task_run_name="park", **EFFECT)
def park(attempt: Attempt, action: Park) -> Event:
    """Weight 0 that keeps green."""
    return perform(attempt, action)


@task(task_run_name="shut: {action.why}", **{**EFFECT, "retries": 0})
def lower(attempt: Attempt, action: Lower) -> Event:
    """All traffic back to stable; loops by itself until the routers show it."""
    return perform(attempt, action)


@task(task_run_name="traffic back", **{**EFFECT, "retries": 0})
def ensure_lowered(attempt: Attempt, action: EnsureLowered) -> Event:
    """Weight 0 with a stop on every route, read back."""
    return perform(attempt, action)


@task(task_run_name="verify rollback", **EFFECT)
def verify_rollback(attempt: Attempt, action: VerifyRollback) -> Event:
    """Stable is healthy and carries everything."""
    return perform(attempt, action)


@task(task_run_name="final {action.component}", **EFFECT)
def make_final(attempt: Attempt, action: MakeFinal) -> Event:
    """Green alone on this route; refused where a stop stands."""
    return perform(attempt, action)
