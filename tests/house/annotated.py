"""Shows docs/annotated-spec.yaml in docs/spec.md as it is: `python -m tests.house.annotated` (also by `make docs`)."""

from __future__ import annotations

from tests.house.tree import ROOT

FILE, PAGE = ROOT / "docs" / "annotated-spec.yaml", ROOT / "docs" / "spec.md"
BEGIN, END = "<!-- the annotated spec, written by `make docs` -->\n```yaml\n", "```\n<!-- its end -->\n"


def page(told: str, annotated: str) -> str:
    """The page with the annotated spec between its two marks; ValueError when a mark is missing."""
    before, after = told.index(BEGIN) + len(BEGIN), told.index(END)
    return told[:before] + annotated + told[after:]


def main() -> None:
    PAGE.write_text(page(PAGE.read_text("utf-8"), FILE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
