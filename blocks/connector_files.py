"""
Small files that a router watches: read, locked, and replaced as a whole.

Knows nothing of routes. Part of the lowering halves: standard library only.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tidegate.errors import ConnectorError, Denied, Unreachable

LOCK_WAITS = 2.0  # seconds; whoever gets no lock says so and is tried again, nobody hangs
LARGEST = 256 * 1024  # bytes; a route's file has about 2,000
FULL = {errno.ENOSPC, errno.EDQUOT}
NEVER = {errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.EROFS}


def text_at(path: Path) -> str:
    """The file's text, "" without a file; a link, pipe, folder or huge file is refused and left alone (C32)."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    except OSError as failed:
        raise _said(path, failed) from None
    try:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            raise Denied(f"{path} is no plain file of at most {LARGEST} bytes; it is left alone.")
        return os.read(opened, LARGEST).decode("utf-8", "replace")
    finally:
        os.close(opened)


def replace(path: Path, text: str, *, in_place_if_full: bool = False) -> None:
    """Write beside, flush, rename over, flush the folder: whoever watches sees the old text or the new one."""
    fresh = path.with_name(f".{path.stem}.tmp")  # under the lock a leftover is nobody's
    try:
        fresh.unlink(missing_ok=True)
        _fill(fresh, os.O_CREAT | os.O_EXCL, text.encode())
        fresh.replace(path)
        _flush(path.parent)
    except OSError as failed:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        if not (in_place_if_full and failed.errno in FULL):
            raise _said(path, failed) from None
        _overwrite(path, text.encode())


def _overwrite(path: Path, content: bytes) -> None:
    """On a full disk a lowering goes into the bytes that are there; blanks fill up what is left over."""
    try:
        _fill(path, 0, content.ljust(path.stat().st_size))
    except OSError as failed:
        raise _said(path, failed) from None


def _fill(path: Path, flags: int, content: bytes) -> None:
    opened = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
    try:
        os.fchmod(opened, 0o644)  # the proxy may run as another user, who may read it and not write it (C31)
        _give_to_the_folders_owner(opened, path)
        if os.write(opened, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def locked(path: Path, advice: str) -> Iterator[None]:
    """One writer at a time on this machine; Unreachable after two seconds, naming who holds the lock."""
    beside = path.with_name(f".{path.stem}.lock")
    try:
        opened = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as failed:
        raise _said(beside, failed) from None
    try:
        until = time.monotonic() + LOCK_WAITS
        while not _taken(opened):
            if time.monotonic() > until:
                holder = os.pread(opened, 20, 0).decode("ascii", "replace").strip() or "(unknown)"
                raise Unreachable(f"{path} has been locked by process {holder} for {LOCK_WAITS:.0f} s", advice)
            time.sleep(0.005)
        _give_to_the_folders_owner(opened, beside)
        with suppress(OSError):  # a full disk must not matter here
            os.pwrite(opened, f"{os.getpid():<20}".encode(), 0)
        yield
    finally:
        os.close(opened)  # gives the lock back, as the end of the process would


def _taken(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _give_to_the_folders_owner(opened: int, path: Path) -> None:
    """Root may roll back, too; afterwards the file's usual writer must still be able to write."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(opened, owner.st_uid, owner.st_gid)


def _flush(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _said(path: Path, failed: OSError) -> ConnectorError:
    return (Denied if failed.errno in NEVER else Unreachable)(f"{path}: {failed.strerror}.")
