"""
No field of the language is a promise in silence: what nothing carries out is refused by name, or only describes.

Of each field one of three holds: code that runs a release reads an attribute of its name; `UNBUILT` names its place, so
a real release of it is refused; or it stands below with the reason why there is nothing to carry out. A name that two
models share is not told apart: a reader of one counts for both.
"""

from __future__ import annotations

import ast
import typing
from collections.abc import Iterator
from functools import cache

import pytest
from pydantic import BaseModel

from tests.house.tree import ROOT, place, python_files, syntax
from tidegate.spec import Spec

ONLY_TOLD = (
    "tidegate/language/",
    "tidegate/timetable/",
    "tidegate/simulation/",
    "tidegate/rehearsal/",
    "tidegate/cli/",
)
"""Code that checks, plans or rehearses a spec: it reads every field, and carries out none."""

UNBUILT = ROOT / "tidegate" / "language" / "unbuilt.py"

DESCRIBES: dict[str, str] = {
    "Spec.schema_version": "how the file is read",
    "Spec.description": "for readers",
    "Flag.strategy": "for readers; the flag's router gives its share and its groups",
    "Comparison.learns": "read by the comparison's own policy",
    "Spec.contacts": "who people are; who is told is the business of channels and approvers",
    "Contact.reach": "as above",
    "Contact.handle": "as above",
    "Contact.level": "as above",
    "Contact.hours": "as above",
    "Identity.at_least": "planned: `tidegate check` compares",
    "Identity.at_most": "planned: `tidegate check` compares",
    "Identity.references": "for readers",
    "Identity.effects": "for readers",
    "Identity.from_version": "for readers; what production runs is read from it",
    "Document.author": "for readers",
    "Document.next_review": "for readers",
    "Calendar.cadence": "planned: when releases are meant to be",
    "Cadence.on": "planned",
    "Window.rank": "planned: which of the open hours are best",
    "Environment.branch": "which branch is meant; a project's own workflow starts the release",
    "Flag.names": "the providers' own spellings; each connector is given its own",
    "Plan.budget": "planned: `tidegate check` compares",
    "Act.budget": "planned: the plan adds it up",
    "Comparison.argo": "read by the comparison through its judge's name",
    "Comparison.kayenta": "read by the comparison through its judge's name",
    "Hold.stay_reason": "for readers; a stay without one is refused",
}


def models(kind: object) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in typing.get_args(kind):
        yield from models(part)


def fields(of: type[BaseModel]) -> set[str]:
    """`Model.field` of the spec and everything in it."""
    found, left = dict[type[BaseModel], None](), [of]
    while left:
        one = left.pop()
        if one not in found:
            found[one] = None
            left += [inner for field in one.model_fields.values() for inner in models(field.annotation)]
    return {f"{one.__name__}.{name}" for one in found for name in one.model_fields}


def attributes(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


@cache
def carried_out() -> frozenset[str]:
    """Names of attributes that the code of a real release reads."""
    paths = (path for path in python_files("tidegate", "tasks", "flows", "blocks", "deployments"))
    names = (attributes(syntax(path)) for path in paths if not place(path).startswith(ONLY_TOLD))
    return frozenset().union(*names)


def silent(of: type[BaseModel]) -> set[str]:
    known = carried_out() | attributes(syntax(UNBUILT)) | {"serves"}
    return {one for one in fields(of) if one.partition(".")[2] not in known} - set(DESCRIBES) - within_what_is_refused()


def within_what_is_refused() -> set[str]:
    """Fields of parts that are refused as a whole."""
    refused = ("Experiment", "Remedy", "Audience", "Slo", "Timer", "Ready", "Item")
    return {one for one in fields(Spec) if one.partition(".")[0] in refused} | {"Component.exclude_until"}


def test_every_field_is_carried_out_refused_or_only_describes() -> None:
    assert not silent(Spec), "build it, put it into tidegate/language/unbuilt.py, or say here why it only describes"


def test_a_field_that_nothing_reads_is_found() -> None:
    class Further(Spec):
        quietly_promised: str = ""

    assert "Further.quietly_promised" in silent(Further)


@pytest.mark.parametrize("name", sorted(DESCRIBES))
def test_what_only_describes_is_a_field(name: str) -> None:
    assert name in fields(Spec), "it is gone: take it off the list"
