"""Which process serves a home: known by number and birth, so that `tidegate down` ends no stranger."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.typed import Said, settle
from tidegate.cli.served import FILE, note, served, started_at


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def test_a_process_is_found_as_long_as_it_lives(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    found = note(tmp_path, stranger.pid)
    assert served(tmp_path) == found
    stranger.kill()
    stranger.wait()
    assert served(tmp_path) is None
    assert not found.lives


def test_a_zombie_does_not_live(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    found = note(tmp_path, stranger.pid)
    os.kill(stranger.pid, signal.SIGKILL)
    os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WNOWAIT)  # ended, not yet collected by us
    assert not found.lives


def test_down_ends_nobody_who_only_has_the_number(
    tmp_path: Path,
    stranger: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settle(tmp_path, monkeypatch)
    (tmp_path / FILE).write_text(json.dumps({"pid": stranger.pid, "started": "1"}))
    (tmp_path / "ready").write_text(str(stranger.pid))
    said = Said(capsys, "down")
    assert said.code == 0
    assert said.out.startswith("Nothing of")
    assert stranger.poll() is None
    assert started_at(stranger.pid) is not None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x", "started": 1}', "\x00"])
def test_a_note_that_cannot_be_read_names_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert served(tmp_path) is None


def test_a_port_that_is_taken_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import socket

    settle(tmp_path, monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = Said(capsys, "up", "--port", str(taken.getsockname()[1]))
    assert said.code == 6
    assert "cannot be had" in said.err
    assert not (tmp_path / FILE).exists()
