"""What is wrong with a spec is said with file, line, path, what was found, what is allowed, and the near word."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from blocks import connect
from blocks.yaml_reading import read_spec
from tests.house.tree import ROOT
from tidegate.cli.checking import fields_of_connectors
from tidegate.cli.opened import spec_of
from tidegate.errors import SpecError
from tidegate.language.complaints import complaints, shown

SHOP = (ROOT / "deployments" / "releases" / "shop.yaml").read_text("utf-8")
FROM, LAST = "looking: {every", "  - {use: console-notifier"


def broken(old: str, new: str) -> SpecError:
    assert old in SPEC
    with pytest.raises(SpecError) as refused:
        read_spec(SPEC.replace(old, new, 1).encode(), "shop.yaml")
    return refused.value


EXTRA = """
calendar:
  holidays: [KR]
  blocked: [{name: night, opens: '22:00', closes: '24:00'}]
schedules:
  - {name: day-one, rhythm: {every: 30m, until: [{after: full, by: 24h}]}, checks: [shop-answers]}
timezone: Asia/Seoul
identity: {title: The shop, target: 2026-11-30, starts_at: '10:00'}
"""
SPEC = SHOP + EXTRA


@pytest.mark.proves("E29")
@pytest.mark.parametrize(
    ("old", "new", "said", "advice"),
    [
        (
            "{weight: 5, bake",
            "{wieght: 5, bake",
            "plans.canary.steps.0.wieght: unknown field",
            "did you mean 'weight'?",
        ),
        ("rhythm: {every", "rhythm: {evry", "schedules.0.rhythm.evry: unknown field", "did you mean 'every'?"),
        ("{after: full, by", "{aftr: full, by", "schedules.0.rhythm.until.0.aftr: unknown", "did you mean 'after'?"),
        ("hold: {deadline", "hold: {dedline", "hold.dedline: unknown field", "did you mean 'deadline'?"),
        ("readiness: go", "redyness: go", "redyness: unknown field 'redyness'", "did you mean 'readiness'?"),
        (
            "  api:\n    instances",
            "  api:\n    instnces",
            "components.api.instnces: unknown",
            "did you mean 'instances'?",
        ),
        (
            "on_expiry: rollback",
            "on_expiry: rolback",
            "found 'rolback'; allowed: rollback, stay",
            "did you mean 'rollback'?",
        ),
        ("after: full", "after: ful", "until.0.after: found 'ful'; allowed: start, deployed", "did you mean 'full'?"),
        ("readiness: go", "readiness: goo", "approval 'goo' is not defined; did you mean 'go'?", "tidegate check"),
        ("Asia/Seoul", "Asia/Seul", "timezone: 'Asia/Seul' is no time zone; did you mean 'Asia/Seoul'?", "mend"),
        ("2026-11-30", "9999-12-31", "identity.target: 9999-12-31 is out of range", "mend"),
        ("bake: 45m", "bake: 999999999d", "steps.0.bake: '999999999d' is longer than ten years", "mend"),
        ("bake: 45m", "bake: 45", "steps.0.bake: 45 is no duration; write a number with ms, s", "mend"),
        ("above 5 %", "above baseline x nan", "'nan' is no multiple", "mend"),
        ("above 5 %", f"above {'9' * 39} GB", "is too large", "mend"),
        ("weight: 5,", "weight: 500,", "steps.0.weight: found 500; input should be less than or equal to 100", "mend"),
        ("instances: 2", "instances: two", "components.api.instances: found 'two'; input should be", "mend"),
        ("    ask: Green", "    aks: Green", "approvals.0.aks: unknown field", "did you mean 'ask'?"),
    ],
)
def test_a_mistake_is_named_with_its_path_and_what_to_do(old: str, new: str, said: str, advice: str) -> None:
    error = broken(old, new)
    assert said in str(error)
    assert advice in error.advice
    line = next(n for n, text in enumerate(SPEC.replace(old, new, 1).split("\n"), 1) if new.split("\n")[0] in text)
    first = str(error).split("\n", maxsplit=1)[0]
    assert first.startswith("shop.yaml:")
    if "not defined" not in said and "\n" not in new:
        assert first.startswith(f"shop.yaml:{line}:")


def test_all_mistakes_are_told_at_once_the_misspelt_field_first() -> None:
    error = broken("{weight: 5, bake: 45m}", "{wieght: 5, bake: 45}")
    lines = str(error).split("\n")
    assert len(lines) == 3
    assert "wieght" in lines[0]
    assert "allowed here: after, approval, audience" in error.advice
    assert any(
        "this field is needed and missing" in line and "tidegate docs plans.canary.steps.weight" in line
        for line in lines
    )


@pytest.mark.parametrize("text", [b"- a\n", b"just words\n", b"5\n", b"system: x\ncompress: 5\n", b"system: [\n"])
def test_check_plan_and_release_say_the_same_words(text: bytes) -> None:
    told = set()
    for read in (read_spec, connect.read_spec, spec_of):
        with pytest.raises(SpecError, match=r"shop\.yaml:\d+:\d+: ") as refused:
            read(text, "shop.yaml")
        told.add((str(refused.value), refused.value.advice))
    assert len(told) == 1


def test_what_was_found_is_shown_on_one_short_line_whatever_it_is() -> None:
    error = broken("instances: 2", f'instances: "{"x" * 100_000}"')
    assert len(str(error)) < 500
    assert all(line.isprintable() for line in str(error).split("\n"))


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    weight: int = 0


class Product(BaseModel):
    model_config = ConfigDict(extra="forbid")
    status: int | list[int] = 200
    inner: dict[str, Annotated[Inner | None, Field(description="x")]] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"status": "x"}, "status"),
        ({"status": [1, "x"]}, "status"),
        ({"inner": {"int": {"wieght": 1}}}, "inner.int.wieght"),
        ({"inner": {"a": {"weight": "x"}}}, "inner.a.weight"),
    ],
)
def test_a_value_that_may_be_this_or_that_is_one_complaint_at_the_path_that_is_written(
    value: dict[str, object], where: str
) -> None:
    with pytest.raises(ValidationError) as wrong:
        Product.model_validate(value)
    found = complaints(wrong.value, Product)
    assert found[0].where == where
    if "wieght" in where:
        assert "did you mean 'weight'?" in found[0].advice
    assert len({one.path for one in found}) == len(found)


def test_what_a_value_was_is_told_without_its_bulk() -> None:
    assert [shown(one) for one in ({}, {"a": 1}, [1, 2], None, "x")] == [
        "an empty mapping", "a mapping", "a list of 2", "nothing", "'x'"
    ]  # fmt: skip
    assert len(shown("x" * 10_000)) < 90


# -- texts without their quotes ----------------------------------------------------------------------------------------

HINT = "Within {...} and [...], put a text that holds , ? : # [ ] { or } in quotes."


@pytest.mark.parametrize(
    "more",
    ["Really, now?", "Really?", "Go? on", "go: on", "a {b} c", "see [x] on", "?x", "open #1"],
)
def test_a_text_whose_sign_ends_it_is_answered_with_quotes(more: str) -> None:
    error = broken(
        "    says: the running shop", f"    serves: [X]\n    extra: {{text: {more}}}\n    says: the running shop"
    )
    assert "this is not YAML" in str(error)
    assert error.advice.startswith(HINT)
    assert "<" not in str(error), "the parser's own names of things"


@pytest.mark.parametrize("key", ["please", "now and then", "b=2", "deadline"])
def test_the_rest_of_a_text_behind_a_comma_is_told_to_be_one(key: str) -> None:
    error = broken("approvals:\n", f"approvals:\n  - {{name: last, ask: Open it, {key}}}\n")
    assert f"approvals.0.{key}: " in str(error)
    assert error.advice.startswith(f"is {key!r} the rest of a text? {HINT}")
    assert "None" not in str(error)


@pytest.mark.parametrize("entry", ["{name: last, ask: x, pleas: }", "{name: last, ask: x, pleas: y}"])
def test_a_key_with_its_colon_is_no_rest_of_a_text(entry: str) -> None:
    assert HINT not in broken("approvals:\n", f"approvals:\n  - {entry}\n").advice
    assert HINT not in broken("approvals:\n", "approvals:\n  - name: last\n    ask: x\n    pleas:\n").advice


def test_a_connectors_address_with_a_comma_is_answered_with_quotes() -> None:
    text = SPEC.replace('url: "${shop_url}/api/products"', "url: http://shop.example/list, v2.1=3", 1).encode()
    with pytest.raises(SpecError) as refused:
        fields_of_connectors(read_spec(text, "shop.yaml"), "shop.yaml", text)
    assert "checks.shop-answers.check.v2.1=3: unknown field 'v2.1=3'" in str(refused.value)
    assert refused.value.advice.startswith(f"is 'v2.1=3' the rest of a text? {HINT} ")
    assert "allowed here: " in refused.value.advice.lower()


@pytest.mark.parametrize(
    ("old", "new", "said", "advice"),
    [
        (
            "    ask: Green",
            "    approvers: joe\n    ask: Green",
            "found 'joe'; input should be a list",
            "brackets, also of one: [joe]",
        ),
        ("readiness: go", "readiness: [go]", "readiness: found a list of 1; input should be text", "mend"),
        (
            "    instances: 2",
            "    instances: 2\n    depends_on: {a: b}",
            "found a mapping; input should be a list",
            "mend",
        ),
        ("    instances: 2", "    instances: two", "input should be a whole number", "mend"),
    ],
)
def test_no_complaint_speaks_python(old: str, new: str, said: str, advice: str) -> None:
    error = broken(old, new)
    assert said in str(error)
    assert advice in error.advice
    assert "tuple" not in f"{error} {error.advice}"
