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

    def faults(self, method: str, path: str, headers: dict[str, str], body: Any) -> list[str]:
        """What is wrong with a JSON request by the vendor's own description; empty also where there is none."""
        if self.told is None:
            return []
        operation = self.told["paths"].get(path, {}).get(method.lower())
        if operation is None:
            return [f"{method} {path} is no operation of {self.vendor}"]
        kind = headers.get("content-type", "").partition(";")[0]
        content = operation.get("requestBody", {}).get("content", {})
        found = [] if kind in content else [f"{kind} is none of {sorted(content)}"]
        if any("bearer" in one for one in operation.get("security", [])):
            found += [] if headers.get("authorization", "").startswith("Bearer ") else ["no bearer token"]
        schema = {**content.get(kind, {}).get("schema", {}), "components": self.told.get("components", {})}
        return found + [
            f"{'.'.join(map(str, one.path))}: {one.message}" for one in Draft4Validator(schema).iter_errors(body)
        ]


@cache
def contract(vendor: str) -> Contract:
    """The description of `slack`, `github`, ..."""
    file = FOLDER / f"{vendor}.json"
    return Contract(vendor, json.loads(file.read_text("utf-8")) if file.is_file() else None)
