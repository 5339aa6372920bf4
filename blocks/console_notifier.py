"""Tells people on the terminal, one dated line for each notice, and keeps every notice in a file of JSON lines."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr

from blocks.connector import Connector, machine_troubles
from tidegate.errors import NotApplied
from tidegate.notices import in_language, plain
from tidegate.ports import Notice


class ConsoleNotifier(Connector):
    """Notices on the terminal and in a file."""

    _block_type_name = "Notices on the terminal and in a file"
    _block_type_slug = "console-notifier"
    _description = "One line on the terminal for each notice; all of it, in both languages, in a file."

    file: Path | None = Field(
        None,
        title="File",
        description="Gets one JSON object a line; made when it is missing, readable by its owner only.",
        examples=["/var/log/tidegate/notices.jsonl"],
    )
    language: Literal["en", "ko"] = Field("en", title="Language", description="Of the line on the terminal.")
    console: bool = Field(True, title="Console", description="Whether to write a line on the terminal at all.")

    _now: Callable[[], datetime] = PrivateAttr(default_factory=lambda: _utc_now)

    def tell(self, notice: Notice) -> None:
        at = self._now().isoformat(timespec="seconds").replace("+00:00", "Z")
        with machine_troubles("notice"):
            try:
                if self.console:
                    self._say(f"{at} {self._line(notice)}")
            finally:
                if self.file is not None:
                    _append(self.file, _on_one_line(json.dumps({"at": at, **asdict(notice)}, ensure_ascii=False)))

    def _line(self, notice: Notice) -> str:
        title, text = (in_language(self.language, told) for told in (notice.title, notice.text))
        links = [f"{name}: {url}" for name, url in notice.links.items()]
        told = " | ".join(part for part in (title, text, *links) if part)
        return plain(f"{notice.severity} {notice.release} {notice.event}: {told}")

    def _say(self, line: str) -> None:
        """On standard error, as all talk: standard output is for what programs read (E9)."""
        stream = sys.stderr
        encoding = getattr(stream, "encoding", None) or "utf-8"
        try:
            # A terminal that cannot show Korean shows its code points.
            stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
            stream.flush()
        except ValueError as why:  # standard error was closed
            raise NotApplied(f"the terminal cannot be written to: {why}") from None


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _on_one_line(text: str) -> str:
    """The same for JSON, which stays JSON: what is not printable stands inside its strings only."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _append(file: Path, line: str) -> None:
    """Whole lines only, also when several processes write, and when the disk is full."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not hold us up
    handle = os.open(file, flags, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size, whole = os.fstat(handle).st_size, line.encode("utf-8") + b"\n"
        if os.write(handle, whole) != len(whole):
            os.ftruncate(handle, size)
            raise NotApplied(f"{file}: the disk is full")
    finally:
        os.close(handle)
