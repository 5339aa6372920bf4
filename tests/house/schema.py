"""
Writes the JSON Schema of release specs again: `python -m tests.house.schema` (also by `make docs`).

Editors read it by the first line of a spec: completion, and a misspelt field underlined. It knows what stands in one
place; whether names meet, and everything about days, only `tidegate check` knows.
"""

from __future__ import annotations

import json
from typing import Any

from tests.house.tree import ROOT
from tidegate.language.field_words import keys
from tidegate.spec import Spec

FILE = ROOT / "deployments" / "release.schema.json"


def schema() -> dict[str, Any]:
    """The schema of a spec's file; what is set by Tidegate itself is no key of a file."""
    told = Spec.model_json_schema()
    for name in set(Spec.model_fields) - set(keys(Spec)):
        del told["properties"][name]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **told, "title": "A release spec of Tidegate"}


def as_text() -> str:
    return json.dumps(schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    FILE.write_text(as_text(), "utf-8")
    print(f"{FILE.relative_to(ROOT)}: {len(schema()['$defs'])} parts")


if __name__ == "__main__":
    main()
