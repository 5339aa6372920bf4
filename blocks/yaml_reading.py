"""
From the bytes of a release spec to the spec: the one way to read one, for flows and for the command line.

Without Prefect: `tidegate plan` and `tidegate release` read specs, too. What `use:` names is `connect`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError

from blocks.yaml_refusals import QUOTE
from blocks.yaml_spec import MOST_BYTES, Document, read_yaml
from tidegate.errors import SpecError
from tidegate.language.complaints import Complaint, Path, complaints, shown
from tidegate.spec import Spec, compressed

SHOWN = 8  # mistakes told at once; who has more has another problem


def read_spec(text: bytes, name: str, compress: int = 1) -> Spec:
    """A spec from its bytes; one SpecError names file, line, path, what was found, what is allowed, what to do."""
    return spec_from(read_yaml(text, name), name, compress)


def spec_bytes(path: File) -> bytes:
    """The file's bytes, of a file that is too long as many as show it; SpecError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as failed:
        raise SpecError(f"{path} cannot be read: {failed.strerror}", "name a spec's file that you may read") from None


def spec_from(document: Document, name: str, compress: int = 1) -> Spec:
    """As read_spec, from what the loader read."""
    raw = document.value
    if not isinstance(raw, dict):
        raise SpecError(f"{name}:1:1: a release spec is a mapping of keys to values, this is {shown(raw)}",
                        "begin with `system: NAME`; docs/spec.md shows a whole one")  # fmt: skip
    if "compress" in raw:
        where = _place(document, ("compress",), name)
        raise SpecError(f"{where}: compress: it is never set in a file", "remove it; use --compress, for loopback only")
    try:
        spec = Spec.model_validate(raw)
    except ValidationError as wrong:
        raise _told(complaints(wrong, Spec), document, name) from None
    return compressed(spec, compress)


def _told(found: Sequence[Complaint], document: Document, name: str) -> SpecError:
    found = [_hinted(one, document) for one in found]
    lines = [_line(one, document, name) for one in found[:SHOWN]]
    if len(found) > 1:
        lines = [lines[0], *(f"{line} ({one.advice})" for line, one in zip(lines[1:], found[1:SHOWN], strict=True))]
    if len(found) > SHOWN:
        lines.append(f"and {len(found) - SHOWN} more")
    return SpecError("\n".join(lines), found[0].advice)


def _hinted(one: Complaint, document: Document) -> Complaint:
    """A key that stands alone within {...} is told what it probably is: the rest of a text that lacks its quotes."""
    return replace(one, advice=f"{_rest(one.path[-1])} {one.advice}") if one.path in document.bare else one


def _rest(key: object) -> str:
    return f"is {shown(key)} the rest of a text? {QUOTE}"


def _line(one: Complaint, document: Document, name: str) -> str:
    path = one.path or found_path(document.value, one.said.partition(": ")[0])
    return ": ".join(filter(None, (_place(document, path, name), one.where, one.said)))


def in_file(wrong: SpecError, name: str, text: bytes) -> SpecError:
    """The same mistakes, each with its file and line before it; `text` is the file, as it was read before."""
    document = read_yaml(text, name)
    said = [(line, found_path(document.value, line.partition(": ")[0])) for line in str(wrong).split("\n")]
    lines = [line if line.startswith(name) else f"{_place(document, path, name)}: {line}" for line, path in said]
    rest = [_rest(path[-1]) for _, path in said if path in document.bare]
    return SpecError("\n".join(lines), " ".join([*rest[:1], wrong.advice]))


def found_path(value: Any, dotted: str) -> Path:
    """From `checks.api-smoke.check` to the path in the file, as far as it is written there; entries by their name."""
    found, parts = list[str | int](), dotted.split(".")
    for n, part in enumerate(parts):
        if isinstance(value, list):
            at = next((at for at, one in enumerate(value) if part in _names(one, at)), None)
            if at is None:
                break
            found.append(at)
            value = value[at]
        elif isinstance(value, dict) and (key := ".".join(parts[n:])) in value:  # a key with dots, too
            return (*found, key)
        elif isinstance(value, dict) and part in value:
            found.append(part)
            value = value[part]
        else:
            if isinstance(value, dict) and isinstance(value.get("steps"), list):  # `plans.canary.25`
                return (*found, *found_path({"steps": value["steps"]}, f"steps.{part}"))
            break
    return tuple(found)


def _names(entry: Any, at: int) -> set[str]:
    """What an entry of a list is called by in a path."""
    told = [entry.get(key) for key in ("name", "act", "role", "check", "weight")] if isinstance(entry, dict) else []
    return {str(at), *(str(one) for one in told if isinstance(one, str | int))}


def _place(document: Document, path: Path, name: str) -> str:
    """`shop.yaml:12:5`: where the nearest part of this path that is written stands."""
    while path and path not in document.places:
        path = path[:-1]
    line, column = document.places.get(path, (1, 1))
    return f"{name}:{line}:{column}"
