"""The JSON Schema of specs is the one of the models, accepts every spec here, and underlines what is misspelt."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from blocks.yaml_spec import load_yaml
from tests.house.schema import FILE, as_text, schema
from tests.house.tree import ROOT

SPECS = [*sorted((ROOT / "deployments" / "releases").glob("*.yaml")), ROOT / "docs" / "annotated-spec.yaml"]
SHOP = ROOT / "deployments" / "releases" / "shop.yaml"


def problems(value: Any) -> list[str]:
    checker = jsonschema.Draft202012Validator(schema())
    return [f"{'.'.join(map(str, wrong.path))}: {wrong.message}" for wrong in checker.iter_errors(value)]


def test_the_committed_schema_is_the_one_of_the_models() -> None:
    assert FILE.read_text("utf-8") == as_text(), "run `make docs` and commit the schema"
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_spec_of_this_repository_is_accepted(path: Path) -> None:
    assert problems(load_yaml(path.read_bytes(), path.name)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("plans", "canary", "steps", 0, "wieght"), 5),
        (("redyness",), "go"),
        (("compress",), 10),
        (("plans", "canary", "steps", 0, "bake"), "45"),
        (("plans", "canary", "steps", 0, "bake"), 45),
        (("plans", "canary", "steps", 0, "weight"), 500),
        (("gates", 0, "target"), "0.5 %"),
        (("gates", 0, "target"), "at most 0.5"),
        (("gates", 0, "rollback"), "above baseline + 5ms"),
        (("hold", "on_expiry"), "rolback"),
        (("calendar",), {"windows": [{"name": "noon", "opens": "9:00", "closes": "24:01"}]}),
        (("identity",), {"title": "x", "target": "11.02.2026"}),
        (("components", "api", "router"), {"route": "shop"}),
    ],
)
def test_a_mistake_in_one_place_is_rejected(path: tuple[str | int, ...], value: Any) -> None:
    spec = copy.deepcopy(load_yaml(SHOP.read_bytes(), SHOP.name))
    owner = spec
    for part in path[:-1]:
        owner = owner[part]
    owner[path[-1]] = value
    assert problems(spec)


def test_the_models_accept_what_the_patterns_accept() -> None:
    spec = load_yaml(SHOP.read_bytes(), SHOP.name)
    spec["gates"][0] |= {"target": "below baseline + 5 %", "rollback": ">= baseline x 1.5"}
    spec["plans"]["canary"]["steps"][0]["bake"] = "1h 30m"
    spec["calendar"] = {"windows": [{"name": "noon", "opens": "09:00", "closes": "24:00"}]}
    assert problems(spec) == []
