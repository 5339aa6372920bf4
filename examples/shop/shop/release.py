"""What an artifact says about itself (its version.json), and what the environment adds."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Unusable(Exception):
    """The artifact or its environment cannot be used; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Release:
    """One version of one component, as it runs here."""

    version: str
    component: str
    features: tuple[str, ...]
    accent: str
    trouble: dict[str, Any]  # what goes wrong in this version; empty in a good one
    digest: str | None  # None: whoever started us did not say
    instance: str
    rate: float  # requests a second that this instance gets when all customers come to this version

    def must_be(self, component: str) -> None:
        """Refuse to start as something that this folder does not hold."""
        if self.component != component:
            raise Unusable(f"This folder holds the {self.component} {self.version}, not an {component}.")


def read_release(path: Path) -> Release:
    """Read version.json and the environment."""
    if not path.is_file():
        raise Unusable(f"There is no {path.name} beside serve.py; build.py writes it into an artifact.")
    said = json.loads(path.read_text())
    return Release(
        version=said["version"],
        component=said["component"],
        features=tuple(said["features"]),
        accent=said["accent"],
        trouble=said["trouble"],
        digest=os.environ.get("TIDEGATE_DIGEST") or None,
        instance=os.environ.get("SHOP_INSTANCE") or str(os.getpid()),
        rate=positive("SHOP_EXPECTED_RATE", 350) / positive("SHOP_INSTANCES", 1),
    )


def positive(name: str, default: float) -> float:
    """A number above zero from the environment."""
    text = os.environ.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise Unusable(f"{name} is {text!r}; it must be a number above 0.")
    return number
