"""Backups: taken once, proven by a restore."""

from __future__ import annotations

from prefect import task

from tasks.retrying import EFFECT
from tidegate.actions import ProveBackup, TakeBackup
from tidegate.attempt import Attempt
from tidegate.events import Event
from tidegate.performing import perform


@task(task_run_name="backup {action.name}", **EFFECT)
def take_backup(attempt: Attempt, action: TakeBackup) -> Event:
    """Take a backup under the release's name; one that is there already is adopted."""
    return perform(attempt, action)


@task(task_run_name="restore proof {action.name}", **EFFECT)
def prove_backup(attempt: Attempt, action: ProveBackup) -> Event:
    """Restore into a scratch place and compare table by table."""
    return perform(attempt, action)
