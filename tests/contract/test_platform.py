"""What every platform must do; add a stand of another product to STANDS and all of it runs over that, too."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from blocks.ecs_platform import EcsPlatform
from blocks.folder_registry import FolderRegistry
from blocks.process_platform import ProcessPlatform
from examples.aws.ground import deploy, lay
from examples.aws.world import Image, World
from tests.contract.aws_double import aws_double
from tests.contract.processes import named, wait_until
from tidegate.errors import ConnectorError, Denied, NotApplied
from tidegate.ports import Instance, Platform, PlatformState

APP = Path(__file__).with_name("little_app.py")
GRACE = timedelta(seconds=20)
NOBODYS = "sha256:" + "ab" * 32


class Stand(Protocol):
    """A product with versions of the little app to run."""

    @property
    def platform(self) -> Platform:
        """It waits as long as a busy machine needs."""

    @property
    def impatient(self) -> Platform:
        """The same, but it gives up after 5 s, and on an answer after 1 s."""

    def version(self, name: str, trouble: str = "") -> str:
        """The digest of a version that misbehaves in this way."""

    def kill(self, instance: Instance) -> None:
        """End it without asking, as a crash would."""

    def living(self) -> int:
        """How many instances really run, whatever the platform says."""


class ProcessStand:
    """Processes of this machine, with a registry in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.component = folder, f"c{uuid4().hex[:10]}"
        self.registry = FolderRegistry(directory=folder / "registry")
        self.platform: ProcessPlatform = self.block()

    @property
    def impatient(self) -> ProcessPlatform:
        return self.block(ready_deadline="5s", answer_within="1s")

    def block(self, **settings: object) -> ProcessPlatform:
        told: dict[str, object] = {
            "component": self.component,
            "directory": self.folder / "platform",
            "registry": self.registry.directory,
            "command": ["{python}", "little_app.py"],
            "ready_deadline": "40s",
            "answer_within": "10s",
        }
        return ProcessPlatform(**{**told, **settings})  # type: ignore[arg-type]

    def version(self, name: str, trouble: str = "") -> str:
        source = self.folder / f"built-{name}"
        source.mkdir()
        shutil.copy(APP, source)
        (source / "trouble").write_text(trouble)
        (source / "version").write_text(name)
        return self.registry.push(str(source))

    def kill(self, instance: Instance) -> None:
        record = self.platform._shelf(instance.name.rsplit("-", 1)[0]).read()
        assert record is not None
        copy = next(copy for copy in record.copies if copy.url == instance.url)
        os.kill(copy.pid, signal.SIGKILL)
        wait_until(lambda: not copy.process.lives)

    def living(self) -> int:
        return sum("little_app.py" in one.command for one in named(self.component))

    def close(self) -> None:
        """End what a test left on purpose; then nothing may be there, the keepers included."""
        for state in sorted((self.folder / "platform").glob("*.json")):
            self.platform.remove(state.stem, timedelta(0))
        wait_until(lambda: not named(self.component))


