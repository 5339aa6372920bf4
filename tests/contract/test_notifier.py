"""What every notifier must do, and what the one on the terminal must besides."""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.console_notifier import ConsoleNotifier
from tidegate.errors import ConnectorError, NotApplied
from tidegate.ports import Notice, Notifier

ROOT = Path(__file__).parents[2]
NOTICE = Notice(
    event="gate-failed",
    severity="critical",
    release="shop/2.1.0/1",
    title={"en": "api is worse at 10 %", "ko": "api가 10 %에서 나쁩니다"},
    text={"en": "error rate 4.2 %, limit 1 %", "ko": "오류율 4.2 %, 한도 1 %"},
    links={"page": "http://127.0.0.1:4200/x"},
)
HOSTILE = "a\nb\r\x1b[2Jc\x00\u202ed\u2028e\x7ff\x9bg\ud800h\ti"

NOTIFIERS: dict[str, Callable[[Path], Notifier]] = {
    "console-notifier": lambda folder: ConsoleNotifier(file=folder / "notices.jsonl"),
}


@pytest.fixture(params=NOTIFIERS)
def notifier(request: pytest.FixtureRequest, tmp_path: Path) -> Notifier:
    return NOTIFIERS[request.param](tmp_path)


@pytest.mark.proves("not.channels")
def test_any_notice_is_told(notifier: Notifier) -> None:
    notifier.tell(NOTICE)
    notifier.tell(Notice("x", "info", "", {}, {}))
    notifier.tell(Notice(HOSTILE, HOSTILE, HOSTILE, {"en": HOSTILE}, {"fr": HOSTILE}, {HOSTILE: HOSTILE}))


@pytest.fixture
def console(tmp_path: Path) -> ConsoleNotifier:
    made = ConsoleNotifier(file=tmp_path / "logs" / "notices.jsonl")
    made._now = lambda: datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    return made


def lines_of(notifier: ConsoleNotifier) -> list[dict[str, Any]]:
    assert notifier.file is not None
    return [json.loads(line) for line in notifier.file.read_text("utf-8").splitlines()]


def test_the_terminal_shows_one_dated_line(console: ConsoleNotifier, capsys: pytest.CaptureFixture[str]) -> None:
    console.tell(NOTICE)
    told = capsys.readouterr()
    assert told.out == "", "standard output is for programs"
    assert told.err == (
        "2026-03-02T09:30:00Z critical shop/2.1.0/1 gate-failed: api is worse at 10 %"
        " | error rate 4.2 %, limit 1 % | page: http://127.0.0.1:4200/x\n"
    )


def test_the_line_speaks_korean_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleNotifier(language="ko").tell(NOTICE)
    assert "api가 10 %에서 나쁩니다 | 오류율 4.2 %, 한도 1 %" in capsys.readouterr().err


def test_the_file_keeps_both_languages_for_its_owner(console: ConsoleNotifier) -> None:
    console.tell(NOTICE)
    console.tell(NOTICE)
    first, second = lines_of(console)
    assert first == second
    assert (first["at"], first["severity"]) == ("2026-03-02T09:30:00Z", "critical")
    assert first["title"] == NOTICE.title
    assert first["links"] == NOTICE.links
    assert console.file is not None
    assert console.file.stat().st_mode & 0o777 == 0o600
    assert "나쁩니다" in console.file.read_text("utf-8"), "a person can read it, too"


@given(text=st.text(max_size=60) | st.just(HOSTILE))
def test_one_notice_stays_one_line_whatever_is_in_it(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    notice = Notice(text, "info", text, {"en": text}, {"en": text}, {text: text})
    notifier = ConsoleNotifier(file=tmp_path_factory.mktemp("n") / "n.jsonl")
    assert notifier.file is not None
    stderr, sys.stderr = sys.stderr, io.StringIO()
    try:
        notifier.tell(notice)
        shown = sys.stderr.getvalue()
    finally:
        sys.stderr = stderr
    kept = notifier.file.read_bytes().decode("utf-8")
    for line in (shown, kept):
        assert line.endswith("\n")
        assert line[:-1].isprintable()
    assert json.loads(kept)["title"] == {"en": text}


def test_many_at_once_never_mix(console: ConsoleNotifier) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: console.tell(NOTICE), range(200)))
    assert len(lines_of(console)) == 200


class NobodyReads(io.StringIO):
    """The end of `tidegate ... | head`."""

    def write(self, _: str) -> int:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def test_a_terminal_that_knows_no_korean_or_is_gone_is_no_crash(
    console: ConsoleNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", ascii_only)
    console.language = "ko"
    console.tell(NOTICE)
    ascii_only.close()
    with pytest.raises(NotApplied, match="terminal cannot be written to"):
        console.tell(NOTICE)
    monkeypatch.setattr(sys, "stderr", NobodyReads())
    with pytest.raises(NotApplied, match="Broken pipe"):
        console.tell(NOTICE)
    assert len(lines_of(console)) == 3, "the file has all of them nevertheless"


def test_a_link_a_pipe_and_a_folder_in_the_files_place_are_a_connectors_error(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for place in ("link", "pipe", "folder", "link/below"):
        with pytest.raises(ConnectorError, match=place.partition("/")[0]):
            ConsoleNotifier(file=tmp_path / place).tell(NOTICE)
    assert not (tmp_path / "elsewhere").exists()


FULL = """
import sys
from pathlib import Path
from blocks.console_notifier import ConsoleNotifier
from tests.contract.test_notifier import NOTICE
from tidegate.errors import NotApplied
notifier = ConsoleNotifier(file=Path(sys.argv[1]), console=False)
for _ in range(30):
    try:
        notifier.tell(NOTICE)
    except NotApplied as why:
        print(why)
"""


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    file = tmp_path / "notices.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(file)],
        cwd=ROOT,
        # A limit on the file's size fails as a full disk does: a part is written, then nothing more.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "notices.jsonl" in done.stdout
    kept = file.read_text("utf-8")
    assert kept.endswith("}\n")
    assert all(json.loads(line)["event"] == "gate-failed" for line in kept.splitlines())
