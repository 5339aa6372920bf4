"""
A test report in JUnit's XML: how many of the tests that ran have passed, and which have not.

A report without a test is a FAIL; skipped tests are counted by themselves and are neither.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

from pydantic import Field

from blocks.connector import Connector, machine_troubles
from tidegate.language.limits import AnyLimit
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration, spoken

MOST_BYTES = 64 * 1024 * 1024
MOST_TOLD = 20


class JunitCheck(Connector):
    """A test report in JUnit's XML."""

    _block_type_name = "JUnit report"
    _block_type_slug = "junit-check"
    _description = "Counts a test report: which share of the tests that ran has passed."

    report: Path = Field(title="Report", description="The XML file.", examples=["reports/e2e.xml"])
    passed: AnyLimit = Field(  # type: ignore[assignment]
        "at least 100 %", title="Passed", description="Share of the tests that were not skipped."
    )
    tests: AnyLimit = Field(  # type: ignore[assignment]
        "at least 1 count", title="Tests", description="How many have to have run."
    )
    younger_than: Duration | None = Field(
        None, title="Younger than", description="An older report is of another run, and fails.", examples=["2h"]
    )

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """FAIL names the tests that failed, 20 at most. Figures: `ran`, `failed`, `skipped`."""
        with machine_troubles(str(self.report)):
            if not self.report.is_file():
                return CheckResult(Verdict.FAIL, f"there is no report {self.report}")
            status = self.report.stat()
            age = timedelta(seconds=int(max(0.0, time.time() - status.st_mtime)))
            if self.younger_than is not None and age > self.younger_than:
                said = f"is {spoken(age)} old, wanted: younger than {spoken(self.younger_than)}"
                return CheckResult(Verdict.FAIL, f"{self.report} {said}")
            if status.st_size > MOST_BYTES:
                return CheckResult(Verdict.ERROR, f"{self.report} is larger than {MOST_BYTES // 2**20} MiB")
            try:
                text = self.report.read_text("utf-8")  # of another encoding, entities could hide
            except UnicodeDecodeError:
                return CheckResult(Verdict.FAIL, f"{self.report} is no text (UTF-8)")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            return CheckResult(Verdict.ERROR, f"{self.report} declares entities of its own; no test report needs that")
        try:
            root = ET.fromstring(text)  # noqa: S314 - without entities, which were refused above
        except ET.ParseError as why:
            return CheckResult(Verdict.FAIL, f"{self.report} is no whole XML: {why}")
        return self._judged(root)

    def _judged(self, root: ET.Element) -> CheckResult:
        ran, failed, skipped = 0, list[str](), 0
        for case in root.iter("testcase"):
            if case.find("skipped") is not None:
                skipped += 1
                continue
            ran += 1
            if case.find("failure") is not None or case.find("error") is not None:
                failed.append(_name(case))
        figures = {"ran": float(ran), "failed": float(len(failed)), "skipped": float(skipped)}
        told = f"{self.report}: {ran - len(failed):,} of {ran:,} tests passed" + (
            f", {skipped:,} skipped" if skipped else ""
        )
        if not ran or not self.tests.holds(ran):
            return CheckResult(Verdict.FAIL, f"{told}; wanted: {self.tests.said} that ran", figures=figures)
        if self.passed.holds((ran - len(failed)) / ran):
            return CheckResult(Verdict.PASS, told, figures=figures)
        more = [f"and {len(failed) - MOST_TOLD} more"] if len(failed) > MOST_TOLD else []
        lines = [f"{told}; wanted: {self.passed.said}", *failed[:MOST_TOLD], *more]
        return CheckResult(Verdict.FAIL, "\n".join(lines), figures=figures)


def _name(case: ET.Element) -> str:
    """Class and name, on one line."""
    name = " ".join(filter(None, (case.get("classname"), case.get("name")))) or "a test without a name"
    return "".join(c for c in name if c.isprintable())[:200]
