"""
Prefect's API by plain HTTP: runs, bookings, answers and the release page, for watch, CLI and rollback's last acts.

No Prefect import: the watch and the CLI start fast, and every call has a short time-out. A refusal of a resume is an
HTTP 200 whose `status` says REJECT or ABORT (docs/prefect.md); 503 and 409 mean "look again".
"""

from __future__ import annotations

import base64
import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tidegate.errors import Denied, NotUnderstood, Unreachable
from tidegate.ports import RunState

BUSY = (409, 423, 429, 503)
BOOKINGS = 5  # tries
WORKING = ("SCHEDULED", "PENDING", "RUNNING")
BULK = 50  # Prefect sets at most 50 states a call, and creates at most 100 runs (400 for more): 50 come in time


class PrefectRuns:
    """Runs and Bookings over one Prefect server."""

    def __init__(self, url: str, timeout: float = 3.0, auth: str | None = None, scope: str = "") -> None:
        """`scope` names the installation's ledger: it stands in every idempotency key."""
        self.url, self.scope = url.rstrip("/"), scope
        headers = {}
        secret = auth or os.environ.get("PREFECT_API_AUTH_STRING", "")
        if secret:
            headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()
        self._http = httpx.Client(base_url=self.url, timeout=timeout, headers=headers)
        self._csrf: dict[str, str] | None = None
        self._deployments: dict[str, str] = {}

    # -- calls -----------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, *, missing_is_none: bool = False, tries: int = 4) -> Any:
        """One call; a busy server (SQLite locked, 503) is asked again with a growing pause, at most `tries` times."""
        answer = self._once(method, path, body)
        for attempt in range(tries - 1):
            if answer.status_code not in BUSY:
                break
            time.sleep(0.1 * 2**attempt)
            answer = self._once(method, path, body)
        if answer.status_code == 404 and missing_is_none:
            return None
        if answer.status_code in (401, 403):
            raise Denied(f"Prefect refuses {method} {path}: {answer.status_code}", "set PREFECT_API_AUTH_STRING")
        if answer.status_code in BUSY:
            raise Unreachable(f"the Prefect server is busy ({answer.status_code}) for {method} {path}")
        if answer.is_error:
            raise NotUnderstood(f"Prefect answers {method} {path} with {answer.status_code}: {answer.text[:300]}")
        return answer.json() if answer.content else None

    def _once(self, method: str, path: str, body: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body, headers=self._token(method))
        except httpx.HTTPError as why:
            told = f"no answer from the Prefect server at {self.url} ({type(why).__name__})"
            raise Unreachable(told, "start it: tidegate up") from why

    def _token(self, method: str) -> dict[str, str]:
        """The CSRF token that a hardened server wants; none where the server has that switched off."""
        if method == "GET":
            return {}
        if self._csrf is None:
            client = uuid.uuid4().hex
            answer = self._http.get("/csrf-token", params={"client": client})
            token = answer.json().get("token") if answer.status_code == 200 else None
            self._csrf = {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": client} if token else {}
        return self._csrf

    def deployment(self, flow: str, name: str) -> str:
        """A deployment's id; NotUnderstood when there is none."""
        key = f"{flow}/{name}"
        if key not in self._deployments:
            found = self.call("GET", f"/deployments/name/{flow}/{name}", missing_is_none=True)
            if found is None:
                raise NotUnderstood(
                    f"Prefect knows no deployment {key}", "serve it: tidegate up, or prefect deploy --all"
                )
            self._deployments[key] = str(found["id"])
        return self._deployments[key]

    def start(self, flow: str, name: str, parameters: Mapping[str, Any], key: str = "", tags: Sequence[str] = (),
              after: timedelta = timedelta(0), run_name: str = "") -> str:  # fmt: skip
        """A new run of a deployment; with `key`, the one run of that key."""
        at = datetime.now(UTC) + after
        body: dict[str, Any] = {
            "parameters": dict(parameters),
            "tags": list(tags),
            "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at.isoformat()}},
        }
        if key:
            body["idempotency_key"] = key
        if run_name:
            body["name"] = run_name
        return str(self.call("POST", f"/deployments/{self.deployment(flow, name)}/create_flow_run", body)["id"])

    # -- Runs ------------------------------------------------------------------------------------------------------

    def state(self, run_id: str) -> RunState:
        found = self.call("GET", f"/flow_runs/{run_id}", missing_is_none=True)
        if found is None:
            return RunState(run_id, None)
        state = found.get("state") or {}
        since = datetime.fromisoformat(state["timestamp"]) if state.get("timestamp") else None
        return RunState(run_id, state.get("type"), state.get("name", ""), since)

    def set_state(self, run_id: str, kind: str, name: str, message: str, *, force: bool = False) -> bool:
        """Whether Prefect accepted."""
        state: dict[str, Any] = {"type": kind, "name": name, "message": message[:2000]}
        if kind == "SCHEDULED":
            state["state_details"] = {"scheduled_time": datetime.now(UTC).isoformat()}
        answer = self.call("POST", f"/flow_runs/{run_id}/set_state", {"state": state, "force": force})
        return bool(answer and answer.get("status") == "ACCEPT")

    def again(self, run_id: str, why: str) -> bool:
        return self.set_state(run_id, "SCHEDULED", "AwaitingRetry", f"the watch: {why}", force=True)

    def wake(self, run_id: str) -> bool:
        return self.set_state(run_id, "SCHEDULED", "Scheduled", "woken", force=True)

    def start_release(self, release: str, request: Mapping[str, Any]) -> str:
        system = release.split("/")[0]
        given = {name: value for name, value in request.items() if value is not None}  # the form knows no null
        return self.start("release", system, {"request": given}, tags=_tags(release), after=timedelta(seconds=3))

    def start_rollback(self, release: str, why: str) -> str:
        system = release.split("/")[0]
        working = self._rolling_back(release)
        if working:
            return working
        request = {"release": release, "reason": why[:500] or "decided"}
        return self.start("rollback", system, {"request": request}, f"{self.scope}/rollback/{release}", _tags(release))

    def _rolling_back(self, release: str) -> str:
        """The run that a person has started for it already, and that has not ended; "" when there is none."""
        system = release.split("/")[0]
        runs = {"tags": {"all_": ["tidegate", f"system:{system}"]}, "state": {"type": {"any_": list(WORKING)}}}
        wanted = {"flow_runs": runs, "flows": {"name": {"any_": ["rollback"]}}, "limit": BULK}
        for run in self.call("POST", "/flow_runs/filter", wanted):
            request = run["parameters"].get("request") or {}
            if request.get("release") in (None, "", release):
                return str(run["id"])
        return ""

    def answers(self, run_id: str, keys: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        for key in keys:
            value = self.run_input(run_id, f"suspended-{key}-response")
            if value is not None:
                found[key] = value
        return found

    def run_input(self, run_id: str, key: str) -> Mapping[str, Any] | None:
        """A stored run input; None while there is none."""
        found = self.call("GET", f"/flow_runs/{run_id}/input/{key}", missing_is_none=True)
        if isinstance(found, str):
            found = json.loads(found)
        return found if isinstance(found, dict) else None

    def resume(self, run_id: str, run_input: Mapping[str, Any]) -> str:
        """Resume a suspended run as the UI does; "" when accepted, else why not."""
        answer = self.call("POST", f"/flow_runs/{run_id}/resume", {"run_input": dict(run_input)}, tries=6)
        if answer.get("status") == "ACCEPT":
            return ""
        return str((answer.get("details") or {}).get("reason") or answer.get("status"))

    # -- Bookings --------------------------------------------------------------------------------------------------

    def book(self, release: str, slots: Mapping[str, datetime], attempt: int = 1) -> None:
        system = release.split("/")[0]
        runs = [
            {
                "parameters": {"request": {"release": release, "slot": slot, "due": due.isoformat()}},
                "idempotency_key": f"{self.scope}/{release}/{slot}/{attempt}",
                "tags": [*_tags(release), f"slot:{slot}"],
                "name": f"{release} {slot}",
                "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}},
            }
            for slot, due in slots.items()
        ]
        path = f"/deployments/{self.deployment('verify', system)}/create_flow_run"
        for first in range(0, len(runs), BULK):
            self._create(path, runs[first : first + BULK])

    def _create(self, path: str, runs: list[dict[str, Any]]) -> None:
        """
        All these runs, by one bulk call; what it could not create is asked for again, one by one.

        A locked SQLite is an HTTP 200 with FAILED inside; idempotency keys make asking again safe.
        """
        failed = _failed(self.call("POST", f"{path}/bulk", runs), runs)
        for again in range(BOOKINGS):
            if not failed:
                return
            time.sleep(0.1 * 2**again)
            for run in list(failed):
                self.call("POST", path, run)
                failed.remove(run)

    def cancel(self, release: str) -> int:
        """Cancel the booked runs that have not started; how many."""
        waiting = {
            "flow_runs": {
                "tags": {"all_": [f"release:{release}"]},
                "state": {"type": {"any_": ["SCHEDULED"]}},
                "expected_start_time": {"after_": datetime.now(UTC).isoformat()},
            },
            "limit": BULK,
        }
        count = 0
        while found := self.call("POST", "/flow_runs/filter", waiting):
            why = f"{release} was rolled back"
            done = sum(self.set_state(run["id"], "CANCELLED", "Cancelled", why, force=True) for run in found)
            count += done
            if not done:
                break  # the same ones would be found again; whoever starts finds its slot superseded
        return count

    def cancel_all(self) -> int:
        """Cancel every run of ours that has not ended; for a fresh installation over an old Prefect database."""
        open_ = {"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"]}}}
        wanted = {"flow_runs": {"tags": {"all_": ["tidegate"]}, **open_}, "limit": 200}
        found = self.call("POST", "/flow_runs/filter", wanted)
        for run in found:
            self.set_state(run["id"], "CANCELLED", "Cancelled", "a fresh installation began", force=True)
        return len(found)

    def end_release_run(self, run_id: str, state: str, message: str) -> str:
        """Failed with the release's own word; a run that shows it already is left alone."""
        now = self.state(run_id)
        if now.type is None:
            return "deleted"
        if now.name != state:
            self.set_state(run_id, "FAILED", state, message, force=True)
        return self.state(run_id).name

    # -- the release page ------------------------------------------------------------------------------------------

    def put_page(self, release: str, markdown: str, run_id: str, artifact: str = "") -> str:
        """Create a release's page once, as an artifact of this run, then update it in place; its id."""
        artifact = artifact or self._page_of(release)
        if artifact:
            self.call("PATCH", f"/artifacts/{artifact}", {"data": markdown}, tries=1)
            return artifact
        body = {"key": _page_key(release), "type": "markdown", "data": markdown, "flow_run_id": run_id}
        body["description"] = f"Release page of {release}"
        return str(self.call("POST", "/artifacts/", body, tries=1)["id"])

    def _page_of(self, release: str) -> str:
        """What a watch before this one has created; "" when none has."""
        wanted = {"artifacts": {"key": {"any_": [_page_key(release)]}}, "sort": "CREATED_DESC", "limit": 50}
        for found in self.call("POST", "/artifacts/filter", wanted, tries=1):
            if found.get("description") == f"Release page of {release}":
                return str(found["id"])
        return ""

    def healthy(self) -> bool:
        try:
            return bool(self._http.get("/health", timeout=1.5).status_code == 200)
        except httpx.HTTPError:
            return False


def _failed(answer: Any, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs of a bulk call that were not created; results stand in the order of the call."""
    results = answer.get("results", []) if isinstance(answer, dict) else []
    if len(results) != len(runs):
        return list(runs)
    return [run for run, result in zip(runs, results, strict=True) if result.get("status") == "FAILED"]


def _page_key(release: str) -> str:
    """One key a system: its address in the UI shows the newest release, and the others below."""
    return f"release-{release.split('/')[0]}".lower().replace("_", "-")


def _tags(release: str) -> list[str]:
    return [f"release:{release}", f"system:{release.split('/')[0]}", "tidegate"]
