"""docs/annotated-spec.yaml uses the whole language, once, and is a spec that works; `tidegate docs` knows every key."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from functools import cache
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from blocks.yaml_reading import read_spec
from blocks.yaml_spec import load_yaml
from tests.house.tree import ROOT
from tidegate.cli.exits import UsageError
from tidegate.cli.explaining import explained
from tidegate.cli.paper import on_paper
from tidegate.language.base import Use
from tidegate.spec import Spec

FILE, PAGE = ROOT / "docs" / "annotated-spec.yaml", ROOT / "docs" / "spec.md"
NOT_IN_A_FILE = {"Spec.compress"}


@cache
def annotated() -> Spec:
    return read_spec(FILE.read_bytes(), FILE.name)


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inside in get_args(annotation):
        yield from models(inside)


def language(model: type[BaseModel] = Spec, seen: set[type[BaseModel]] | None = None) -> set[type[BaseModel]]:
    """Every model that can be reached from a spec."""
    seen = {Spec} if seen is None else seen
    for field in model.model_fields.values():
        for inner in models(field.annotation):
            if inner not in seen:
                seen.add(inner)
                language(inner, seen)
    return seen


def used(part: Any) -> set[str]:
    """`Model.field` of everything that is written below this part."""
    if isinstance(part, BaseModel):
        found = {f"{type(part).__name__}.{name}" for name in part.model_fields_set if name in type(part).model_fields}
        return found.union(*(used(getattr(part, name)) for name in part.model_fields_set))
    if isinstance(part, dict):
        part = tuple(part.values())
    return set[str]().union(*map(used, part)) if isinstance(part, tuple) else set()


def test_every_field_of_every_model_of_the_language_occurs_in_it() -> None:
    every = {f"{model.__name__}.{name}" for model in language() for name in model.model_fields} - NOT_IN_A_FILE
    assert len(every) > 200
    missing = sorted(every - used(annotated()))
    assert not missing, f"add them to {FILE.name}: {', '.join(missing)}"


def test_every_top_level_key_has_a_comment() -> None:
    lines = FILE.read_text("utf-8").split("\n")
    bare = []
    for at, line in enumerate(lines):
        if re.match(r"[a-z_]+:", line):
            above = next((one for one in reversed(lines[:at]) if not re.match(r"[a-z_]+:", one)), "")
            if (
                "#" not in line
                and not above.startswith("#")
                and line.split(":")[0] not in ("description", "backups", "serves")
            ):
                bare.append(line)
    assert not bare, bare


@pytest.mark.proves("spec.time", "spec.strategies", "spec.identity", "spec.components", "spec.envmatrix")
def test_its_plan_can_be_made() -> None:
    told = on_paper(annotated(), FILE.name)
    assert f"{told.begins:%Y-%m-%d %H:%M}" == "2026-11-30 09:00", "ten o'clock in Berlin"
    assert [row.what for row in told.of("traffic") if row.what in ("5 %", "50 %", "100 %")] == ["5 %", "50 %", "100 %"]
    assert all(told.steps[f"{weight} %"][0].at is not None for weight in (5, 50, 100))
    assert {row.step for row in told.of("scheduled")} >= {one.name for one in annotated().schedules}


def test_the_page_shows_it_as_it_is() -> None:
    assert FILE.read_text("utf-8") in PAGE.read_text("utf-8"), "run `make docs`: docs/spec.md shows the annotated spec"


# -- tidegate docs KEY ------------------------------------------------------------------------------------------------


def keys(model: type[BaseModel] = Spec, before: str = "", depth: int = 0) -> Iterator[str]:
    """Every dotted key of the language."""
    for name, field in model.model_fields.items():
        key = f"{before}.{name}".lstrip(".")
        yield key
        for inner in models(field.annotation):
            if inner is not Use and depth < 5:
                yield from keys(inner, key, depth + 1)


KEYS = sorted(set(keys()) - {"compress"})


def test_every_key_can_be_asked_for_and_says_what_it_holds() -> None:
    assert len(KEYS) > 350
    wrong = [key for key in KEYS if (told := explained(Spec, key)).key != key or not told.holds]
    assert not wrong
    for key in KEYS:
        assert not re.search(r"typing|<class|timedelta|NoneType", explained(Spec, key).holds), key


@pytest.mark.parametrize("key", [key for key in KEYS[::7] if len(key.rpartition(".")[2]) > 3])
def test_a_misspelt_key_is_answered_with_the_near_one(key: str) -> None:
    *before, name = key.split(".")
    wrong = ".".join([*before, f"{name[0]}{name}x"])
    with pytest.raises(UsageError) as refused:
        explained(Spec, wrong)
    assert "did you mean" in refused.value.advice, (wrong, refused.value.advice)


def test_the_annotated_spec_is_not_the_smallest_one() -> None:
    """A union of models would hide fields from these tests."""
    for model in language():
        for field in model.model_fields.values():
            if get_origin(field.annotation) in (Union, types.UnionType):
                assert len(list(models(field.annotation))) <= 1
    assert isinstance(load_yaml(FILE.read_bytes(), FILE.name), dict)
