"""
What is wrong with a spec, in sentences: where, what was found, what is allowed, what to do. Pure.

One complaint for each mistake that pydantic finds; the file and the line are the loader's business.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from tidegate.language.field_words import keys

Path = tuple[str | int, ...]
Model = type[BaseModel]
MEND = "mend the spec and run `tidegate check` again"
NEAR = 0.6


@dataclass(frozen=True, slots=True)
class Complaint:
    """One mistake: its path in the spec (empty: the whole), what was found and what is allowed, what to do."""

    path: Path
    said: str
    advice: str

    @property
    def where(self) -> str:
        """`plans.canary.steps.0.wieght`, as people type it; of odd keys no sign that a terminal would obey."""
        return ".".join(printable(str(part)) for part in self.path)


def complaints(wrong: ValidationError, model: Model) -> list[Complaint]:
    """Every mistake of one reading, misspelt keys first: what they leave out is often their other half."""
    found = _one_each(_apart([_complaint(one, model) for one in wrong.errors(include_url=False)]))
    return sorted(found, key=lambda one: not one.said.startswith("unknown"))


def _complaint(error: Mapping[str, Any], model: Model) -> Complaint:
    path, kind, context = written(model, tuple(error["loc"])), error["type"], error.get("ctx", {})
    match kind:
        case "extra_forbidden":
            allowed = fields_at(model, path[:-1])
            listed = f"allowed here: {', '.join(allowed)}" if allowed else MEND
            return Complaint(path, f"unknown field {shown(path[-1])}", f"{near(str(path[-1]), allowed)}{listed}")
        case "missing":
            return Complaint(path, "this field is needed and missing", f"`tidegate docs {_key(path)}` says what it is")
        case "literal_error" | "enum":
            choices = _choices(str(context.get("expected", "")))
            said = f"found {shown(error['input'])}; allowed: {', '.join(choices)}"
            return Complaint(path, said, f"{near(str(error['input']), choices)}{MEND}")
        case "string_pattern_mismatch":
            said = f"found {shown(error['input'])}; allowed is what matches {context.get('pattern')}"
            return Complaint(path, said, f"`tidegate docs {_key(path)}` says more")
        case "value_error":
            return Complaint(path, error["msg"].removeprefix("Value error, "), MEND)
        case "tuple_type" | "list_type" if isinstance(error["input"], str | int | float):
            advice = f"a list stands in brackets, also of one: [{printable(str(error['input'])[:60])}]"
            return Complaint(path, f"found {shown(error['input'])}; input should be a list", advice)
        case _:
            return Complaint(path, f"found {shown(error['input'])}; {_lower(error['msg'])}", MEND)


def _apart(found: Iterable[Complaint]) -> list[Complaint]:
    """A rule about the whole may find several mistakes, a line each, which begin with their own path."""
    return [Complaint(one.path, printable(line), one.advice) for one in found for line in one.said.split("\n")]


def _one_each(found: Iterable[Complaint]) -> list[Complaint]:
    """Of a value that may be this or that, pydantic tells what each would ask for: one complaint, the first."""
    first: dict[tuple[Path, str], Complaint] = {}
    for one in found:
        alone = not one.path or one.said.startswith("unknown")
        first.setdefault((one.path, one.said if alone else ""), one)
    return list(first.values())


def written(model: Model, path: Path) -> Path:
    """The path as it is written in the file: without pydantic's names for the branches of `this or that`."""
    here: Any = model
    found = list[str | int]()
    for part in path:
        arms = [one for one in get_args(_bare(here)) if one is not type(None)] if _is_union(_bare(here)) else []
        if arms and isinstance(part, str):
            here = next((arm for arm in arms if part in (str(arm), getattr(arm, "__name__", ""))), None)
            continue
        found.append(part)
        here = _below(here, part)
    return tuple(found)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType)


def near(word: str, known: Iterable[str]) -> str:
    """`did you mean 'weight'? `, or nothing when no known word is near."""
    names = list(known)
    found = difflib.get_close_matches(word[:80], names, n=1, cutoff=NEAR)
    if not found:
        lower = {name.lower(): name for name in names}
        found = [lower[one] for one in difflib.get_close_matches(word[:80].lower(), lower, n=1, cutoff=NEAR)]
    return f"did you mean {found[0]!r}? " if found else ""


def listed(places: Sequence[str], most: int = 3) -> str:
    """The first places of many, and how many more there are."""
    more = len(places) - most
    return ", ".join(places[:most]) + (f" and {more} more" if more > 0 else "")


def fields_at(model: Model, path: Path) -> list[str]:
    """The keys of the mapping at this path, sorted; none where names of one's own stand, or no model lies."""
    here: Any = model
    for part in path:
        here = _below(here, part)
    return sorted(keys(here)) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _below(annotation: Any, part: str | int) -> Any:
    """The annotation of what lies under `part`: a model's field, an entry of a tuple or a mapping."""
    inner = _bare(annotation)
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        field = inner.model_fields.get(str(part))
        return _bare(field.annotation) if field else None
    inside = [one for one in get_args(inner) if one not in (type(None), ...)]
    return _bare(inside[-1]) if inside else None


def _bare(annotation: Any) -> Any:
    """Without `Annotated` and without `| None`, where one thing is left."""
    while True:
        inside = [one for one in get_args(annotation) if one is not type(None)]
        if hasattr(annotation, "__metadata__") or (_is_union(annotation) and len(inside) == 1):
            annotation = inside[0]
        else:
            return annotation


def _key(path: Path) -> str:
    return ".".join(str(part) for part in path if isinstance(part, str) and part.isidentifier())


def _choices(expected: str) -> list[str]:
    """From pydantic's `'a', 'b' or 'c'`."""
    return [one.strip().strip("'") for one in expected.replace(" or ", ", ").split(", ") if one.strip()]


def _lower(sentence: str) -> str:
    """Pydantic's sentence in the middle of ours, in the words of who writes a file."""
    for python, written_so in _WORDS.items():
        sentence = sentence.replace(python, written_so)
    return printable(sentence[:1].lower() + sentence[1:])


_WORDS = {
    "a valid tuple": "a list",
    "a valid list": "a list",
    "Tuple should": "the list should",
    "a valid dictionary": "a mapping of keys to values",
    "Dictionary should": "the mapping should",
    "a valid string": "text",
    "a valid boolean": "true or false",
    "a valid integer": "a whole number",
    " after validation, not 0": "",
    " after validation": "",
}


def shown(value: Any) -> str:
    """What was found, on one short line: a scalar as it is, of the rest its kind."""
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    text = repr(value)
    return printable(text if len(text) <= 80 else f"{text[:60]}...{text[-10:]}")


def printable(text: str) -> str:
    """At most 400 signs, each of them one that can be seen."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text[:400])