class EcsStand:
    """moto's API, and a world behind it that starts what ECS is asked for; nothing serves before the first version."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._left = folder, ExitStack()
        self.double = self._left.enter_context(aws_double())
        self.world = World(folder / "world").start()
        self._left.callback(self.world.stop)
        ground = lay(self.double, {"/*": ("shop-blue", "shop-green")})
        deploy(
            self.double, ground, service="shop", clusters=self.clusters, group="shop-blue",
            image=f"registry.example/shop:1.0@{NOBODYS}", count=0, environment={"DATABASE": "nowhere"},
        )  # fmt: skip
        self.platform = self.block()

    clusters: ClassVar[dict[str, str]] = {"blue": "shop-blue", "green": "shop-green"}

    @property
    def impatient(self) -> EcsPlatform:
        return self.block(attempts=10, pause="500ms")

    def block(self, **settings: object) -> EcsPlatform:
        told: dict[str, object] = {
            "region": "us-east-1", "endpoint_url": self.double.url, "service": "shop", "clusters": self.clusters,
            "target_groups": self.clusters, "attempts": 100, "pause": "300ms",
        }  # fmt: skip
        return EcsPlatform(**{**told, **settings})  # type: ignore[arg-type]

    def version(self, name: str, trouble: str = "") -> str:
        source = self.folder / f"built-{name}"
        source.mkdir()
        shutil.copy(APP, source)
        (source / "trouble").write_text(trouble)
        digest = "sha256:" + hashlib.sha256(f"{name} {trouble}".encode()).hexdigest()
        self.world.images[digest] = Image(source, ("little_app.py",))
        return digest

    def kill(self, instance: Instance) -> None:
        self.world.kill(urlsplit(instance.url).hostname or "")

    def living(self) -> int:
        return sum(run.process is not None and run.process.poll() is None for run in self.world.runs)

    def close(self) -> None:
        self._left.close()


STANDS: dict[str, Callable[[Path], Any]] = {"process-platform": ProcessStand, "ecs-platform": EcsStand}
OF_PROCESSES = pytest.mark.parametrize("stand", ["process-platform"], indirect=True)  # what nobody supervises


@pytest.fixture(params=STANDS)
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    made = STANDS[request.param](tmp_path)
    yield made
    made.close()


def create(stand: Stand, digest: str, wanted: int = 2, version: str = "1.0.0") -> PlatformState:
    return stand.platform.create(f"shop/{version}/1", version, digest, wanted)


@pytest.mark.proves("I13", "I17", "plat.command")
def test_created_instances_are_healthy_and_each_says_itself_what_it_runs(stand: Stand) -> None:
    digest = stand.version("1.0.0")
    state = create(stand, digest, 3)
    assert (state.ready, state.wanted, stand.living()) == (3, 3, 3)
    assert {instance.digest for instance in state.instances} == {digest}
    assert state.side.urls == tuple(instance.url for instance in state.instances)
    assert len(set(state.side.urls)) == 3
    assert state.side.name.endswith(digest[7:15])
    assert stand.platform.status(state.side.name) == state


@pytest.mark.proves("I13")
def test_creating_again_adopts_what_runs(stand: Stand) -> None:
    digest = stand.version("1.0.0")
    first = create(stand, digest)
    assert create(stand, digest) == first
    assert stand.living() == 2
    assert create(stand, digest, 3).side.urls[:2] == first.side.urls


@pytest.mark.proves("I13")
def test_two_creates_at_once_make_one_set_of_instances(stand: Stand) -> None:
    digest = stand.version("1.0.0")
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(lambda _: create(stand, digest), range(4)))
    assert {state.side.urls for state in states} == {states[0].side.urls}
    assert stand.living() == 2


def test_two_versions_run_side_by_side_and_one_goes_without_the_other(stand: Stand) -> None:
    blue = create(stand, stand.version("1.0.0"))
    green = create(stand, stand.version("2.0.0"), version="2.0.0")
    assert not set(blue.side.urls) & set(green.side.urls)
    stand.platform.remove(green.side.name, GRACE)
    assert stand.platform.status(green.side.name) is None
    assert stand.platform.status(blue.side.name) == blue
    assert stand.living() == 2


def test_removing_is_done_once_and_nothing_remains(stand: Stand) -> None:
    state = create(stand, stand.version("1.0.0"))
    for _ in range(3):
        stand.platform.remove(state.side.name, GRACE)
    assert stand.living() == 0
    assert stand.platform.status(state.side.name) is None


@pytest.mark.proves("plat.scale")
def test_scaling_is_absolute_and_keeps_those_that_stay(stand: Stand) -> None:
    state = create(stand, stand.version("1.0.0"))
    name = state.side.name
    assert stand.platform.scale(name, 4).side.urls[:2] == state.side.urls
    assert stand.living() == 4
    assert stand.platform.scale(name, 1).side.urls == state.side.urls[:1]
    assert stand.platform.scale(name, 1).ready == 1
    assert stand.living() == 1
    nothing = stand.platform.scale(name, 0)
    assert (nothing.ready, nothing.wanted, nothing.instances, stand.living()) == (0, 0, (), 0)
    assert stand.platform.scale(name, 2).ready == 2


def test_what_is_not_there_cannot_be_scaled_but_can_be_removed(stand: Stand) -> None:
    with pytest.raises(Denied, match="nothing runs under api-1-0-0-abcdef01"):
        stand.platform.scale("api-1-0-0-abcdef01", 2)
    assert stand.platform.status("api-1-0-0-abcdef01") is None
    stand.platform.remove("api-1-0-0-abcdef01", GRACE)


def test_a_request_in_flight_is_answered_before_the_stop(stand: Stand) -> None:
    state = create(stand, stand.version("1.0.0"), 1)
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(httpx.get(f"{state.side.urls[0]}/slow", timeout=10).status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: httpx.get(state.side.urls[0], timeout=10).json()["slow"])
    stand.platform.remove(state.side.name, GRACE)
    asking.join()
    assert statuses == [200]
    assert stand.living() == 0


def test_who_does_not_stop_when_asked_is_ended(stand: Stand) -> None:
    state = create(stand, stand.version("1.0.0", "deaf"))
    stand.platform.remove(state.side.name, timedelta(seconds=0.3))
    assert stand.living() == 0


@OF_PROCESSES
@pytest.mark.proves("E29")
def test_a_version_that_does_not_start_is_told_with_its_own_reason(stand: Stand) -> None:
    with pytest.raises(NotApplied) as caught:
        create(stand, stand.version("1.0.0", "crash"))
    assert "exit code 3" in str(caught.value)
    assert "no database at nowhere" in str(caught.value)
    assert "\x1b" not in str(caught.value)


@OF_PROCESSES
def test_a_version_that_never_becomes_healthy_is_told_at_the_deadline(stand: Stand) -> None:
    with pytest.raises(NotApplied, match=r"2 of 2 instances did not become healthy within 5s.*answers 503"):
        stand.impatient.create("shop/1.0.0/1", "1.0.0", stand.version("1.0.0", "sick"), 2)


@OF_PROCESSES
@pytest.mark.proves("I17")
def test_a_version_that_reports_another_digest_is_not_accepted(stand: Stand) -> None:
    digest = stand.version("1.0.0", "lies")
    with pytest.raises(NotApplied, match="reports the digest sha256:0000"):
        create(stand, digest)


@OF_PROCESSES
def test_an_instance_that_hangs_is_unhealthy_and_holds_nobody_up(stand: Stand) -> None:
    with pytest.raises(NotApplied, match="no answer within 1 s"):
        stand.impatient.create("shop/1.0.0/1", "1.0.0", stand.version("1.0.0", "hangs"), 1)


@OF_PROCESSES
def test_a_dead_instance_is_shown_and_started_again_when_asked(stand: Stand) -> None:
    digest = stand.version("1.0.0")
    state = create(stand, digest)
    stand.kill(state.instances[0])
    seen = stand.platform.status(state.side.name)
    assert seen is not None
    assert [instance.healthy for instance in seen.instances] == [False, True]
    assert "killed by signal 9" in seen.instances[0].detail
    again = create(stand, digest)
    assert [instance.restarts for instance in again.instances] == [1, 0]
    assert again.side.urls == state.side.urls, "a route may still name it"
    assert stand.living() == 2


@OF_PROCESSES
def test_a_digest_that_nobody_pushed_is_refused(stand: Stand) -> None:
    with pytest.raises(Denied, match="holds no artifact"):
        create(stand, NOBODYS)
    for wrong in ("", "latest", "sha256:12", "md5:" + "a" * 64, NOBODYS + "/../x", NOBODYS.upper()):
        with pytest.raises(Denied, match="no digest"):
            create(stand, wrong)
    assert stand.living() == 0


HOSTILE = ["", ".", "..", "../x", "a/b", "/etc/passwd", "-rf", "a\nb", "a b", "a\0b", "$(touch x)", "a" * 300, "Ä"]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_name_that_leads_elsewhere_is_refused(stand: Stand, name: str) -> None:
    for ask in (stand.platform.status, lambda name: stand.platform.scale(name, 1)):
        with pytest.raises(Denied):
            ask(name)
    with pytest.raises(Denied):
        stand.platform.remove(name, GRACE)


@OF_PROCESSES
def test_a_hostile_version_is_only_ever_a_name(stand: Stand) -> None:
    digest = stand.version("1.0.0")
    for version in HOSTILE:
        try:
            state = create(stand, digest, 1, version)
        except ConnectorError:
            continue
        assert state.side.name.replace("-", "").isalnum()
        stand.platform.remove(state.side.name, timedelta(0))
    assert stand.living() == 0
