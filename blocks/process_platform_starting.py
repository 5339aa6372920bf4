"""From a side's record to living instances: written down before they run, on ports that nobody else gets."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from blocks.process_platform_artifact import unpack
from blocks.process_platform_processes import OWNER, Order, end, held_back
from blocks.process_platform_state import Copy, Record, Shelf

FILLED_IN = ("folder", "port", "python")
CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an instance is started: what the block's fields say."""

    registry: Path
    command: Sequence[str]
    environment: Mapping[str, str]
    secrets: Mapping[str, str]

    def order(self, shelf: Shelf, record: Record, slot: int, port: int) -> Order:
        """Everything the keeper needs, with the artifact unpacked and nothing of our own environment."""
        folder = shelf.folder / f"{slot}-{record.digest.removeprefix('sha256:')}"
        # A copy for each: what an app writes beside its code changes no other instance (I17).
        unpack(self.registry, record.digest, folder)
        values = {"folder": str(folder), "port": str(port), "python": sys.executable}
        told = {name: filled(value, values) for name, value in self.environment.items()}
        ours = {"PORT": str(port), "TIDEGATE_DIGEST": record.digest, OWNER: shelf.side}
        return Order(
            command=[filled(word, values) for word in self.command],
            folder=str(folder),
            environment=CLEAN | told | dict(self.secrets) | ours,
            log=str(shelf.log(slot)),
            ended=str(shelf.ended(slot)),
        )


def start_missing(shelf: Shelf, record: Record, recipe: Recipe, ports: ExitStack | None) -> Record:
    """
    Every slot up to the wanted number gets a living process; the caller holds the side's lock.

    `ports` keeps the chosen ports ours until it is closed; without it they are let go at once.
    """
    shelf.write(record)
    before = {copy.slot: copy for copy in record.copies}
    for slot in range(1, record.wanted + 1):
        last = before.get(slot)
        if last is not None and last.process.lives:
            continue
        if last is not None:
            end([last.process], shelf.side, 0)  # what a dead instance left behind, holding its port
        # The old port, where it can be had: a route may still name it.
        held = _reserved(last.port if last and ports is not None else 0)
        port = held.getsockname()[1]
        if ports is None or sys.platform != "linux":
            held.close()
        else:
            ports.enter_context(held)
        order = recipe.order(shelf, record, slot, port)
        with held_back(order, f"{shelf.side}-{slot}") as process:
            starts = last.starts + 1 if last else 1
            copy = Copy(slot, process.pid, process.born, port, starts, shelf.logged(slot))
            record = record.having(copy)
            shelf.write(record)
    return record


def _reserved(port: int) -> socket.socket:
    """
    A loopback port of the kernel's choice (or this one, if it is free), kept without listening.

    While we keep it no outgoing connection and no other program gets it: under load, those take hundreds of
    ports a second. On Linux the instance can have it all the same if it sets SO_REUSEADDR, as nearly all do.
    """
    kept = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        kept.bind(("127.0.0.1", port))
    except OSError:
        kept.bind(("127.0.0.1", 0))
    return kept


def filled(text: str, values: Mapping[str, str]) -> str:
    """`{port}` and its like replaced; ValueError for a name that is none of them."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            known = ", ".join(f"{{{name}}}" for name in FILLED_IN)
            raise ValueError(f"{{{found[1]}}} is not known here; {known} are filled in")
        return values[found[1]]

    return re.sub(r"\{([a-z_]+)\}", value, text)
