"""
Runs versions of one component as processes of this machine; they outlive whoever started them.

The embedded default. It is no supervisor: an instance that died stays dead and is shown with its exit code
until `create` or `scale` is asked again, since a crash loop must be seen and not hidden (F62). Where the
starter itself is a systemd service, that service needs KillMode=process, or its stop ends the instances,
too.

Halves: _processes (who is who), _keeper (the program that starts one), _state (what is written down),
_starting, _artifact (unpacks), _probe (asks).
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from blocks.connector import Connector, machine_troubles
from blocks.process_platform_probe import Answer, ask
from blocks.process_platform_processes import end
from blocks.process_platform_starting import FILLED_IN, Recipe, filled, start_missing
from blocks.process_platform_state import Copy, Record, Shelf, checked, side_name
from tidegate.errors import Denied, NotApplied
from tidegate.ports import Instance, PlatformState
from tidegate.quantities import Duration, spoken
from tidegate.traffic import Side

PORT_TAKEN = re.compile(r"address (is )?already in use|EADDRINUSE", re.IGNORECASE)
POLL = 0.05
DEAD = "dead: "


class ProcessPlatform(Connector):
    """Versions of one component as processes of this machine."""

    _block_type_name = "Processes on this machine"
    _block_type_slug = "process-platform"
    _description = "Runs versions of one component side by side as processes that outlive the release."

    component: str = Field(
        title="Component",
        description="The component's name: the first word of its sides' names.",
        pattern=r"^[a-z][a-z0-9-]{0,39}$",
        examples=["api"],
    )
    directory: Path = Field(
        title="Directory",
        description="Where it keeps what runs, the unpacked artifacts and the logs.",
        examples=["/var/lib/tidegate/platform"],
    )
    registry: Path = Field(
        title="Registry",
        description="The folder registry's directory.",
        examples=["/var/lib/tidegate/registry"],
    )
    command: list[str] = Field(
        title="Command",
        description="Program and arguments, started inside the unpacked artifact, never by a shell. "
        "{port}, {python} and {folder} are filled in.",
        min_length=1,
        examples=[["{python}", "serve.py", "api"]],
    )
    environment: dict[str, str] = Field(
        default_factory=dict,
        title="Environment",
        description="Plain values beside PATH, LANG, PORT and TIDEGATE_DIGEST; {port} and {folder} are "
        "filled in. Nothing else of the starter's own environment is passed on.",
    )
    secrets: dict[str, SecretStr] = Field(
        default_factory=dict,
        title="Secrets",
        description="Values of the environment that are never shown, not in an error's log lines either.",
    )
    instances: int = Field(2, ge=1, le=1000, title="Instances", description="How many are meant to run.")
    health_path: str = Field("/health", pattern="^/", title="Health path", description="200 means healthy.")
    version_path: str = Field(
        "/version",
        pattern="^(/.*)?$",
        title="Version path",
        description='Answers JSON with "digest": what the instance says it runs. Empty: it cannot say.',
    )
    ready_deadline: Duration = Field(
        timedelta(seconds=60),
        title="Ready deadline",
        description="From the start to the first healthy answer.",
    )
    answer_within: Duration = Field(
        timedelta(seconds=2),
        title="Answer within",
        description="An instance that takes longer is not healthy.",
    )
    stop_grace: Duration = Field(
        timedelta(seconds=30), title="Stop grace", description="From SIGTERM to SIGKILL when scaling down."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        for text in (*self.command, *self.environment.values()):
            filled(text, dict.fromkeys(FILLED_IN, ""))
        if twice := sorted(set(self.environment) & set(self.secrets)):
            raise ValueError(f"{', '.join(twice)} stands in environment and in secrets; once is allowed")
        return self

    def create(self, release: str, version: str, digest: str, wanted: int) -> PlatformState:
        """
        Start what is missing of this side, or adopt what runs, and wait until `wanted` are healthy.

        NotApplied carries the last lines of an instance that is not, since only the app knows why.
        """
        shelf, problem = self._shelf(side_name(self.component, version, digest)), ""
        # A rare program cannot have a port that we keep for it: it says so, and gets one that we let go.
        for kept in (True, False, False):
            with machine_troubles(shelf.side), ExitStack() as ports:
                with shelf.locked(self.ready_deadline.total_seconds()):
                    record = shelf.read() or Record(shelf.side, release, version, digest, wanted)
                    if record.digest != digest:
                        raise Denied(f"{shelf.side} runs {record.digest}, not {digest}", "Remove that side first.")
                    record = replace(record, release=release, version=version, wanted=wanted)
                    start_missing(shelf, record, self._recipe(), ports if kept else None)
                state, problem = self._settled(shelf)
            if state is not None:
                return state
            if not PORT_TAKEN.search(problem):
                break
        raise NotApplied(problem)

    def status(self, side_name: str) -> PlatformState | None:
        shelf = self._shelf(side_name)
        with machine_troubles(shelf.side):
            record = shelf.read()
            return self._seen(shelf, record) if record else None

    def scale(self, side_name: str, wanted: int) -> PlatformState:
        """Start what is missing, or end the youngest gracefully; at 0 the side stays known."""
        shelf = self._shelf(side_name)
        with machine_troubles(shelf.side), ExitStack() as ports:
            with shelf.locked(self.ready_deadline.total_seconds()):
                record = shelf.read()
                if record is None:
                    raise Denied(f"nothing runs under {side_name}", "Create it first.")
                surplus = tuple(copy for copy in record.copies if copy.slot > wanted)
                end([copy.process for copy in surplus], shelf.side, self.stop_grace.total_seconds())
                start_missing(shelf, replace(record.without(surplus), wanted=wanted), self._recipe(), ports)
            state, problem = self._settled(shelf)
        if state is None:
            raise NotApplied(problem)
        return state

    def remove(self, side_name: str, grace: timedelta) -> None:
        """SIGTERM to every instance, `grace` for what is in flight, SIGKILL to what is left; logs stay."""
        shelf = self._shelf(side_name)
        if not shelf.file.exists():
            return
        patience = self.ready_deadline.total_seconds() + grace.total_seconds()
        with machine_troubles(shelf.side), shelf.locked(patience):
            record = shelf.read()
            if record is None:
                return
            end([copy.process for copy in record.copies], shelf.side, grace.total_seconds())
            if shelf.folder.exists():
                # Moved first: whoever still writes into it by its path cannot bring it back.
                gone = Path(tempfile.mkdtemp(dir=shelf.directory, prefix=".gone-"))
                shelf.folder.rename(gone / shelf.side)
                shutil.rmtree(gone, ignore_errors=True)
            shelf.file.unlink(missing_ok=True)
            shelf.lock.unlink(missing_ok=True)

    def _shelf(self, side: str) -> Shelf:
        return Shelf(self.directory.absolute(), checked(side))

    def _recipe(self) -> Recipe:
        secrets = {name: value.get_secret_value() for name, value in self.secrets.items()}
        return Recipe(self.registry.absolute(), self.command, self.environment, secrets)

    def _settled(self, shelf: Shelf) -> tuple[PlatformState | None, str]:
        """The side once enough of it is healthy; or None, and why not, as soon as that is certain."""
        deadline = time.monotonic() + self.ready_deadline.total_seconds()
        while True:
            record = shelf.read()
            if record is None:
                return None, f"{shelf.side} was removed while it started"
            state = self._seen(shelf, record)
            needed = state.instances[: record.wanted]
            sick = [one for one in needed if not self._well(one, record.digest)]
            if not sick:
                return state, ""
            # A dead one stays dead and a wrong digest stays wrong: to wait would not help.
            lost = [one for one in sick if one.detail.startswith(DEAD) or one.digest not in ("", record.digest)]
            if lost or time.monotonic() >= deadline:
                late = "" if lost else f" within {spoken(self.ready_deadline)}"
                missing = f"{len(sick)} of {len(needed)} instances did not become healthy{late}"
                return None, f"{missing}; {self._told(shelf, record, (lost or sick)[0])}"
            time.sleep(POLL)

    def _well(self, instance: Instance, digest: str) -> bool:
        return instance.healthy and (not self.version_path or instance.digest == digest)

    def _told(self, shelf: Shelf, record: Record, sick: Instance) -> str:
        """What is known of an instance that is not well, with what it printed and without what is secret."""
        said = sick.detail or f"it reports the digest {sick.digest or '(none)'}, not {record.digest}"
        tail = shelf.tail(next(copy for copy in record.copies if _name(record, copy) == sick.name))
        for secret in self.secrets.values():
            tail = tail.replace(secret.get_secret_value() or "\0", "***")
        return f"{sick.name}: {said}. " + (f"Its last lines:\n{tail}" if tail else "It printed nothing.")

    def _seen(self, shelf: Shelf, record: Record) -> PlatformState:
        living = [copy for copy in record.copies if copy.process.lives]
        seconds = self.answer_within.total_seconds()
        answers = ask([copy.url for copy in living], self.health_path, self.version_path, seconds)
        told = dict(zip(living, answers, strict=True))
        instances = tuple(
            _instance(record, copy, told.get(copy) or Answer(False, detail=DEAD + shelf.end_of(copy)))
            for copy in record.copies
        )
        urls = tuple(copy.url for copy in record.copies)
        return PlatformState(Side(record.side, urls), instances, record.wanted, record.version)


def _name(record: Record, copy: Copy) -> str:
    return f"{record.side}-{copy.slot}"


def _instance(record: Record, copy: Copy, said: Answer) -> Instance:
    return Instance(_name(record, copy), copy.url, said.healthy, said.digest, copy.starts - 1, said.detail)
