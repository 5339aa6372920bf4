"""Notices and reports: best effort, in a side thread with a deadline; never the reason that a release waits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong

from prefect import task

from tasks.retrying import EFFECT
from tidegate.actions import Action
from tidegate.attempt import Attempt
from tidegate.events import Event
from tidegate.performing import perform
from tidegate.settling import dropped

WITHIN = 10.0  # seconds; a dead server blocks a call for over a minute (docs/prefect.md)


@task(task_run_name="{name}", **{**EFFECT, "retries": 0})
def deliver(name: str, attempt: Attempt, action: Action) -> Event:
    """Delivered, or dropped with the reason, within a few seconds; `name` is what the run page shows."""
    del name
    aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="notice")
    try:
        return aside.submit(perform, attempt, action).result(timeout=WITHIN)
    except TookTooLong:
        return attempt.end(action, dropped(attempt, action, f"not delivered within {WITHIN:.0f} s"))
    finally:
        aside.shutdown(wait=False, cancel_futures=True)
