"""`tidegate docs KEY`: what a key of a release spec means, from the models that read it; and what a connector takes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit, UsageError
from tidegate.cli.table import Command

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from tidegate.language.field_words import Model


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
    from tidegate.language.field_words import inside, is_table, keys

    model, field, seen = spec, None, list[str]()
    for part in filter(None, key.split(".")):
        inner = model if field is None else inside(field)
        if inner is None:
            here.unknown("key", f"{'.'.join(seen)}.{part}", [".".join(seen)], f"nothing lies below {'.'.join(seen)}")
        known = keys(inner)
        if part in known:
            model, field = inner, known[part]
            seen.append(part)
        elif field is None or not is_table(field) or _misspelt(part, list(known)):
            here.unknown("key", part, sorted(known))
    return _told(".".join(seen), spec if field is None else inside(field), field)


def _misspelt(part: str, known: list[str]) -> bool:
    """Whether a word where a name of one's own may stand is meant as a key: it is nearly one."""
    import difflib

    return bool(difflib.get_close_matches(part, known, n=1, cutoff=0.79))


def _told(key: str, below: Model | None, field: FieldInfo | None) -> Explained:
    from tidegate.language.field_words import default_of, first_line, holds, keys, says

    inside = tuple((name, in_short(one)) for name, one in keys(below).items()) if below else ()
    if field is None:
        return Explained(key, "a mapping", "", first_line(below), inside)
    return Explained(key, holds(field), default_of(field), says(field) or first_line(below), inside)


def in_short(field: FieldInfo) -> str:
    """A key in its parent's list: what it means, what it holds, and whether it may be left out."""
    from tidegate.language.field_words import default_of, first_line, holds, inside, says

    default = "needed" if field.is_required() else f"default {default_of(field)}" if default_of(field) else ""
    meaning = says(field) or first_line(inside(field)).rstrip(".")
    return f"{meaning} ({', '.join(filter(None, [holds(field), default]))})".strip()


def _connector(slug: str) -> Explained:
    """A connector's own fields; its class knows them."""
    from blocks.built_connectors import instead
    from blocks.connect import known
    from tidegate.language.field_words import keys

    kinds = known()
    if slug not in kinds:
        raise UsageError(f"no connector {slug!r}", f"{instead(slug)}; docs/connectors.md lists all")
    kind = kinds[slug]
    inside = tuple((name, in_short(one)) for name, one in keys(kind).items())
    return Explained(slug, "a connector, named by `use:`", "", kind.get_description() or "", inside)


COMMANDS = {
    "docs": Command(
        examples=(
            ("tidegate docs gates.min_samples", "what this key of a spec means, its unit and its default"),
            ("tidegate docs traefik-router", "what this connector takes"),
        ),
        arguments=_arguments,
        run=_run,
        more="Without a key: the top of a spec. docs/spec.md is the same as a page, docs/connectors.md the connectors.",
    )
}
