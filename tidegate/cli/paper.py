"""A spec's file and its timetable, for `check` and `plan`: a mistake in it is one SpecError that names the file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.cli import here
from tidegate.cli.exits import UsageError
from tidegate.errors import SpecError

if TYPE_CHECKING:
    from tidegate.spec import Spec
    from tidegate.timetable.rows import Timetable


def spec_path(named: str | None) -> Path:
    """The spec's file: named itself, or its system."""
    if named is not None and (named.endswith((".yaml", ".yml")) or "/" in named):
        path = Path(named)
        if not path.is_file():
            raise UsageError(f"there is no file {named}", "name a system or a spec's file")
        return path
    path = here.root() / "deployments" / "releases" / f"{here.the_system(named)}.yaml"
    if not path.is_file():
        raise SpecError(f"{path.stem} has a way-back record here, but no spec", f"a spec would be {path}")
    return path


def text_of(path: Path) -> bytes:
    from blocks.yaml_reading import spec_bytes

    return spec_bytes(path)


def on_paper(
    spec: Spec,
    name: str,
    begins: datetime | None = None,
    version: str = "",
    plan: str = "",
    stop_after: int | None = None,
    text: bytes = b"",
) -> Timetable:
    """
    The timetable from `begins` (UTC) on, else on the spec's own day, else from this minute: twice the same.

    SpecError names the file, and the line if `text` is what was read of it.
    """
    from blocks.public_holidays import of_calendar
    from tidegate.clockwork.moments import planned_start
    from tidegate.timetable.walk import timetable

    begins = begins or planned_start(spec) or datetime.now(UTC).replace(second=0, microsecond=0)
    version = version or (spec.identity.version if spec.identity else "") or "VERSION"
    try:
        holidays = of_calendar(spec.calendar.holidays, begins.date() - timedelta(days=30), 400)
        return timetable(spec, begins, version, plan, stop_after, holidays)
    except SpecError as wrong:
        from blocks.yaml_reading import in_file

        raise in_file(wrong, name, text) if text else SpecError(f"{name}: {wrong}", wrong.advice) from None
