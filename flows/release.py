"""The release flow: runs the plan told in `tidegate/release.py`. Its deployment's name is the system."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import deployment, flow_run

from tasks.opening import run_name
from tasks.running import run_release
from tidegate.requests import ReleaseRequest


def _name() -> str:
    request = flow_run.parameters.get("request")
    version = request["version"] if isinstance(request, dict) else getattr(request, "version", "?")
    return run_name(str(deployment.name), str(version), str(flow_run.id))


@flow(name="release", flow_run_name=_name, retries=0, persist_result=False, validate_parameters=True)
def release(request: ReleaseRequest) -> State[Any]:
    """
    Take a version to production: checks, backup, green beside blue, approval, traffic step by step, verification.

    It pauses where a person must decide, and shuts by itself when the new version is worse.
    """
    return run_release(request)
