"""Reports as files: one folder a release, HTML in English and Korean and Markdown beside it, replaced atomically."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tidegate.errors import Unreachable
from tidegate.ledger import Ledger
from tidegate.report.facts import ReleaseFacts, facts_of
from tidegate.report.html import html_of
from tidegate.report.markdown import markdown_of
from tidegate.spec import Spec


class FolderReports:
    """Writes a release's report from its chain and its readings."""

    def __init__(self, folder: Path, ledger: Ledger, spec_of: Callable[[Mapping[str, Any]], Spec]) -> None:
        self.folder, self.ledger, self.spec_of = folder, ledger, spec_of

    def facts(self, release: str) -> ReleaseFacts:
        entries = self.ledger.entries(release)
        return facts_of(entries, self.ledger.readings(release), self.spec_of(entries[0].body))

    def write(self, release: str) -> tuple[str, str]:
        """Location and digest of the English report. Unreachable when the folder cannot be written."""
        facts = self.facts(release)
        texts = {
            "report.html": html_of(facts, "en"),
            "report.ko.html": html_of(facts, "ko"),
            "report.md": markdown_of(facts, "en"),
            "report.ko.md": markdown_of(facts, "ko"),
        }
        folder = self.folder / release.replace("/", "-")
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name, text in texts.items():
                new = folder / f".{name}"
                new.write_text(text, "utf-8")
                new.replace(folder / name)
        except OSError as why:
            raise Unreachable(f"the report cannot be written to {folder}: {why.strerror}") from why
        return str(folder / "report.html"), hashlib.sha256(texts["report.html"].encode()).hexdigest()
