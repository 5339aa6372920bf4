"""
An artifact on its way from the folder registry to an instance's own folder, compared with its digest first.

The registry keeps an artifact as one tar file whose SHA-256 is the digest (blocks/folder_registry.py writes
it), so this needs to know nothing more of the registry.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from tidegate.errors import Denied


def unpack(registry: Path, digest: str, into: Path) -> None:
    """Fill the folder `into`, whole or not at all; Denied when the registry has nothing or something else."""
    kind, _, number = digest.partition(":")
    stored = registry / kind / f"{number}.tar"
    if not stored.is_file():
        raise Denied(f"the registry {registry} holds no artifact {digest[:19]}...", "Push it first.")
    into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=into.parent, prefix=".unpacking-"))
    try:
        with stored.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != number:
                raise Denied(f"{stored} holds {found[:12]}..., not {number[:12]}...; nothing is started from it")
            file.seek(0)
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for member in archive:
                    _write(archive, member, fresh)
        shutil.rmtree(into, ignore_errors=True)
        fresh.rename(into)
    except tarfile.TarError as wrong:
        raise Denied(f"{stored} is no artifact: {wrong}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    """One file or folder; a link, a device or a path that leads elsewhere was never pushed by us."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
        raise Denied(f"the artifact holds {member.name[:80]!r}, which is no plain file or folder inside it")
    target = into / path
    if member.isdir():
        target.mkdir(exist_ok=True)
        return
    source = archive.extractfile(member)
    assert source is not None
    mode = 0o755 if member.mode & 0o100 else 0o644
    with target.open("xb") as file:
        shutil.copyfileobj(source, file)
    target.chmod(mode)
