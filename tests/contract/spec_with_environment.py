"""The shop's spec with one environment of the test's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blocks.yaml_spec import load_yaml
from tests.house.tree import ROOT
from tidegate.language.identity import Environment
from tidegate.spec import Spec


def with_environment(name: str, variables: Sequence[dict[str, Any]]) -> Spec:
    shop = ROOT / "deployments" / "releases" / "shop.yaml"
    spec = Spec.model_validate(load_yaml(shop.read_bytes(), shop.name))
    made = Environment.model_validate({"variables": list(variables)})
    return spec.model_copy(update={"environments": {name: made}})
