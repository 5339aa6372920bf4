"""
An image as it lies on disk: an OCI layout (a folder or a tar file), or what `docker save` writes.

Every blob is compared with its digest before it is given out, so a damaged archive is never pushed. Of an old
`docker save`, which holds no manifest, one is written here: the same archive gives the same digest everywhere.
OCI image layout 1.1; the archive of `docker save` as of Docker 1.10 and later.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tidegate.errors import Denied, NotUnderstood

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
MANIFEST, INDEX = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
CONFIG, LAYER = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFESTS, INDEXES = (MANIFEST, DOCKER_MANIFEST), (INDEX, DOCKER_INDEX)
MOST_JSON = 4 * 1024 * 1024  # bytes; a registry takes no larger manifest
CHUNK = 1024 * 1024
NEITHER = "neither an OCI layout nor what `docker save` writes"


@dataclass(frozen=True, slots=True)
class Blob:
    """A layer or a configuration: where it lies in its image, under which digest, how many bytes."""

    name: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a registry keeps under a digest: its exact bytes, what it needs first, in the order of pushing."""

    media_type: str
    raw: bytes
    blobs: tuple[Blob, ...] = ()
    children: tuple[Manifest, ...] = ()

    @property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.raw).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a layout, in a folder or in a tar file."""

    place: Path
    sizes: Mapping[str, int]
    archive: tarfile.TarFile | None = field(default=None)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        if name not in self.sizes:
            raise Denied(f"{self.place} holds no {name[:100]}, which its manifest names")
        if self.archive is None:
            with (self.place / name).open("rb") as file:
                yield file
            return
        member = self.archive.extractfile(name)
        assert member is not None  # only plain files are in `sizes`
        with member:
            yield member

    def text(self, name: str) -> bytes:
        if self.sizes.get(name, 0) > MOST_JSON:
            raise Denied(f"{self.place}: {name[:100]} is too large to be a manifest")
        with self.open(name) as file:
            return file.read()

    def json(self, name: str) -> Any:
        return parsed(self.text(name), f"{self.place}: {name[:100]}")


class Image:
    """One image of a layout or an archive; `manifest` is what its tag is to point to."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.manifest = self._of_layout() if "index.json" in files.sizes else self._of_docker()

    def open(self, blob: Blob) -> AbstractContextManager[IO[bytes]]:
        return self.files.open(blob.name)

    def _of_layout(self) -> Manifest:
        listed = self.files.json("index.json").get("manifests")
        if not isinstance(listed, list) or not listed:
            raise Denied(f"{self.files.place}: index.json lists no image")
        if len(listed) > 1:
            raise Denied(f"{self.files.place} holds {len(listed)} images; one is pushed at a time")
        return self._manifest(listed[0], depth=0)

    def _manifest(self, told: Mapping[str, Any], depth: int) -> Manifest:
        digest, media_type = _digest(told), str(told.get("mediaType", MANIFEST))
        raw = self.files.text(_place(digest))
        if f"sha256:{hashlib.sha256(raw).hexdigest()}" != digest:
            raise Denied(f"{self.files.place} is damaged: {digest[:19]} has another content")
        read = parsed(raw, digest[:19])
        if media_type in INDEXES:
            if depth:
                raise NotUnderstood(f"{self.files.place}: an index inside an index")
            return Manifest(
                media_type, raw, children=tuple(self._manifest(one, 1) for one in read.get("manifests", []))
            )
        if media_type not in MANIFESTS:
            raise NotUnderstood(f"{self.files.place}: {media_type[:80]} is no image")
        needed = [read.get("config") or {}, *(read.get("layers") or [])]
        return Manifest(media_type, raw, tuple(self._blob(_place(_digest(one)), _digest(one)) for one in needed))

    def _of_docker(self) -> Manifest:
        listed = self.files.json("manifest.json")
        if not isinstance(listed, list) or len(listed) != 1:
            raise Denied(f"{self.files.place} holds {len(listed)} images; one is pushed at a time")
        config = self._blob(str(listed[0]["Config"]))
        layers = [self._blob(str(name)) for name in listed[0]["Layers"]]

        def told(blob: Blob, media_type: str) -> dict[str, Any]:
            return {"mediaType": media_type, "digest": blob.digest, "size": blob.size}

        written = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": told(config, CONFIG),
            "layers": [told(layer, LAYER) for layer in layers],
        }
        return Manifest(MANIFEST, json.dumps(written, separators=(",", ":")).encode(), (config, *layers))

    def _blob(self, name: str, digest: str = "") -> Blob:
        with self.files.open(name) as file:
            found = hashlib.sha256()
            while chunk := file.read(CHUNK):
                found.update(chunk)
        if digest and f"sha256:{found.hexdigest()}" != digest:
            raise Denied(f"{self.files.place} is damaged: {digest[:19]} has another content", "Build the image again.")
        return Blob(name, f"sha256:{found.hexdigest()}", self.files.sizes[name])


@contextmanager
def image_at(place: Path) -> Iterator[Image]:
    """Read what lies there; Denied when it is no image, or damaged."""
    if place.is_dir():
        sizes = {
            path.relative_to(place).as_posix(): path.stat().st_size
            for path in place.rglob("*")
            if path.is_file() and not path.is_symlink()
        }
        yield _image(Files(place, sizes))
        return
    if not tarfile.is_tarfile(place):
        raise Denied(f"{place} is no image: {NEITHER}")
    with tarfile.open(place, "r:*") as archive:
        members = {member.name.removeprefix("./"): member for member in archive if member.isfile()}
        yield _image(Files(place, {name: member.size for name, member in members.items()}, archive))


def _image(files: Files) -> Image:
    if not {"index.json", "manifest.json"} & set(files.sizes):
        raise Denied(f"{files.place} is no image: {NEITHER}")
    try:
        return Image(files)
    except (KeyError, TypeError, AttributeError, tarfile.TarError, EOFError, OSError) as why:
        raise Denied(f"{files.place} is no whole image: {type(why).__name__}") from None


def parsed(raw: bytes, what: str) -> Any:
    """Its JSON; NotUnderstood when it is none."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise NotUnderstood(f"{what} holds no JSON") from None


def _digest(told: Mapping[str, Any]) -> str:
    digest = str(told.get("digest", ""))
    if not DIGEST.fullmatch(digest):
        raise NotUnderstood(f"{digest[:80]!r} is no digest of SHA-256")
    return digest


def _place(digest: str) -> str:
    """Where a layout keeps it; a digest is hexadecimal, so the name leads nowhere else."""
    return "blobs/" + digest.replace(":", "/")
