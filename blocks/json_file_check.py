"""
One number in a JSON file that the project's own measurement wrote, held against a limit.

No file, no such field and no number are each a FAIL: silence is not health.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field

from blocks.connector import Connector, machine_troubles
from tidegate.language.limits import AnyLimit
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration, spoken

MOST_BYTES = 16 * 1024 * 1024


class JsonFileCheck(Connector):
    """A number in a JSON file."""

    _block_type_name = "Number in a JSON file"
    _block_type_slug = "json-file-check"
    _description = "Reads one number from a JSON file and holds it against a limit."

    path: Path = Field(title="Path", description="The file.", examples=["reports/fps.json"])
    field: str = Field(
        title="Field", description="A dotted path to the number; parts of lists by their number.", min_length=1
    )
    wants: AnyLimit = Field(
        title="Wants",
        description="In the file's own base unit: seconds for `200ms`, bytes for `2MB`, a share of 1 for `5 %`.",
        examples=["above 55 count"],
    )
    younger_than: Duration | None = Field(
        None, title="Younger than", description="An older file is of another measurement, and fails.", examples=["2h"]
    )

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """Figures: `value`, where there is one."""
        with machine_troubles(str(self.path)):
            if not self.path.is_file():
                return CheckResult(Verdict.FAIL, f"there is no file {self.path}")
            status = self.path.stat()
            age = timedelta(seconds=int(max(0.0, time.time() - status.st_mtime)))
            if self.younger_than is not None and age > self.younger_than:
                said = f"is {spoken(age)} old, wanted: younger than {spoken(self.younger_than)}"
                return CheckResult(Verdict.FAIL, f"{self.path} {said}")
            if status.st_size > MOST_BYTES:
                return CheckResult(Verdict.ERROR, f"{self.path} is larger than {MOST_BYTES // 2**20} MiB")
            text = self.path.read_bytes()
        try:
            value = _at(json.loads(text), self.field)
        except (ValueError, RecursionError):
            return CheckResult(Verdict.FAIL, f"{self.path} holds no JSON")
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
            what = "nothing" if value is None else f"{value!a:.60}"
            return CheckResult(Verdict.FAIL, f"{self.path}: {self.field} holds {what}, no number")
        verdict = Verdict.PASS if self.wants.holds(float(value)) else Verdict.FAIL
        told = f"{self.path}: {self.field} is {value:g}, wanted: {self.wants.said}"
        return CheckResult(verdict, told, figures={"value": float(value)})


def _at(found: Any, field: str) -> Any:
    """What stands there; None when nothing does."""
    for part in field.split("."):
        if isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, dict):
            found = found.get(part)
        else:
            return None
    return found
