"""Images pushed over HTTP into a real registry (Debian's docker-registry), without an engine."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from blocks.oci_registry import OciRegistry
from tests.contract.registry_server import (
    PASSWORD,
    USER,
    RegistryServer,
    docker_archive,
    index_layout,
    oci_layout,
    packed,
    registry_server,
)
from tests.contract.test_http_check import Answers, Site
from tests.contract.test_platform import HOSTILE
from tidegate.errors import ConnectorError, Denied, NotUnderstood, Unreachable

NOBODYS = "sha256:" + "ab" * 32


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with registry_server(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def site() -> Iterator[Site]:
    """A registry that goes wrong."""
    made = Site()
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Requests by method and what they are about."""
    seen: Counter[str] = Counter()
    real = httpx.Client.request

    def counting(self: httpx.Client, method: str, url: Any, **more: Any) -> httpx.Response:
        kinds = [kind for kind in ("uploads", "blobs", "manifests") if kind in str(url)]
        if self.base_url.host:  # a registry's; others ask whole addresses, in threads of their own
            seen[f"{method} {kinds[0] if kinds else 'other'}"] += 1
        return real(self, method, url, **more)

    monkeypatch.setattr(httpx.Client, "request", counting)
    return seen


def registry(server: RegistryServer, repository: str, **fields: Any) -> OciRegistry:
    usual = {"username": USER, "password": SecretStr(PASSWORD), "tag": "prod-{version}", "timeout": "20s"}
    return OciRegistry(registry=server.url, repository=repository, **{**usual, **fields})


@pytest.mark.proves("art.image")
@pytest.mark.parametrize("kind", ["layout", "layout in a tar file", "docker save", "index"])
def test_an_image_is_pushed_by_digest_and_stands_under_its_tag(
    server: RegistryServer, tmp_path: Path, kind: str
) -> None:
    source = {
        "layout": lambda: oci_layout(tmp_path / "made"),
        "layout in a tar file": lambda: packed(oci_layout(tmp_path / "made"), tmp_path / "made.tar"),
        "docker save": lambda: docker_archive(tmp_path / "made.tar"),
        "index": lambda: index_layout(tmp_path / "made"),
    }[kind]()
    repository = f"kinds/{kind.split()[-1]}"
    one = registry(server, repository)
    assert not one.exists(NOBODYS)
    digest = one.push(str(source), "2.1.0")
    assert server.digest(repository, "prod-2.1.0") == digest, "the registry shows it under the tag"
    assert one.exists(digest)
    manifest = server.ask("GET", f"{repository}/manifests/{digest}").json()
    for child in manifest.get("manifests", []):
        assert server.digest(repository, child["digest"]) == child["digest"]
    for blob in [*manifest.get("layers", []), *([manifest["config"]] if "config" in manifest else [])]:
        kept = server.ask("GET", f"{repository}/blobs/{blob['digest']}")
        assert (kept.status_code, len(kept.content)) == (200, blob["size"])


@pytest.mark.proves("art.image", "I13")
def test_a_push_that_is_repeated_sends_nothing(server: RegistryServer, tmp_path: Path, asked: Counter[str]) -> None:
    one, source = registry(server, "twice"), str(oci_layout(tmp_path / "made"))
    digest = one.push(source, "2.1.0")
    assert asked["PATCH uploads"] == 2
    asked.clear()
    assert one.push(source, "2.1.0") == digest
    assert asked == {"HEAD manifests": 1}
    asked.clear()
    assert one.push(source, "2.1.1") == digest, "another name of the same image"
    assert asked["PATCH uploads"] == 0
    assert asked["PUT manifests"] == 1


@pytest.mark.proves("art.image")
def test_a_tag_never_moves_to_another_image(server: RegistryServer, tmp_path: Path, asked: Counter[str]) -> None:
    one = registry(server, "moves")
    digest = one.push(str(oci_layout(tmp_path / "a")), "2.1.0")
    asked.clear()
    with pytest.raises(Denied, match=rf"moves:prod-2.1.0 is {digest[:19]}.*left alone"):
        one.push(str(oci_layout(tmp_path / "b", "another shop")), "2.1.0")
    assert server.digest("moves", "prod-2.1.0") == digest
    assert set(asked) == {"HEAD manifests"}, "looked, and nothing was sent"
    assert one.push(str(oci_layout(tmp_path / "b", "another shop")), "2.1.1") != digest


