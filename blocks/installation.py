"""
One installation of Tidegate: where its things lie and where its servers are found.

Read from the environment (`TIDEGATE_*`) and from `installation.json` in its home, which `tidegate up` writes. Values of
that file fill `${name}` in the connectors' settings of a spec: addresses belong to the installation, not to the spec.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tidegate.errors import SpecError, TidegateError

FILE = "installation.json"
SERVING = "TIDEGATE_SERVING"  # pid of the process that writes the file, for children started before it is written
TOLD_WITHIN = 120.0  # seconds; the file is written when Prefect's server answers, which may take 90


@dataclass(frozen=True, slots=True)
class Installation:
    """Settings with the product's defaults; tests and the demo use shorter ones."""

    home: Path
    root: Path  # where deployments/releases/ lies
    ledger_url: str
    prefect_url: str
    id: str = ""  # names this ledger towards Prefect
    compress: int = 1
    grace: timedelta = timedelta(seconds=25)  # after a dead lease, before its run is started again
    lease: timedelta = timedelta(seconds=10)
    values: dict[str, str] = field(default_factory=dict)  # what ${name} in a spec's settings stands for

    @classmethod
    def here(cls) -> Installation:
        """This process's installation."""
        home = Path(os.environ.get("TIDEGATE_HOME", ".tidegate")).resolve()
        root = Path(os.environ.get("TIDEGATE_ROOT", Path(__file__).parent.parent)).resolve()
        told = _read(home / FILE)
        seconds = told.get("seconds", {})
        return cls(
            home=home,
            root=root,
            ledger_url=os.environ.get("TIDEGATE_LEDGER_URL", told.get("ledger_url", f"sqlite:///{home}/ledger.db")),
            prefect_url=os.environ.get("PREFECT_API_URL", told.get("prefect_url", "")),
            id=str(told.get("id", "")),
            compress=int(told.get("compress", 1)),
            grace=timedelta(seconds=float(seconds.get("grace", 25))),
            lease=timedelta(seconds=float(seconds.get("lease", 10))),
            values={"home": str(home), "root": str(root), "python": sys.executable, **told.get("values", {})},
        )

    @classmethod
    def once_told(cls) -> Installation:
        """
        This process's installation, as the process that started this one tells it: importing Prefect and starting its
        server go side by side. TidegateError when nothing is told within two minutes.
        """
        serving, until = os.environ.get(SERVING), time.monotonic() + TOLD_WITHIN
        path = Path(os.environ.get("TIDEGATE_HOME", ".tidegate")).resolve() / FILE
        while serving and str(_read(path).get("pid")) != serving:
            if time.monotonic() > until:
                raise TidegateError(f"process {serving} did not write {path}", "see `tidegate doctor`")
            time.sleep(0.05)
        return cls.here()

    @property
    def releases(self) -> Path:
        return self.root / "deployments" / "releases"

    @property
    def ui_url(self) -> str:
        return self.prefect_url.removesuffix("/api")

    def spec_file(self, system: str) -> Path:
        """SpecError names the systems there are."""
        found = self.releases / f"{system}.yaml"
        if not found.is_file():
            known = ", ".join(sorted(path.stem for path in self.releases.glob("*.yaml"))) or "none"
            raise SpecError(f"no spec of a system {system!r} in {self.releases}", f"known systems: {known}")
        return found


def _read(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as broken:
        raise SpecError(f"{path} is no JSON: {broken}", "remove it and run `tidegate up` again") from None
    return dict(told)
