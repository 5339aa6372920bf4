"""A bake is one task that waits for the watch's verdict and says how far it is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from prefect import task
from prefect.logging import get_run_logger

from tasks.retrying import EFFECT
from tidegate.actions import Bake
from tidegate.attempt import Attempt
from tidegate.events import Event
from tidegate.performing import perform

SAY_EVERY = 2.0  # seconds between two lines of progress at most


@task(task_run_name="bake {action.weight} %", **EFFECT)
def bake(attempt: Attempt, action: Bake) -> Event:
    """Wait for the watch; its verdicts and the time that has passed stand in the log."""
    logger, said_at = get_run_logger(), 0.0

    def progress(look: Mapping[str, Any]) -> None:
        nonlocal said_at
        if time.monotonic() - said_at < SAY_EVERY:
            return
        said_at, told = time.monotonic(), str(look.get("sentence", ""))
        baked = look.get("bake", {})
        logger.info("%s of %s s, %s: %s", baked.get("passed", 0), baked.get("seconds", "?"), look.get("verdict"), told)

    return perform(attempt, action, progress)