def test_many_pushes_at_once_agree(server: RegistryServer, tmp_path: Path) -> None:
    one, source = registry(server, "at-once"), str(oci_layout(tmp_path / "made"))
    with ThreadPoolExecutor(4) as pool:
        digests = set(pool.map(lambda _: one.push(source, "2.1.0"), range(8)))
    assert digests == {server.digest("at-once", "prod-2.1.0")}


def test_times_and_owners_of_a_layout_are_no_content(server: RegistryServer, tmp_path: Path) -> None:
    one, source = registry(server, "times"), oci_layout(tmp_path / "made")
    digest = one.push(str(source), "1")
    for path in source.rglob("*"):
        os.utime(path, (1, 1))
    assert one.push(str(source), "2") == digest


@pytest.mark.parametrize("name", [*HOSTILE, NOBODYS + "\n", "latest"], ids=ascii)
def test_a_digest_that_is_none_is_refused(server: RegistryServer, name: str) -> None:
    with pytest.raises(Denied, match=r"is no digest"):
        registry(server, "any").exists(name)


def test_a_wrong_password_is_refused_in_one_sentence_without_it(server: RegistryServer, tmp_path: Path) -> None:
    one = registry(server, "login", password=SecretStr("wrong-secret-77"))
    with pytest.raises(Denied, match=r"refuses releaser at login") as refused:
        one.push(str(oci_layout(tmp_path / "made")), "2.1.0")
    assert "wrong-secret-77" not in str(refused.value) + repr(one)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: next((folder / "blobs" / "sha256").iterdir()).write_bytes(b"x"), "is damaged"),
        (lambda folder: [path.unlink() for path in (folder / "blobs" / "sha256").iterdir()], "holds no blobs"),
        (lambda folder: (folder / "index.json").write_text("{"), "holds no JSON"),
        (lambda folder: (folder / "index.json").write_text('{"manifests": []}'), "lists no image"),
        (lambda folder: (folder / "index.json").unlink(), "is no image"),
        (
            lambda folder: (folder / "index.json").write_text('{"manifests": [{"digest": "sha256:../../etc/passwd"}]}'),
            "is no digest of SHA-256",
        ),
        (lambda folder: (folder / "index.json").write_text('{"manifests": [{}, {}]}'), "holds 2 images"),
    ],
    ids=["another content", "no blobs", "no JSON", "empty", "no index", "a way out", "two images"],
)
def test_a_damaged_image_is_never_pushed(
    server: RegistryServer, tmp_path: Path, damage: Any, said: str, asked: Counter[str]
) -> None:
    source = oci_layout(tmp_path / "made")
    damage(source)
    with pytest.raises((Denied, NotUnderstood), match=said):
        registry(server, "damaged").push(str(source), "2.1.0")
    assert not asked


def test_no_file_and_no_engine_are_said(server: RegistryServer, tmp_path: Path) -> None:
    for source in ("shop-api:latest", str(tmp_path / "nowhere.tar"), "a\0b"):
        with pytest.raises(Denied, match=r"there is no file .*no Docker engine"):
            registry(server, "engine").push(source, "2.1.0")
    (tmp_path / "text").write_text("no tar")
    with pytest.raises(Denied, match=r"is no image"):
        registry(server, "engine").push(str(tmp_path / "text"), "2.1.0")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"registry": "http://registry.example.com"}, "plain HTTP is spoken with this machine only"),
        ({"registry": "ftp://127.0.0.1"}, "pattern"),
        ({"registry": "user:pw@registry.example.com"}, "pattern"),
        ({"repository": "Shop"}, "pattern"),
        ({"repository": "../shop"}, "pattern"),
        ({"tag": "prod {version}"}, "is no tag"),
        ({"tag": "{release}"}, "not known when an image is pushed"),
        ({"overwrite": "always"}, "never"),
    ],
)
def test_a_mistake_in_a_field_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        OciRegistry(**{"registry": "registry.example.com", "repository": "shop", **fields})


