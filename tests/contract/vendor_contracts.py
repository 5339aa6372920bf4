"""
Vendors' own descriptions of their APIs, for the stand-ins of the tests: each request is held against them.

They are no part of this repository. `TIDEGATE_CONTRACTS` names their folder; by default it lies beside the repository.
Without it a stand-in still answers, and says that nothing was validated.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator  # type: ignore[import-untyped]  # Prefect brings it along

from tests.house.tree import ROOT

FOLDER = Path(os.environ.get("TIDEGATE_CONTRACTS", ROOT.parent / "shared" / "contracts"))


@dataclass(frozen=True)
class Contract:
    """One vendor's operations; `told` is None where the folder is not there."""

    vendor: str
    told: dict[str, Any] | None

    @property
    def here(self) -> bool:
        return self.told is not None

    def faults(
        self, method: str, path: str, headers: dict[str, str], body: Any, query: dict[str, str] | None = None
    ) -> list[str]:
        """What is wrong with a request by the vendor's own description; empty also where there is none."""
        if self.told is None:
            return []
        operation = self.told["paths"].get(path, {}).get(method.lower())
        if operation is None:
            return [f"{method} {path} is no operation of {self.vendor}"]
        found = self._query_faults(operation, path, query or {})
        if any("bearer" in one for one in operation.get("security", [])):
            found += [] if headers.get("authorization", "").startswith("Bearer ") else ["no bearer token"]
        content = operation.get("requestBody", {}).get("content", {})
        if not content or (body is None and not operation["requestBody"].get("required")):
            return found
        kind = headers.get("content-type", "").partition(";")[0]
        found += [] if kind in content else [f"{kind} is none of {sorted(content)}"]
        return found + self._against(content.get(kind, {}).get("schema", {}), body)

    def answer_faults(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """What is wrong with our own stand-in's answer: a double that lies proves nothing."""
        if self.told is None:
            return []
        answers = self.told["paths"].get(path, {}).get(method.lower(), {}).get("responses", {})
        told = answers.get(str(status)) or answers.get(f"{status // 100}XX") or answers.get("default")
        if told is None:
            return [f"{method} {path} never answers {status}; it answers {sorted(answers)}"]
        content = self._told(told).get("content", {})
        schema = next((one.get("schema", {}) for kind, one in content.items() if "json" in kind), None)
        return [] if schema is None else [f"answer {one}" for one in self._against(schema, body)]

    def _query_faults(self, operation: dict[str, Any], path: str, query: dict[str, str]) -> list[str]:
        told = [self._told(one) for one in operation.get("parameters", [])]
        known = {one["name"]: one for one in told if one.get("in") == "query"}
        found = [f"query {name} is none of {path}" for name in query if name not in known and f"{name}[]" not in known]
        for name, one in known.items():
            schema = self._told(one.get("schema", {}))
            if one.get("required") and name not in query:
                found.append(f"query {name} is missing")
            allowed = schema.get("enum")
            if allowed and name in query and query[name] not in map(str, allowed):
                found.append(f"query {name}={query[name]} is none of {allowed}")
        return found

    def _told(self, one: dict[str, Any]) -> dict[str, Any]:
        """What a reference leads to."""
        while "$ref" in one:
            found: Any = self.told
            for part in one["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/")]
            one = found
        return one

    def _against(self, schema: dict[str, Any], body: Any) -> list[str]:
        assert self.told is not None
        whole = {**_nullable(schema), "components": _components(self.vendor)}
        return [
            f"{'.'.join(map(str, one.path))}: {one.message[:300]}" for one in Draft4Validator(whole).iter_errors(body)
        ]


def _nullable(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(schema, list):
        return [_nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _nullable(one) for name, one in schema.items()}
    if made.get("nullable") is True:
        rest = {name: one for name, one in made.items() if name != "nullable"}
        return {"anyOf": [rest, {"enum": [None]}]}
    return made


@cache
def _components(vendor: str) -> Any:
    return _nullable((contract(vendor).told or {}).get("components", {}))


@cache
def contract(vendor: str) -> Contract:
    """The description of `slack`, `github`, ..."""
    file = FOLDER / f"{vendor}.json"
    return Contract(vendor, json.loads(file.read_text("utf-8")) if file.is_file() else None)
