"""Argo Rollouts' published conditions (utils/evaluate/evaluate_test.go, 222a61d8), and the rest of the language."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tidegate.judge.foreign.argo.conditions import Phase, eval_condition, evaluate_result, shown
from tidegate.judge.foreign.argo.functions import as_float, as_int
from tidegate.judge.foreign.argo.tokens import ConditionError

nan, inf = math.nan, math.inf
NESTED = {"service_apdex": {"label": None, "values": {"values": [2.0, 2.0]}}}


@pytest.mark.parametrize(
    ("success", "failure", "phase"),
    [
        ("true", "false", Phase.SUCCESSFUL),
        ("true", "true", Phase.FAILED),
        ("false", "false", Phase.INCONCLUSIVE),
        ("", "false", Phase.SUCCESSFUL),
        ("false", "", Phase.FAILED),
        ("", "", Phase.SUCCESSFUL),
        ("a == true", "true", Phase.ERROR),
        ("true", "a == true", Phase.ERROR),
    ],
)
def test_published_phases(success: str, failure: str, phase: Phase) -> None:
    found, why = evaluate_result(True, success, failure)
    assert found is phase
    assert bool(why) is (phase is Phase.ERROR)


@pytest.mark.parametrize(
    ("result", "condition", "expected"),
    [
        (True, "result == true", True),
        (True, "result == false", False),
        (NESTED, "all(result.service_apdex.values.values, {# > 1})", True),
        ([2.0, 2.0], "2 in result", True),
        (5.0, "result > 1", True),
        ("1", "asInt(result) == 1", True),
        (1, "asInt(result) == 1", True),
        (1.123, "asInt(result) == 1", True),
        ("1.1", "asFloat(result) == 1.1", True),
        ("1.1", "asFloat(result) >= 1.1", True),
        ("1.1", "asFloat(result) <= 1.1", True),
        (1.1, "asFloat(result) == 1.1", True),
        (1, "asFloat(result) == 1", True),
        (1, "asFloat(result) >= 1", True),
        ([5.0], "result[0] <= 10", True),
    ],
)
def test_published_conditions(result: Any, condition: str, expected: bool) -> None:
    assert eval_condition(result, condition) is expected


@pytest.mark.parametrize(
    ("result", "condition", "why"),
    [
        (True, "1", "expected bool, but got int"),
        (True, "invalidVariable", "unknown name invalidVariable"),
        (True, "result.Name() == 'hi'", "no field Name"),
        ("1.1", "asInt(result) == 1.1", "invalid syntax"),
        ("NotANum", "asFloat(result) == 1.1", 'strconv.ParseFloat: parsing "NotANum": invalid syntax'),
        ("1.1", 'asFloat(result) == "1.1"', r"invalid operation: == \(mismatched types float64 and string\)"),
        ([], "result[0] <= 10", r"len\(result\) > 0"),
    ],
)
def test_published_errors(result: Any, condition: str, why: str) -> None:
    with pytest.raises(ConditionError, match=why):
        eval_condition(result, condition)


def test_published_conversions() -> None:
    assert as_int("1") == 1
    assert as_float("1") == 1.0
    assert as_float("1.1") == 1.1
    for wrong in ("notint", "1.1"):
        with pytest.raises(ConditionError):
            as_int(wrong)
    with pytest.raises(ConditionError):
        as_float("notfloat")


@pytest.mark.parametrize(
    ("result", "condition", "expected"),
    [
        (inf, "isInf(result)", True),
        (0.0, "isInf(result)", False),
        (None, "default(result, 0) == 0", True),
        (None, "default(result, 2) == 2", True),
        (1.0, "default(result, 0) == 1", True),
        (None, "isNil(result)", True),
        (1.0, "isNil(result)", False),
        (["hi", "hello"], "isNil(result)", False),
        (False, "isNil(result)", False),
    ],
)
def test_published_own_functions(result: Any, condition: str, expected: bool) -> None:
    assert eval_condition(result, condition) is expected


# The conditions that the project's documentation gives for NaN, infinity, empty and missing results.
@pytest.mark.parametrize(
    ("result", "success", "failure", "phase"),
    [
        ([nan], "result[0] >= 0.95", "", Phase.FAILED),
        ([nan], "", "result[0] < 0.95", Phase.SUCCESSFUL),
        ([nan], "result[0] >= 0.95", "result[0] < 0.5", Phase.INCONCLUSIVE),
        ([nan], "isNaN(result[0]) || result[0] >= 0.95", "", Phase.SUCCESSFUL),
        ([inf], "isInf(result[0])", "", Phase.SUCCESSFUL),
        ([nan], "isNaN(result) || result[0] >= 0.95", "", Phase.ERROR),
        ([], "result[0] >= 0.95", "", Phase.ERROR),
        ([], "len(result) == 0 || result[0] >= 0.95", "", Phase.SUCCESSFUL),
        ([], "len(result) > 0 ? result[0] < 1 : true", "", Phase.SUCCESSFUL),
        (None, "result[0] >= 0.95", "", Phase.ERROR),
        (None, "default(result, 0) < 0.05", "", Phase.SUCCESSFUL),
        (None, "result < 0.05", "", Phase.ERROR),
        ([2.0], "result >= 0", "", Phase.ERROR),
        ({"ok": True}, "result.ok && result.healthy", "", Phase.ERROR),
        ({"ok": True}, "result.ok && result.healthy != nil", "", Phase.FAILED),
    ],
)
def test_results_that_are_no_plain_number(result: Any, success: str, failure: str, phase: Phase) -> None:
    assert evaluate_result(result, success, failure)[0] is phase


@pytest.mark.parametrize(
    "condition",
    [
        "result.n + 1 * 2 == 5",
        "-2 ** 2 == -4 and 2 ^ 3 ** 2 == 512",
        "7 % 4 == 3 and 1 / 2 == 0.5 and 0x10 == 16 and 1_000 == 1e3 and .5 == 0.5",
        "not (result.n > 3) and !(result.n < 3)",
        "not result.yes == false",
        "result.name startsWith 'ab' and result.name endsWith \"de\" and result.name contains `c`",
        "result.name matches '^a.*e$' and not (result.name matches 'z')",
        "result.n in 1..5 and 'name' in result and result.n not in [1, 2]",
        "result['list'][1] == 2 and result.list[-1] == 3 and result?.gone?.deep == nil",
        "result.list[1:] == [2, 3] and result.list[:1] == [1] and result.name[1:3] == 'bc'",
        "any(result.rows, .code >= 500) and none(result.rows, {#.code < 200}) and one(result.rows, # .code == 200)",
        "filter(result.list, # > 1) == [2, 3] and map(result.list, # * 2)[2] == 6 and count(result.list, # > 2) == 1",
        "result.list | filter(# > 1) | len() == 2",
        "find(result.rows, .code == 500).path == '/pay' and findIndex(result.list, # == 9) == -1",
        "all(result.list, # == #index + 1)",
        "sum(result.list) == 6 and mean(result.list) == 2 and median(1, 5, 3) == 3 and max(result.list, 7) == 7",
        "abs(-2) == 2 and ceil(1.2) == 2 and floor(-1.2) == -2 and round(2.5) == 3 and round(-2.5) == -3",
        "first(result.list) == 1 and last([]) == nil and len('abc') == 3 and upper(trim(' a ')) == 'A'",
        "(result.gone ?? 4) == 4 and (result.yes ?: false)",
        "result.yes ? result.n == 3 : false",
        "{a: 1, 'b': [1.0]} == {b: [1], a: 1} and [1, 'a'] != [1, 'b']",
        "1 / 0 > 1e308 and 0 / 0 != 0 / 0 and string(1.5) == '1.5' and float('2') == 2.0",
        "true // the rest is a remark",
        "/* before */ result.yes == true",
        "keys(result)[0] == 'n' and len(values(result.rows[0])) == 2",
    ],
)
def test_the_language(condition: str) -> None:
    rows = [{"code": 500, "path": "/pay"}, {"code": 200, "path": "/"}]
    result = {"n": 3, "yes": True, "name": "abcde", "list": [1, 2, 3], "rows": rows}
    assert eval_condition(result, condition) is True


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("", "unexpected the end"),
        ("result >", "unexpected the end"),
        ("result > 1)", r"unexpected \)"),
        ("(result > 1", r"expected \)"),
        ("result = 1", "unexpected|unrecognized"),
        ("result & 1", "unrecognized character '&'"),
        ("let x = 1; x > 0", "unexpected x"),
        ("result > 'a'", "mismatched types float64 and string"),
        ("result && true", "mismatched types float64 and bool"),
        ("result == 'a'", "mismatched types float64 and string"),
        ("true || nothing > 1", "unknown name nothing"),
        ("!result", "mismatched type float64"),
        ("result ? true : false", "non-bool"),
        ("len(result) > 0", "cannot|invalid argument"),
        ("all(result, # > 1)", "cannot use float64"),
        ("all([1, 'a'], #)", "predicate of all should return bool"),
        ("# > 1", "# stands outside of a predicate"),
        ("asInt(result, 2) == 1", "asInt takes 1 arguments, found 2"),
        ("exec('x') == 1", "unknown name exec"),
        ("result.__class__ == nil", "has no field __class__"),
        ("'a' matches '('", "not a regular expression"),
        ("1 % 0 == 1", "invalid operation"),
        ("1.5 % 1 == 0", "invalid operation"),
        ("min([]) == 1", "not enough arguments to call min"),
        ("1..9999999 == []", "invalid operation"),
        ("all(1..90000, all(1..90000, # > 0))", "not decided after"),
        ("(" * 80 + "1" + ")" * 80, "nested more than"),
        ("1" + "+1" * 300 + " > 1", "words; at most"),
        (" " * 5000, "characters; at most"),
    ],
)
def test_what_cannot_be_decided_says_why(condition: str, why: str) -> None:
    with pytest.raises(ConditionError, match=why):
        eval_condition(1.0, condition)


def test_a_boolean_is_no_number() -> None:
    assert eval_condition([True], "result[0] == 1") is False
    assert eval_condition([1], "true in result") is False


def test_own_functions_look_at_the_whole_result_whatever_they_are_given() -> None:
    assert eval_condition({"a": None}, "isNil(result.a)") is False
    assert eval_condition({"a": None}, "default(result.a, 1) == result") is True


def test_results_are_shown_short() -> None:
    assert [shown(value) for value in ([0.5, nan], inf, "x", None)] == ["[0.5,NaN]", "+Inf", "x", "None"]
