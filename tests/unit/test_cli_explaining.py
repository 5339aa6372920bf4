"""`tidegate docs KEY`: from the models themselves, so it cannot tell of a key that is not read."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from blocks.connect import known
from tests.house.schema import schema
from tests.typed import Said, settle
from tidegate.cli.exits import UsageError
from tidegate.cli.explaining import Explained, explained
from tidegate.language.complaints import fields_at
from tidegate.language.field_words import default_of, holds, keys
from tidegate.spec import Spec

PYTHON = re.compile(r"<|typing\.|Literal|Annotated|NoneType|None|True|False|timedelta|Enum|\.\w+ object|datetime")


def everything() -> list[Explained]:
    """Every key of the language, each way to it once."""
    waiting, found = [""], list[Explained]()
    while waiting:
        found.append(explained(Spec, waiting.pop()))
        waiting += [f"{found[-1].key}.{name}".strip(".") for name, _ in found[-1].below]
    return found


@pytest.mark.proves("E32")
@pytest.mark.parametrize(
    ("key", "holds", "default"),
    [
        ("gates.min_samples", "whole number from 0 to 10,000,000", "0"),
        ("gates.target", "limit with its operator, e.g. below 1 %", ""),
        ("hold.deadline", "duration, e.g. 45m", "10m"),
        ("hold.on_expiry", "rollback or stay", "rollback"),
        ("plans.canary.steps.weight", "whole number from 1 to 100", ""),
        ("components.api.router", "a connector: `use: NAME` and its own fields", ""),
        ("components.router", "a connector: `use: NAME` and its own fields", ""),
        ("verification.slots", "a list, each a duration, e.g. 45m", ""),
        ("metrics.by", "page, endpoint, error-type or error-level", ""),
        ("metrics.levels", "a mapping of texts to info, warning or critical", ""),
        ("approvals.on_expiry", "rollback or abort", ""),
        ("approvals.approvers", "a list, each a text", ""),
        ("gates.tell", "a list, each a name", ""),
        (
            "calendar.windows.days",
            "a list, each one of mon, tue, wed, thu, fri, sat or sun",
            "mon, tue, wed, thu, fri, sat, sun",
        ),
        ("calendar.blocked.holidays", "true or false", "false"),
        ("contacts.reach", "a list, each one of phone, sms, slack, email or pagerduty", ""),
        ("triggers.until", "a Moment, e.g. {after: full, by: 24h}", "{after: full, by: 7d}"),
        ("triggers.failures", "whole number from 1 to 1,000,000", "1"),
        ("routines", "a mapping of names to a list of Act", ""),
        ("identity", "an Identity", ""),
    ],
)
def test_a_key_is_told_with_what_it_holds_and_its_default(key: str, holds: str, default: str) -> None:
    found = explained(Spec, key)
    assert (found.holds, found.default) == (holds, default)


def test_every_key_of_a_spec_can_be_asked_for() -> None:
    assert len(everything()) > 350


def test_a_mistyped_key_is_answered_with_the_near_one() -> None:
    with pytest.raises(UsageError, match="min_sample") as refused:
        explained(Spec, "gates.min_sample")
    assert "did you mean 'min_samples'" in refused.value.advice
    with pytest.raises(UsageError):
        explained(Spec, "gates.min_samples.more")


def test_a_list_of_keys_says_which_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(tmp_path, monkeypatch)
    said = Said(capsys, "docs", "gates")
    assert said.code == 0
    assert "metric: a metric's name, e.g. error_rate (metric's name, needed)" in said.out
    needed = "min_samples: requests that a reading needs; fewer are no verdict"
    assert f"{needed} (whole number from 0 to 10,000,000, default 0)" in said.out


# -- every type, in words ----------------------------------------------------------------------------------------------


def models(of: Any) -> Iterator[type[BaseModel]]:
    """Every model below this one, itself first."""
    waiting, seen = [of], set[Any]()
    while waiting:
        found = waiting.pop()
        if found in seen:
            continue
        seen.add(found)
        if isinstance(found, type) and issubclass(found, BaseModel):
            yield found
            waiting += [field.annotation for field in keys(found).values()]
        waiting += get_args(found)


def fields() -> list[tuple[str, FieldInfo]]:
    """Every field of the language and of every connector that is built."""
    every = [*models(Spec), *(inner for kind in known().values() for inner in models(kind))]
    return [(f"{one.__name__}.{name}", field) for one in every for name, field in keys(one).items()]


def bare(annotation: Any) -> Any:
    """Without `| None` and `Annotated`."""
    while get_origin(annotation) in (Union, types.UnionType, Annotated):
        arms = [one for one in get_args(annotation) if one is not type(None)]
        if get_origin(annotation) is not Annotated and len(arms) != 1:
            return annotation
        annotation = arms[0]
    return annotation


def choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(one).lower() if isinstance(one, bool) else str(one) for one in get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(one.value) for one in annotation]
    return []


def test_no_type_and_no_default_is_told_in_python() -> None:
    every = fields()
    assert len(every) > 300
    wrong = {name: told for name, field in every if PYTHON.search(told := f"{holds(field)} {default_of(field)}")}
    assert not wrong


def test_lists_and_mappings_say_so_and_choices_name_every_word() -> None:
    seen = {"list": 0, "mapping": 0, "choices": 0}
    for name, field in fields():
        kind, told = bare(field.annotation), holds(field)
        inner = kind
        if get_origin(kind) in (tuple, list):
            seen["list"] += 1
            assert told.startswith("a list"), (name, told)
            inner = bare(get_args(kind)[0])
        elif get_origin(kind) is dict:
            seen["mapping"] += 1
            assert told.startswith("a mapping"), (name, told)
            inner = bare(get_args(kind)[1])
        else:
            assert not told.startswith("a list"), (name, told)
        if words := choices(inner):
            seen["choices"] += 1
            assert set(words) <= set(re.split(r", | or | to | of ", told)), (name, told)
    assert min(seen.values()) > 15, seen


def test_every_duration_of_a_spec_and_of_a_connector_is_written_with_its_unit() -> None:
    times = [(name, field) for name, field in fields() if bare(field.annotation) is timedelta]
    assert len(times) > 30
    bareheaded = [name for name, field in times if "BeforeValidator" not in repr((field.metadata, field.annotation))]
    assert not bareheaded, "timedelta alone takes PT5S and no 5s: write Duration"


def test_what_no_file_may_have_is_nowhere_offered() -> None:
    assert "compress" not in [name for name, _ in explained(Spec, "").below]
    with pytest.raises(UsageError):
        explained(Spec, "compress")
    assert "compress" not in fields_at(Spec, ())
    assert "compress" not in schema()["properties"]


@pytest.mark.parametrize(
    ("slug", "advice"),
    [("command-lamp", "None of this kind (lamp) is built yet"), ("sqlite-bakup", "Did you mean 'sqlite-backup'?")],
)
def test_a_connector_that_is_not_built_is_answered_with_its_kind(
    slug: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(tmp_path, monkeypatch)
    said = Said(capsys, "docs", slug)
    assert said.code == 2
    assert f"No connector '{slug}'" in said.err
    assert advice in said.err
    assert "command-check" not in said.err
