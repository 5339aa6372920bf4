"""Checks and waiting for health: acts that only look."""

from __future__ import annotations

from prefect import task

from tasks.retrying import EFFECT
from tidegate.actions import AwaitHealthy, RunCheck
from tidegate.attempt import Attempt
from tidegate.events import Event
from tidegate.performing import perform


@task(task_run_name="check {action.what}", **EFFECT)
def run_check(attempt: Attempt, action: RunCheck) -> Event:
    """Ask one check."""
    return perform(attempt, action)


@task(task_run_name="green {action.component} healthy", **EFFECT)
def await_healthy(attempt: Attempt, action: AwaitHealthy) -> Event:
    """All instances healthy, each with the release's digest."""
    return perform(attempt, action)
