"""The variables of an environment of the spec, as a command is given them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from tidegate.errors import Denied, SpecError
from tidegate.language.identity import Variable
from tidegate.spec import Spec

Variables = tuple[Variable, ...]


def variables(spec: Spec, named: str | dict[str, str]) -> Variables:
    """Those of the environment that is named; SpecError with the known ones for a name that is none."""
    if not isinstance(named, str):
        return ()
    if named not in spec.environments:
        known = ", ".join(spec.environments) or "none"
        raise SpecError(f"the spec has no environment {named!r}; it has {known}")
    return spec.environments[named].variables


def given(wanted: Iterable[Variable], facts: Mapping[str, str]) -> dict[str, str]:
    """
    Names and values: the spec's own, the step's weight for those that follow it, else our own environment's.

    Denied where a needed one has none.
    """
    values = {}
    for one in wanted:
        value = facts.get("weight") if one.follows else one.value if one.value is not None else os.environ.get(one.name)
        if value is not None:
            values[one.name] = value
        elif one.required:
            raise Denied(f"{one.name} has no value, and the environment of the spec needs one", "Set it for Tidegate.")
    return values
