"""`tidegate docs KEY`: what a key of a release spec means, from the models that read it; and what a connector takes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit
from tidegate.cli.table import Command

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

Model = type["BaseModel"]


@dataclass(frozen=True, slots=True)
class Explained:
    """A key: what it holds, what it means, and the keys below it."""

    key: str
    holds: str
    default: str
    says: str
    below: tuple[tuple[str, str], ...]  # name, what it means


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "key", nargs="?", default="", help="a key, e.g. gates.min_samples, or a connector, e.g. traefik-router"
    )


def _run(arguments: Namespace) -> Exit:
    from tidegate.spec import Spec

    found = (
        _connector(arguments.key)
        if "-" in arguments.key and "." not in arguments.key
        else explained(Spec, arguments.key)
    )
    if arguments.json:
        below = [{"key": name, "says": says} for name, says in found.below]
        terminal.give(
            "docs",
            {"key": found.key, "holds": found.holds, "default": found.default, "says": found.says, "below": below},
        )
        return Exit.DONE
    terminal.say(
        f"{found.key or 'a release spec'}: {found.holds}{f' (default: {found.default})' if found.default else ''}"
    )
    if found.says:
        terminal.say(f"  {found.says}")
    for name, says in found.below:
        terminal.say(f"  {name}{f': {says}' if says else ''}")
    return Exit.DONE


def explained(spec: Model, key: str) -> Explained:
    """Walk from the spec to a key; names of components, plans and the like may stand between or be left out."""
    model, field, seen = spec, None, list[str]()
    for part in filter(None, key.split(".")):
        inner = model if field is None else _inside(field)
        if inner is None:
            here.unknown("key", f"{'.'.join(seen)}.{part}", [".".join(seen)], f"nothing lies below {'.'.join(seen)}")
        if part in inner.model_fields:
            model, field = inner, inner.model_fields[part]
            seen.append(part)
        elif field is None or not _is_table(field) or _misspelt(part, list(inner.model_fields)):
            here.unknown("key", part, sorted(inner.model_fields))
    return _told(".".join(seen), spec if field is None else _inside(field), field)


def _misspelt(part: str, known: list[str]) -> bool:
    """Whether a word where a name of one's own may stand is meant as a key: it is nearly one."""
    import difflib

    return bool(difflib.get_close_matches(part, known, n=1, cutoff=0.79))


def _told(key: str, below: Model | None, field: FieldInfo | None) -> Explained:
    inside = tuple((name, _in_short(one)) for name, one in below.model_fields.items()) if below else ()
    if field is None:
        return Explained(key, "a mapping", "", _first_line(below), inside)
    return Explained(key, _holds(field), _default(field), _says(field) or _first_line(below), inside)


def _in_short(field: FieldInfo) -> str:
    """A key in its parent's list: what it means, what it holds, and whether it may be left out."""
    default = "needed" if field.is_required() else f"default {_default(field)}" if _default(field) else ""
    return f"{_says(field)} ({', '.join(filter(None, [_holds(field), default]))})".strip()


def _connector(slug: str) -> Explained:
    """A connector's own fields; its class knows them."""
    from blocks.connect import known

    kinds = known()
    if slug not in kinds:
        here.unknown("connector", slug, sorted(kinds))
    kind = kinds[slug]
    fields = {name: one for name, one in kind.model_fields.items() if not name.startswith("_")}
    inside = tuple((name, f"{_says(one)}{_needed(one)}".strip()) for name, one in fields.items())
    return Explained(slug, "a connector, named by `use:`", "", kind.get_description() or "", inside)


def _needed(field: FieldInfo) -> str:
    return " (needed)" if field.is_required() else f" (default: {_default(field)})" if _default(field) else ""


def _inside(field: FieldInfo) -> Model | None:
    """The model that a field holds, one or many of it."""
    from pydantic import BaseModel

    waiting = [field.annotation]
    while waiting:
        found = waiting.pop()
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
        waiting.extend(one for one in get_args(found) if one not in (type(None), ...))
    return None


def _is_table(field: FieldInfo) -> bool:
    return str(field.annotation).startswith("dict")


def _holds(field: FieldInfo) -> str:
    inner, told = _inside(field), str(field.annotation)
    if inner is not None:
        many = "a mapping of names to" if _is_table(field) else "a list of" if told.startswith("tuple") else "a"
        return f"{many} {inner.__name__}"
    for word, says in _WORDS.items():
        if word in told:
            return f"a list, each a {says}" if told.startswith("tuple") else says
    choices = [str(one) for one in get_args(field.annotation) if isinstance(one, str)]
    return " or ".join(choices) if choices else "text"


_WORDS = {
    "timedelta": "duration, e.g. 45m",
    "Limit": "limit with its operator, e.g. below 1 %",
    "datetime.time": "clock time in quotes, e.g. '09:00'",
    "datetime.date": "date, e.g. 2026-02-11",
    "bool": "yes or no (true, false)",
    "int": "whole number",
    "float": "number with unit, e.g. 0.5 %",
}


def _default(field: FieldInfo) -> str:
    from datetime import timedelta

    from pydantic import BaseModel

    from tidegate.quantities import spoken

    if field.is_required():
        return ""
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, timedelta):
        return spoken(value)
    return "" if value in (None, "", (), [], {}) or isinstance(value, BaseModel) else str(value)


def _says(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _first_line(model: Model | None) -> str:
    return ((model.__doc__ if model else "") or "").strip().split("\n")[0]


COMMANDS = {
    "docs": Command(
        examples=(
            ("tidegate docs gates.min_samples", "what this key of a spec means, its unit and its default"),
            ("tidegate docs traefik-router", "what this connector takes"),
        ),
        arguments=_arguments,
        run=_run,
        more="Without a key: the top of a spec. docs/spec.md is the same as a page.",
    )
}
