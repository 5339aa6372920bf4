"""What only processes can do wrong: ids used twice, starters that die, ports, environments, leftovers."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from blocks.process_platform_processes import Order, Process, _listed, _table, born, end, held_back
from blocks.process_platform_state import Record, Shelf
from tests.contract.processes import named, wait_until, zombies
from tests.contract.test_platform import GRACE, ProcessStand, create
from tidegate.errors import Denied, NotApplied, NotUnderstood
from tidegate.ports import PlatformState

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[ProcessStand]:
    made = ProcessStand(tmp_path)
    yield made
    made.close()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Somebody else's process, in a group of its own."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    yield other
    other.kill()
    other.wait()


def shelf_of(stand: ProcessStand, state: PlatformState) -> tuple[Shelf, Record]:
    shelf = stand.platform._shelf(state.side.name)
    record = shelf.read()
    assert record is not None
    return shelf, record


def test_a_process_id_that_was_used_again_is_a_strangers_and_never_touched(
    stand: ProcessStand, stranger: subprocess.Popen[bytes]
) -> None:
    digest = stand.version("1.0.0")
    state = create(stand, digest, 1)
    shelf, record = shelf_of(stand, state)
    stand.kill(state.instances[0])
    shelf.write(replace(record, copies=(replace(record.copies[0], pid=stranger.pid),)))
    seen = stand.platform.status(state.side.name)
    assert seen is not None
    assert seen.instances[0].detail == "dead: ended while nobody looked"
    assert create(stand, digest, 1).ready == 1, "its place is free"
    shelf.write(replace(record, copies=(replace(record.copies[0], pid=stranger.pid),)))
    ours = named(stand.component)
    stand.platform.remove(state.side.name, timedelta(0))
    assert stranger.poll() is None
    for one in ours:  # that record knew nothing of the real instance any more
        os.kill(one.pid, signal.SIGKILL)


def test_a_group_whose_leader_ended_goes_with_its_side_and_no_other_group_does(
    stand: ProcessStand, stranger: subprocess.Popen[bytes]
) -> None:
    state = create(stand, stand.version("1.0.0", "worker"), 1)
    stand.kill(state.instances[0])
    (worker,) = [one for one in named(stand.component) if "time.sleep(300)" in one.command]
    # A group of that id which does not carry our name would be a stranger's.
    end([Process(os.getpgid(worker.pid), "gone")], "another-side", 0)
    assert worker in named(stand.component)
    stand.platform.remove(state.side.name, timedelta(0.0))
    assert not [one for one in named(stand.component) if "time.sleep(300)" in one.command]
    assert stranger.poll() is None


STARTER = """
import sys
from tests.contract.test_platform import ProcessStand
from pathlib import Path
stand = ProcessStand(Path(sys.argv[1]))
stand.component = sys.argv[2]
print(stand.block().create("shop/1/1", "1.0.0", sys.argv[3], 2).side.name, flush=True)
sys.stdin.read()
"""


@pytest.mark.proves("I13")
def test_a_version_lives_on_when_its_starter_is_killed(stand: ProcessStand) -> None:
    digest = stand.version("1.0.0")
    command = [sys.executable, "-c", STARTER, str(stand.folder), stand.component, digest]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as starter:
        assert starter.stdout is not None
        side = starter.stdout.readline().strip()
        os.killpg(starter.pid, signal.SIGKILL)
    state = stand.platform.status(side)
    assert state is not None
    assert state.ready == 2
    assert create(stand, digest).side.urls == state.side.urls
    assert stand.living() == 2
    stand.platform.remove(side, GRACE)
    until = time.monotonic() + 10
    while named(stand.component) and time.monotonic() < until:
        time.sleep(0.05)  # its keepers see that their process has ended, each in its own time
    assert not named(stand.component)


def order(folder: Path, *command: str) -> Order:
    return Order(command, str(folder), {"PATH": os.defpath}, str(folder / "log"), str(folder / "ended"))


def fail_to_record(what: Order, seen: list[Process]) -> None:
    with held_back(what, "x-1") as process:
        assert process.lives
        seen.append(process)
        raise OSError("disk full")


def test_nothing_ever_runs_that_was_not_written_down(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    what = order(tmp_path, sys.executable, "-c", f"open({str(ran)!r}, 'w')")
    seen: list[Process] = []
    with pytest.raises(OSError, match="disk full"):
        fail_to_record(what, seen)
    wait_until(lambda: not seen[0].lives)
    assert not ran.exists()
    with held_back(what, "x-1") as process:
        assert not ran.exists()
    wait_until(lambda: not process.lives)
    assert ran.exists()


DYING = """
import os, sys
from blocks.process_platform_processes import Order, held_back
ran = sys.argv[1]
with held_back(Order(("touch", ran), "/", {"PATH": os.defpath}, ran + ".log", ran + ".ended"), "x-1") as process:
    print(process.pid, flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.proves("I13")
def test_a_starter_killed_between_fork_and_record_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(tmp_path / "ran")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    wait_until(lambda: not born(int(done.stdout)))
    assert not (tmp_path / "ran").exists()


def test_how_an_instance_ended_is_told_and_its_keeper_is_no_zombie(stand: ProcessStand) -> None:
    state = create(stand, stand.version("1.0.0"), 2)
    shelf, record = shelf_of(stand, state)
    before = zombies(os.getpid())
    os.kill(record.copies[0].pid, signal.SIGTERM)
    os.kill(record.copies[1].pid, signal.SIGSEGV)
    wait_until(lambda: not any(copy.process.lives for copy in record.copies))
    assert [shelf.end_of(copy) for copy in record.copies] == ["exit code 0", "killed by signal 11"]
    wait_until(lambda: not named(stand.component))
    wait_until(lambda: not set(zombies(os.getpid())) - set(before))


def test_an_end_that_is_just_being_written_is_waited_for(stand: ProcessStand) -> None:
    state = create(stand, stand.version("1.0.0"), 1)
    shelf, record = shelf_of(stand, state)
    (keeper,) = [one for one in named(stand.component) if "keeper" in one.command]
    os.kill(keeper.pid, signal.SIGSTOP)
    os.kill(record.copies[0].pid, signal.SIGKILL)
    wait_until(lambda: not record.copies[0].process.lives)
    threading.Timer(0.1, os.kill, (keeper.pid, signal.SIGCONT)).start()
    assert shelf.end_of(record.copies[0]) == "killed by signal 9"


def test_the_environment_is_clean_and_holds_what_was_asked(
    stand: ProcessStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the starter's own")
    stand.platform = stand.block(
        environment={"HERE": "{folder}", "LISTEN": ":{port}"}, secrets={"DATABASE": SecretStr("hunter22")}
    )
    digest = stand.version("1.0.0")
    state = create(stand, digest, 2)
    told = [httpx.get(url, timeout=5).json() for url in state.side.urls]
    folder, port = told[0]["folder"], state.side.urls[0].rpartition(":")[2]
    environment = told[0]["environment"]
    environment.pop("LC_CTYPE", None)  # Python's own doing (PEP 538)
    assert environment == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "PORT": port,
        "LISTEN": f":{port}",
        "HERE": folder,
        "DATABASE": "hunter22",
        "TIDEGATE_DIGEST": digest,
        "TIDEGATE_SIDE": state.side.name,
    }
    assert digest.removeprefix("sha256:") in folder
    assert folder != told[1]["folder"], "what one writes beside its code changes no other"


@pytest.mark.proves("I24")
def test_a_secret_stands_in_no_error_no_file_and_no_list_of_processes(stand: ProcessStand) -> None:
    stand.platform = stand.block(secrets={"DATABASE": SecretStr("hunter22")})
    with pytest.raises(NotApplied, match=r"no database at \*\*\*"):
        create(stand, stand.version("1.0.0", "crash"), 1)
    state = create(stand, stand.version("2.0.0"), 1, "2.0.0")
    assert "hunter22" not in shelf_of(stand, state)[0].file.read_text()
    assert not [one for one in named(stand.component) if "hunter22" in one.command]
    assert "hunter22" not in repr(stand.platform)


def test_the_state_is_readable_by_its_owner_only(stand: ProcessStand) -> None:
    state = create(stand, stand.version("1.0.0"), 1)
    shelf, record = shelf_of(stand, state)
    assert stat.S_IMODE(shelf.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(shelf.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(shelf.log(1).stat().st_mode) == 0o600
    told = json.loads(shelf.file.read_text())
    assert (told["release"], told["version"]) == ("shop/1.0.0/1", "1.0.0")
    assert told["digest"] == record.digest


def test_the_log_outlives_the_side(stand: ProcessStand) -> None:
    with pytest.raises(NotApplied):
        create(stand, stand.version("1.0.0", "crash"), 1)
    (state,) = (stand.folder / "platform").glob("*.json")
    stand.platform.remove(state.stem, GRACE)
    left = sorted(path.name for path in (stand.folder / "platform").rglob("*") if path.is_file())
    assert left == [f"{state.stem}.1.log"]


def test_a_program_that_shares_no_address_gets_its_port_nevertheless(stand: ProcessStand) -> None:
    state = create(stand, stand.version("1.0.0", "strict"))
    assert state.ready == 2


def test_a_port_that_somebody_took_meanwhile_is_given_up(stand: ProcessStand) -> None:
    digest = stand.version("1.0.0")
    state = create(stand, digest, 1)
    stand.kill(state.instances[0])
    with socket.create_server(("127.0.0.1", int(state.side.urls[0].rpartition(":")[2]))):
        again = create(stand, digest, 1)
    assert again.ready == 1
    assert again.side.urls != state.side.urls


def test_an_artifact_that_is_not_what_its_digest_says_is_never_started(stand: ProcessStand) -> None:
    digest = stand.version("1.0.0")
    stored = stand.registry._stored(digest)
    stored.chmod(0o644)
    stored.write_bytes(stored.read_bytes().replace(b"import http", b"import HTTP"))
    with pytest.raises(Denied, match="nothing is started from it"):
        create(stand, digest)
    assert not named(stand.component)


def test_a_record_that_cannot_be_read_is_said_and_nothing_is_started(stand: ProcessStand) -> None:
    digest = stand.version("1.0.0")
    state = create(stand, digest, 1)
    shelf, record = shelf_of(stand, state)
    for damaged in ("", "{", "[]", '{"copies": [{}]}'):
        shelf.file.write_text(damaged)
        with pytest.raises(NotUnderstood, match="does not say what runs"):
            create(stand, digest)
    assert stand.living() == 1
    shelf.write(record)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"command": ["{python}", "{portt}"]}, "{portt} is not known here; {folder}, {port}, {python} are"),
        ({"command": []}, "at least 1 item"),
        ({"environment": {"A": "1"}, "secrets": {"A": "1"}}, "A stands in environment and in secrets"),
        ({"component": "../x"}, "should match pattern"),
        ({"ready_deadline": 5}, "is no duration"),
        ({"comand": ["x"]}, "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_in_the_fields_is_named(stand: ProcessStand, settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        stand.block(**settings)
    assert said in str(caught.value)


def test_trouble_with_the_machine_is_a_connectors_error(stand: ProcessStand) -> None:
    digest = stand.version("1.0.0")
    (stand.folder / "platform").write_text("a file where the folder should be")
    with pytest.raises(NotApplied, match=r"platform.*: (Not a directory|File exists)"):
        create(stand, digest, 1)
    (stand.folder / "platform").unlink()


def test_a_program_that_is_not_there_is_named(stand: ProcessStand) -> None:
    stand.platform = stand.block(command=["no-such-program", "x"])
    with pytest.raises(NotApplied, match=r"exit code 127(.|\n)*no-such-program could not be started: No such file"):
        create(stand, stand.version("1.0.0"), 1)


def test_ps_tells_the_same_as_proc(stranger: subprocess.Popen[bytes]) -> None:
    ours = {os.getpid(), stranger.pid}
    by_proc = {row[0]: row[2] for row in _table() if row[0] in ours}
    listed = _listed("-A")
    assert {row[0]: row[2] for row in listed if row[0] in ours} == by_proc
    assert len({row[3] for row in listed if row[0] == stranger.pid}) == 1
    assert _listed("-p", str(2**22 + 1)) == []
