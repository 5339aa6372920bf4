"""Debian's docker-registry on a free port of loopback, with a login, and images to push without any engine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.oci_image import CONFIG, INDEX, MANIFEST

USER, PASSWORD = "releaser", "a made-up password"
# Of htpasswd -B: the registry takes no other kind. AWS's is the password that moto's ECR gives out.
HTPASSWD = """
releaser:$2b$04$iRy66P4fwmiF/3m6VJDnPu4CGPV2afsKtyJHMRbfg.Gg6f2fufd9y
AWS:$2b$04$aAS5rEMOjJmzEShj5Z2DouLnRw2hq73y4zpRjW5p/f3LeHuQ4Jcs2
"""
CONFIGURATION = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/kept}}, delete: {{enabled: true}}}}
http: {{addr: 127.0.0.1:{port}}}
auth: {{htpasswd: {{realm: made-up, path: {folder}/htpasswd}}}}
"""


@dataclass(frozen=True, slots=True)
class RegistryServer:
    """A running one; `host` with its port."""

    host: str

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Accept": f"{MANIFEST}, {INDEX}"} | more.pop("headers", {})
        with httpx.Client(base_url=self.url, auth=(USER, PASSWORD), timeout=10, trust_env=False) as client:
            return client.request(method, f"/v2/{path}", headers=headers, **more)

    def digest(self, repository: str, reference: str) -> str:
        return str(self.ask("HEAD", f"{repository}/manifests/{reference}").headers.get("Docker-Content-Digest", ""))


@contextmanager
def registry_server(folder: Path) -> Iterator[RegistryServer]:
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("machine: no docker-registry (on Debian: apt-get install docker-registry)")
    folder.mkdir(exist_ok=True)
    (folder / "htpasswd").write_text(HTPASSWD.strip() + "\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "config.yml").write_text(CONFIGURATION.format(folder=folder, port=port))
    process = subprocess.Popen(
        [program, "serve", str(folder / "config.yml")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        server = RegistryServer(f"127.0.0.1:{port}")
        deadline = time.monotonic() + 20
        while not _answers(server):
            assert time.monotonic() < deadline, "the registry does not answer"
            assert process.poll() is None, "the registry ended"
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait(10)


def _answers(server: RegistryServer) -> bool:
    try:
        return server.ask("GET", "").status_code == 200
    except httpx.HTTPError:
        return False


def layer(text: str) -> bytes:
    """A layer with one file; the same text gives the same bytes."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo("shop.txt")
        entry.size = len(text.encode())
        archive.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


def config(*layers: bytes) -> bytes:
    ids = [f"sha256:{hashlib.sha256(one).hexdigest()}" for one in layers]
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/shop"]},
            "rootfs": {"type": "layers", "diff_ids": ids},
        }
    ).encode()


@dataclass
class Layout:
    """An OCI layout that is being built in a folder."""

    folder: Path

    def keep(self, raw: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(raw).hexdigest()
        place = self.folder / "blobs" / "sha256" / digest
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(raw)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(raw)}

    def image(self, text: str) -> dict[str, Any]:
        plain = layer(text)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.keep(config(plain), CONFIG),
            "layers": [self.keep(gzip.compress(plain, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")],
        }
        return self.keep(json.dumps(manifest).encode(), MANIFEST)

    def close(self, *listed: dict[str, Any]) -> Path:
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": listed}))
        return self.folder


def oci_layout(folder: Path, text: str = "shop 2.1.0") -> Path:
    made = Layout(folder)
    return made.close(made.image(text))


def index_layout(folder: Path) -> Path:
    """One image for two kinds of machine."""
    made = Layout(folder)
    images = [
        made.image("for amd64") | {"platform": {"os": "linux", "architecture": "amd64"}},
        made.image("for arm64") | {"platform": {"os": "linux", "architecture": "arm64"}},
    ]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": images}
    return made.close(made.keep(json.dumps(index).encode(), INDEX))


def docker_archive(file: Path, text: str = "shop 2.1.0") -> Path:
    """What `docker save` of Docker 20 writes: no manifest of a registry in it."""
    plain = layer(text)
    told = config(plain)
    name = f"{hashlib.sha256(told).hexdigest()}.json"
    listed = [{"Config": name, "RepoTags": ["shop:latest"], "Layers": ["one/layer.tar"]}]
    with tarfile.open(file, "w") as archive:
        for path, raw in ((name, told), ("one/layer.tar", plain), ("manifest.json", json.dumps(listed).encode())):
            entry = tarfile.TarInfo(path)
            entry.size = len(raw)
            archive.addfile(entry, io.BytesIO(raw))
    return file


def packed(folder: Path, file: Path) -> Path:
    """The same layout as one tar file."""
    with tarfile.open(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, path.relative_to(folder).as_posix(), recursive=False)
    return file
