"""
The one retry layer: Prefect's, for acts that failed in a way that may pass.

An effect may be tried again only because its body observes first and, for a weight, passes the kernel with fresh proof
(a house test looks at both).
"""

from __future__ import annotations

from typing import Any

from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from tidegate.errors import NotApplied, Unreachable

DELAYS = [1, 2, 4, 8]  # seconds


async def worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Unreachable or NotApplied, nothing else."""
    found = await state.aresult(raise_on_failure=False)
    return isinstance(found, Unreachable | NotApplied)


EFFECT: dict[str, Any] = {
    "retries": len(DELAYS),
    "retry_delay_seconds": DELAYS,
    "retry_condition_fn": worth_retrying,
    "persist_result": False,
    "cache_policy": NO_CACHE,
    "log_prints": False,
}
"""Settings of an act's task."""
