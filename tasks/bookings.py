"""Turn, promotion, bookings, endings: acts between a release, its ledger and the orchestrator."""

from __future__ import annotations

from prefect import task

from tasks.retrying import EFFECT
from tidegate.actions import Action
from tidegate.attempt import Attempt
from tidegate.events import Event
from tidegate.performing import perform


@task(task_run_name="{name}", **EFFECT)
def settle(name: str, attempt: Attempt, action: Action) -> Event:
    """One act; `name` is what a person reads on the run page."""
    del name
    return perform(attempt, action)
