"""Checks of files that a project's own measurement or test run wrote."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.json_file_check import JsonFileCheck
from blocks.junit_check import JunitCheck
from tidegate.ports import CheckResult, Verdict

REPORT = """<?xml version="1.0"?>
<testsuites><testsuite name="e2e" tests="3">
<testcase classname="shop" name="buys"/><testcase classname="shop" name="pays"><failure>no</failure></testcase>
<testcase name="sleeps"><skipped/></testcase><testsuite><testcase name="deep"><error/></testcase></testsuite>
</testsuite></testsuites>"""


def number(tmp_path: Path, text: str, field: str = "fps", **fields: object) -> CheckResult:
    file = tmp_path / "fps.json"
    file.write_text(text)
    usual = {"path": file, "field": field, "wants": "above 55 count"}
    return JsonFileCheck(**(usual | fields)).run({})  # type: ignore[arg-type]


def report(tmp_path: Path, text: str, **fields: object) -> CheckResult:
    file = tmp_path / "e2e.xml"
    file.write_text(text)
    return JunitCheck(report=file, **fields).run({})  # type: ignore[arg-type]


@pytest.mark.proves("pre.perf", "S0-012")
def test_a_number_is_held_against_its_limit(tmp_path: Path) -> None:
    told = number(tmp_path, '{"fps": 58.5}')
    assert (told.verdict, told.figures) == (Verdict.PASS, {"value": 58.5})
    told = number(tmp_path, '{"runs": [{"fps": 60}, {"fps": 55}]}', field="runs.1.fps")
    assert told.verdict is Verdict.FAIL
    assert told.evidence.endswith("runs.1.fps is 55, wanted: above 55 count")


@pytest.mark.proves("S0-012")
@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"fps": null}', '{"fps": "60"}', '{"fps": true}', '{"fps": NaN}',
                                  '{"fps": Infinity}', "[" * 100_000])  # fmt: skip
def test_no_value_is_a_fail(tmp_path: Path, text: str) -> None:
    told = number(tmp_path, text)
    assert told.verdict is Verdict.FAIL
    assert len(told.evidence) < 300


def test_an_old_or_missing_file_fails(tmp_path: Path) -> None:
    number(tmp_path, '{"fps": 60}')
    os.utime(tmp_path / "fps.json", (time.time() - 7200,) * 2)
    old = JsonFileCheck(path=tmp_path / "fps.json", field="fps", wants="above 1 count", younger_than="1h").run({})  # type: ignore[arg-type]
    assert (old.verdict, "is 2h old, wanted: younger than 1h" in old.evidence) == (Verdict.FAIL, True)
    assert "there is no file" in JsonFileCheck(path=tmp_path / "x", field="a", wants="above 1 count").run({}).evidence  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        number(tmp_path, "{}", wants="55")


@pytest.mark.proves("S2-018")
def test_a_report_is_counted_and_what_failed_is_named(tmp_path: Path) -> None:
    told = report(tmp_path, REPORT)
    assert told.verdict is Verdict.FAIL
    assert told.figures == {"ran": 3, "failed": 2, "skipped": 1}
    assert told.evidence.splitlines()[1:] == ["shop pays", "deep"]
    assert "1 of 3 tests passed, 1 skipped; wanted: at least 100 %" in told.evidence
    assert report(tmp_path, REPORT, passed="at least 30 %").verdict is Verdict.PASS
    fine = REPORT.replace("<failure>no</failure>", "").replace("<error/>", "")
    assert report(tmp_path, fine).verdict is Verdict.PASS


def test_a_report_that_shows_nothing_is_no_pass(tmp_path: Path) -> None:
    assert "0 of 0 tests passed; wanted" in report(tmp_path, "<testsuites/>").evidence
    assert "no whole XML" in report(tmp_path, REPORT[:-20]).evidence
    assert report(tmp_path, REPORT, tests="at least 4 count", passed="at least 0 %").verdict is Verdict.FAIL
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><testsuites/>'
    assert report(tmp_path, bomb).verdict is Verdict.ERROR
    assert "there is no report" in JunitCheck(report=tmp_path / "none.xml").run({}).evidence
    os.utime(tmp_path / "e2e.xml", (time.time() - 7200,) * 2)
    assert "is 2h old" in JunitCheck(report=tmp_path / "e2e.xml", younger_than="1h").run({}).evidence  # type: ignore[arg-type]
