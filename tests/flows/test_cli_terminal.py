"""The commands at a real terminal (a pty): what is redrawn, what is asked, what stays plain."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.told_ledger import ROOT, baking, looked, rolled_back, told


class Typed:
    """A command whose standard streams are a terminal of 100 columns."""

    def __init__(self, home: Path, *words: str, **env: str) -> None:
        self.terminal, inside = pty.openpty()
        argv = [sys.executable, "-m", "tidegate.cli", *words]
        told = {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "TIDEGATE_HOME": str(home),
            "TERM": "xterm",
            "COLUMNS": "100",
        }
        self.process = subprocess.Popen(argv, env={**told, **env}, stdin=inside, stdout=inside, stderr=inside)
        os.close(inside)
        self.shown = ""

    def until(self, text: str, within: float = 20) -> str:
        """Read until the terminal has shown this."""
        end = time.monotonic() + within
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            if not self._read():
                break
        assert text in self.shown, self.shown
        return self.shown

    def ends(self, within: float = 20) -> int:
        end = time.monotonic() + within
        while self._read() and time.monotonic() < end:
            pass
        os.close(self.terminal)
        return self.process.wait(5)

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def _read(self) -> bool:
        ready, _, _ = select.select([self.terminal], [], [], 0.2)
        if not ready:
            return True
        try:
            read = os.read(self.terminal, 65536)
        except OSError:  # the other side has closed
            return False
        self.shown += read.decode("utf-8", "replace")
        return bool(read)


@pytest.mark.proves("E7")
def test_watching_redraws_one_screen_and_ctrl_c_leaves_the_release(tmp_path: Path) -> None:
    looked(told(tmp_path, baking))
    typed = Typed(tmp_path, "status", "shop", "--watch")
    typed.until("18m of this step's 30m")
    typed.until("\x1b[")
    typed.process.send_signal(signal.SIGINT)
    typed.until("goes on without you")
    assert typed.ends() == 130


def test_watching_a_release_that_has_ended_shows_it_and_says_how(tmp_path: Path) -> None:
    told(tmp_path, rolled_back)
    typed = Typed(tmp_path, "status", "shop", "--watch")
    assert typed.ends() == 3
    assert "Rolled back to 1.0" in typed.shown


@pytest.mark.proves("E13")
@pytest.mark.parametrize("wish", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_a_terminal_without_colours_gets_none(tmp_path: Path, wish: dict[str, str]) -> None:
    looked(told(tmp_path, baking))
    typed = Typed(tmp_path, "status", **wish)
    assert typed.ends() == 0
    assert "\x1b" not in typed.shown
    assert all(len(line) <= 100 for line in typed.shown.splitlines())


@pytest.mark.proves("E20")
def test_rollback_alone_offers_the_way_back_with_its_age_and_no_means_no(tmp_path: Path) -> None:
    way = '{"component": "api", "kind": "none_such", "address": {}, "by_hand": "turn it off"}'
    (tmp_path / "wayback").mkdir()
    (tmp_path / "wayback" / "shop.json").write_text(
        '{"schema": 1, "system": "shop", "release": "shop/2.0/1", "version": "2.0", "blue": "1.0", "state": "shifting",'
        f' "written_at": "2026-01-01T00:00:00+00:00", "ways": [{way}]}}'
    )
    typed = Typed(tmp_path, "rollback", "--patience", "0")
    typed.until("shop: from 2.0 back to 1.0 (shifting, written")
    typed.until("Take all traffic back now? [y/N]")
    typed.type("n\n")
    assert typed.ends() == 2
    assert "Nothing was done" in typed.shown
    typed = Typed(tmp_path, "rollback", "--patience", "0")
    typed.until("[y/N]")
    typed.type("y\n")
    assert typed.ends() == 7
    assert "turn it off" in typed.shown
