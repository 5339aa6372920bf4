"""What every registry must do, and what the one in a folder must besides."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blocks.folder_registry import FolderRegistry
from blocks.process_platform_artifact import unpack
from tests.contract.test_platform import HOSTILE
from tidegate.errors import Denied, NotApplied
from tidegate.ports import Registry

REGISTRIES: dict[str, Callable[[Path], Registry]] = {
    "folder-registry": lambda folder: FolderRegistry(directory=folder / "registry"),
}
NOBODYS = "sha256:" + "ab" * 32


@pytest.fixture(params=REGISTRIES)
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    return REGISTRIES[request.param](tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> FolderRegistry:
    return FolderRegistry(directory=tmp_path / "registry")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "built"
    (made / "shop" / "empty").mkdir(parents=True)
    (made / "serve.py").write_bytes(b"import shop\n")
    (made / "serve.py").chmod(0o755)
    (made / "shop" / "__init__.py").write_bytes(b"")
    (made / "shop" / "가격.json").write_bytes(b"{}\n")
    return made


@pytest.mark.proves("art.image")
def test_the_same_content_has_the_same_digest_and_is_kept_once(registry: Registry, source: Path) -> None:
    digest = registry.push(str(source))
    assert digest.startswith("sha256:")
    assert registry.push(str(source)) == digest
    for path in source.rglob("*"):
        os.utime(path, (1, 1))
    (source / "shop" / "__init__.py").chmod(0o600)
    assert registry.push(str(source)) == digest, "times, owners and who may read are no content"
    assert registry.exists(digest)


@pytest.mark.parametrize(
    "change",
    [
        lambda source: (source / "serve.py").write_bytes(b"import shOp\n"),
        lambda source: (source / "serve.py").chmod(0o644),
        lambda source: (source / "serve.py").rename(source / "server.py"),
        lambda source: (source / "shop" / "empty").rmdir(),
        lambda source: (source / "shop" / "new").write_bytes(b""),
    ],
    ids=["a letter", "may not run", "another name", "a folder less", "a file more"],
)
def test_any_change_of_content_is_another_digest(
    registry: Registry, source: Path, change: Callable[[Path], object]
) -> None:
    digest = registry.push(str(source))
    change(source)
    assert registry.push(str(source)) != digest
    assert registry.exists(digest), "what was pushed stays"


def test_what_was_not_pushed_is_not_there(registry: Registry) -> None:
    assert not registry.exists(NOBODYS)


@pytest.mark.parametrize("name", [*HOSTILE, "sha256:..", "sha256:" + "../" * 21 + "a", NOBODYS + "\n"], ids=ascii)
def test_a_digest_that_is_none_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(Denied, match="is no digest"):
        registry.exists(name)


def test_nothing_to_push_is_said(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(Denied, match="there is no folder"):
        registry.push(str(tmp_path / "nowhere"))
    (tmp_path / "hollow" / "inner").mkdir(parents=True)
    with pytest.raises(Denied, match="holds no file"):
        registry.push(str(tmp_path / "hollow"))


def test_many_pushes_at_once_agree(registry: Registry, source: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda _: registry.push(str(source)), range(16)))
    assert len(digests) == 1
    assert registry.exists(digests.pop())


def test_this_folder_has_this_digest_on_every_machine_and_python(folder: FolderRegistry, source: Path) -> None:
    """A change here makes every artifact of every installation another one: it needs a good reason."""
    assert folder.push(str(source)) == "sha256:d9496c05c2bb2ffe7128d38f844046fef114fc1ffdd5afbb3f639b009d2d66df"


def test_sha256sum_tells_the_digest(folder: FolderRegistry, source: Path) -> None:
    digest = folder.push(str(source))
    (stored,) = (folder.directory / "sha256").iterdir()
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == digest.removeprefix("sha256:") == stored.stem
    listed = subprocess.run(["tar", "tf", str(stored)], capture_output=True, text=True, check=True, timeout=10)
    assert listed.stdout.splitlines()[0] == "serve.py"


def test_what_is_fetched_is_what_was_pushed(folder: FolderRegistry, source: Path, tmp_path: Path) -> None:
    digest = folder.push(str(source))
    folder.fetch(digest, tmp_path / "fetched")
    unpack(folder.directory, digest, tmp_path / "unpacked")
    for copy in (tmp_path / "fetched", tmp_path / "unpacked"):
        assert folder.push(str(copy)) == digest
        assert (copy / "shop" / "가격.json").read_bytes() == b"{}\n"
        assert os.access(copy / "serve.py", os.X_OK)
    with pytest.raises(Denied, match="is there already"):
        folder.fetch(digest, tmp_path / "fetched")
    with pytest.raises(Denied, match="holds no"):
        folder.fetch(NOBODYS, tmp_path / "none")


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: stored.write_bytes(b""),
        lambda stored: stored.write_bytes(stored.read_bytes()[:-600]),
        lambda stored: stored.write_bytes(stored.read_bytes().replace(b"import", b"ImporT")),
    ],
    ids=["empty", "cut", "changed"],
)
def test_a_damaged_artifact_is_never_given_out_and_never_replaced(
    folder: FolderRegistry, source: Path, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    digest = folder.push(str(source))
    (stored,) = (folder.directory / "sha256").iterdir()
    stored.chmod(0o644)
    damage(stored)
    damaged = stored.read_bytes()
    for ask in (
        lambda: folder.exists(digest),
        lambda: folder.push(str(source)),
        lambda: folder.fetch(digest, tmp_path / "fetched"),
    ):
        with pytest.raises(Denied, match="is damaged"):
            ask()
    assert stored.read_bytes() == damaged
    assert not (tmp_path / "fetched").exists()


def test_links_and_devices_are_no_content(folder: FolderRegistry, source: Path) -> None:
    (source / "link").symlink_to("/etc/passwd")
    with pytest.raises(Denied, match="link is a link"):
        folder.push(str(source))
    (source / "link").unlink()
    (source / "shop" / "way").symlink_to("..")
    with pytest.raises(Denied, match="shop/way is a link"):
        folder.push(str(source))
    (source / "shop" / "way").unlink()
    os.mkfifo(source / "pipe")
    with pytest.raises(Denied, match="pipe is a device"):
        folder.push(str(source))
    (source / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as open_one:
        open_one.bind(str(source / "socket"))
        with pytest.raises(Denied, match="socket is a device"):
            folder.push(str(source))


def test_a_name_that_is_not_utf_8_is_refused(folder: FolderRegistry, source: Path) -> None:
    Path(os.fsdecode(os.fsencode(source) + b"/caf\xe9")).write_bytes(b"")
    with pytest.raises(Denied, match="is not UTF-8"):
        folder.push(str(source))


def test_left_out_names_are_no_content(folder: FolderRegistry, source: Path) -> None:
    digest = folder.push(str(source))
    (source / "shop" / "__pycache__").mkdir()
    (source / "shop" / "__pycache__" / "x.pyc").write_bytes(b"compiled")
    assert folder.push(str(source)) == digest


def test_a_failed_push_leaves_nothing(folder: FolderRegistry, source: Path) -> None:
    (source / "zz").symlink_to("nowhere")
    with pytest.raises(Denied):
        folder.push(str(source))
    assert list((folder.directory / "sha256").iterdir()) == []


def test_a_full_disk_is_a_connectors_error(folder: FolderRegistry, source: Path) -> None:
    folder.directory.write_text("a file where the folder should be")
    with pytest.raises(NotApplied, match="registry"):
        folder.push(str(source))


NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(NAMES, st.binary(max_size=2000), min_size=1, max_size=6))
def test_any_files_survive_the_way(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    place = tmp_path_factory.mktemp("any")
    registry = FolderRegistry(directory=place / "registry", leave_out=[])
    source = place / "built"
    source.mkdir()
    kept = {}
    for name, content in files.items():
        if name not in {".", ".."} and len(name.encode()) < 256:
            (source / name).write_bytes(content)
            kept[name] = content
    if kept:
        unpack(registry.directory, registry.push(str(source)), place / "out")
        assert {path.name: path.read_bytes() for path in (place / "out").iterdir()} == kept
