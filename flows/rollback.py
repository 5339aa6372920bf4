"""The rollback flow: all traffic back to stable, then the rest. Started by a person, the watch, or an alert."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import deployment, flow_run

from tasks.rolling_back import run_rollback
from tidegate.requests import RollbackRequest


def _name() -> str:
    request = flow_run.parameters.get("request")
    release = request.get("release") if isinstance(request, dict) else getattr(request, "release", None)
    return f"{deployment.name} rollback" + (f" of {release}" if release else "")


@flow(name="rollback", flow_run_name=_name, retries=0, persist_result=False)
def rollback(request: RollbackRequest) -> State[Any]:
    """
    Send all traffic back to stable now, stop the new version, verify, tell. Nothing destructive.

    Behind a point of no return nothing moves until *Way back accepted* names the way back from there.
    """
    return run_rollback(request)
