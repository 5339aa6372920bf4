"""Way-back records as files in one folder, mode 0600, replaced atomically: `tidegate rollback` reads them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tidegate.errors import NotUnderstood
from tidegate.wayback import WayBack


class WayBackFolder:
    """One record a system: `<folder>/<system>.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, system: str) -> WayBack | None:
        """None when there is none; NotUnderstood when it cannot be read as one."""
        try:
            return WayBack.from_text(self._file(system).read_text("utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as broken:
            raise NotUnderstood(f"{self._file(system)}: {broken}") from None

    def write(self, record: WayBack) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=f".{record.system}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(record.to_text())
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._file(record.system))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def remove(self, system: str, release: str) -> None:
        found = self.read(system)
        if found is not None and found.release == release:
            self._file(system).unlink(missing_ok=True)

    def _file(self, system: str) -> Path:
        return self.folder / f"{system}.json"