@pytest.mark.parametrize("version", ["", "a b", "../x", "-x", "x" * 200, "v/1"])
def test_a_version_that_makes_no_tag_is_refused(server: RegistryServer, tmp_path: Path, version: str) -> None:
    with pytest.raises(Denied, match=r"is no tag|needs the version"):
        registry(server, "versions", tag="{version}").push(str(oci_layout(tmp_path / "made")), version)


def test_a_registry_that_is_busy_is_asked_again_and_named_when_it_stays_so(site: Site) -> None:
    one = OciRegistry(registry=site.url, repository="shop", timeout="5s")  # type: ignore[arg-type]
    left = [503, 429]

    def busy(answer: Answers) -> None:
        if left:
            answer.send(left.pop(0))
        else:
            answer.send(200, Docker_Content_Digest=NOBODYS)

    site.ways[f"/v2/shop/manifests/{NOBODYS}"] = busy
    assert one.exists(NOBODYS)
    left += [500] * 9
    with pytest.raises(Unreachable, match=r"answers 500, 3 times in a row"):
        one.exists(NOBODYS)


def test_a_registry_that_is_gone_or_hangs_is_unreachable(site: Site) -> None:
    site.ways[f"/v2/shop/manifests/{NOBODYS}"] = lambda _: threading.Event().wait(2)  # type: ignore[assignment]
    one = OciRegistry(registry=site.url, repository="shop", timeout="200ms")  # type: ignore[arg-type]
    with pytest.raises(Unreachable, match=r"ReadTimeout"):
        one.exists(NOBODYS)
    with pytest.raises(Unreachable, match=r"ConnectError"):
        OciRegistry(registry="http://127.0.0.1:1", repository="shop").exists(NOBODYS)


def test_an_upload_that_is_sent_elsewhere_gets_nothing(site: Site, tmp_path: Path) -> None:
    one = OciRegistry(registry=site.url, repository="shop", username="u", password=SecretStr("planted-secret-77"))

    def answer(way: Answers) -> None:
        way.send(404 if way.command == "HEAD" else 202, Location="http://other.example/upload")

    site.otherwise = answer
    with pytest.raises(Denied, match=r"sends the upload on to other.example"):
        one.push(str(oci_layout(tmp_path / "made")), "1")


def test_a_token_is_fetched_where_the_registry_says_and_used(site: Site) -> None:
    """As Docker Hub and GitHub do it."""

    def manifests(answer: Answers) -> None:
        if answer.headers.get("Authorization") == "Bearer made-up-token":
            answer.send(200, Docker_Content_Digest=NOBODYS)
        else:
            challenge = f'Bearer realm="{site.url}/token",service="made-up"'
            answer.send(401, WWW_Authenticate=challenge)

    site.ways[f"/v2/shop/manifests/{NOBODYS}"] = manifests
    query = "/token?service=made-up&scope=repository%3Ashop%3Apull%2Cpush"
    site.ways[query] = lambda answer: answer.send(body=json.dumps({"token": "made-up-token"}).encode())
    one = OciRegistry(registry=site.url, repository="shop", username="u", password=SecretStr("p"))
    assert one.exists(NOBODYS)
    token = next(headers for path, headers in site.asked if path == query)
    assert token["Authorization"].startswith("Basic ")


def test_a_password_is_not_told_in_the_clear_to_whom_the_registry_names(site: Site) -> None:
    site.ways[f"/v2/shop/manifests/{NOBODYS}"] = lambda answer: answer.send(
        401, WWW_Authenticate='Bearer realm="http://token.example.com/",service="x"'
    )
    one = OciRegistry(registry=site.url, repository="shop", username="u", password=SecretStr("p"))
    with pytest.raises(ConnectorError, match=r"asks for our password at token.example.com, in the clear"):
        one.exists(NOBODYS)
