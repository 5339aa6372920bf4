"""Artifacts and instances: push by digest, green beside blue, stop, remove."""

from __future__ import annotations

from prefect import task

from tasks.retrying import EFFECT
from tidegate.actions import CreateGreen, PushArtifact, RemoveBlue, StopGreen
from tidegate.attempt import Attempt
from tidegate.events import Event
from tidegate.performing import perform


@task(task_run_name="artifact {action.component}", **EFFECT)
def push_artifact(attempt: Attempt, action: PushArtifact) -> Event:
    """Store the artifact; the same content has the same digest."""
    return perform(attempt, action)


@task(task_run_name="green {action.component}", **EFFECT)
def create_green(attempt: Attempt, action: CreateGreen) -> Event:
    """Start the new version beside the running one."""
    return perform(attempt, action)


@task(task_run_name="stop green {action.component}", **EFFECT)
def stop_green(attempt: Attempt, action: StopGreen) -> Event:
    """Stop green once it carries nothing."""
    return perform(attempt, action)


@task(task_run_name="remove blue {action.component}", **EFFECT)
def remove_blue(attempt: Attempt, action: RemoveBlue) -> Event:
    """Remove blue after the mark reads final and nothing reaches it any more."""
    return perform(attempt, action)
