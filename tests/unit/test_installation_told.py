"""Children that start before Prefect's server answers wait until their parent tells where everything is."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from blocks import installation
from blocks.installation import FILE, SERVING, Installation
from tidegate.errors import TidegateError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    return tmp_path


def tell(home: Path, pid: str, compress: int) -> None:
    new = home / "new"
    new.write_text(json.dumps({"pid": pid, "compress": compress}))
    new.replace(home / FILE)


def test_a_child_waits_for_its_own_parents_word(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVING, "4711")
    tell(home, "1", 7)  # of an earlier installation
    later = threading.Timer(0.2, tell, (home, "4711", 60))
    later.start()
    assert Installation.once_told().compress == 60
    later.join()


def test_without_a_parent_nothing_is_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SERVING, raising=False)
    tell(home, "1", 7)
    assert Installation.once_told().compress == 7


def test_a_parent_that_never_tells_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVING, "4711")
    monkeypatch.setattr(installation, "TOLD_WITHIN", 0.1)
    with pytest.raises(TidegateError, match="4711 did not write"):
        Installation.once_told()
