"""The verify flow: one booked slot after a promotion (or the run that makes the release final)."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.verifying import run_verify
from tidegate.requests import VerifyRequest


@flow(name="verify", retries=0, persist_result=False)
def verify(request: VerifyRequest) -> State[Any]:
    """Look at a promoted release again at its slot; a failure rolls back while that is still possible."""
    return run_verify(request)
