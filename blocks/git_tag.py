"""
A git tag for a release, made and pushed alone.

It is there when the remote shows it at the right commit; what stands at another commit under that name is refused and
never moved. A release that died between making and pushing goes on with the push.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from blocks.connector import Connector, machine_troubles
from tidegate import facts as known
from tidegate.errors import Denied, NotUnderstood, Unreachable
from tidegate.quantities import Duration, spoken

CLEAN = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10",
}
INHERITED = ("HOME", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_ASKPASS", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY")
# Of git's own complaints: what another try may mend.
PASSING = (
    "Could not resolve",
    "unable to access",
    "Connection",
    "timed out",
    "early EOF",
    "Could not read from remote",
)
REFUSING = ("Permission denied", "Authentication failed", "could not read Username", "denied to", "not found")


class GitTag(Connector):
    """A git tag, pushed alone."""

    _block_type_name = "Git tag"
    _block_type_slug = "git-tag"
    _description = "Tags a commit in a git repository, and pushes this one tag."

    name: str = Field(
        title="Name",
        description="{version}, {date} and {date:%Y%m%d}, {release} and {system} are filled in.",
        examples=["v{version}", "api-release-{date:%Y%m%d}"],
    )
    commit: str = Field(
        "HEAD", title="Commit", description="What is tagged: a commit, a branch, {version} or {previous}."
    )
    annotated: bool = Field(True, title="Annotated", description="With a message, a date and who made it.")
    message: str = Field("{release}", title="Message", description="Of an annotated tag.")
    push: str = Field("", title="Push", description="The remote that it is pushed to; empty: it stays here.")
    only_this: Literal[True] = Field(
        True, title="Only this", description="No other tag of this machine is ever pushed with it."
    )
    folder: Path | None = Field(None, title="Folder", description="The repository; by default where Tidegate runs.")
    tagger: str = Field("Tidegate", title="Tagger", description="Who made it.", pattern=r"^[^<>\n]+$")
    mail: str = Field("tidegate@localhost", title="Mail", description="Of the tagger.", pattern=r"^[^<>\s]+$")
    timeout: Duration = Field(timedelta(minutes=1), title="Time-out", description="For each word with the remote.")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        for text in (self.name, self.commit, self.message):
            known.named(text)
        for text in (self.name, self.commit, self.push):
            if text.startswith("-"):
                raise ValueError(f"{text!r} begins with a dash; git would take it for an option")
        return self

    def done(self, release: str, facts: Mapping[str, str]) -> str:
        """Where the tag stands already; "" when it does not, or stands at another commit."""
        name, commit = self._wanted(facts)
        if self._here(name) != commit or (self.push and self._there(name) != commit):
            return ""
        return self._told(name, commit)

    def do(self, release: str, facts: Mapping[str, str]) -> str:
        """Make it and push it; Denied when another commit has that name, here or there."""
        name, commit = self._wanted(facts)
        there = self._there(name) if self.push else ""
        here = self._here(name)
        for place, found in ((self.push, there), ("this repository", here)):
            if found not in ("", commit):
                raise Denied(
                    f"{place} has a tag {name} at {found[:12]}, not at {commit[:12]}",
                    "Choose another name, or move it by hand; it was left alone.",
                )
        if not here:
            self._make(name, commit, facts)
        if self.push and not there:
            self._git("push", "--no-follow-tags", self.push, f"refs/tags/{name}:refs/tags/{name}")
            if self._there(name) != commit:
                raise Unreachable(f"{self.push} took {name}, but does not show it")
        return self._told(name, commit)

    def _wanted(self, facts: Mapping[str, str]) -> tuple[str, str]:
        name = known.filled(self.name, facts)
        self._git("check-ref-format", f"refs/tags/{name}", what=f"{name!a} is no name of a tag")
        asked = known.filled(self.commit, facts)
        found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{asked}^{{commit}}",
                          what=f"this repository has no commit {asked!a}")  # fmt: skip
        return name, found.strip()

    def _here(self, name: str) -> str:
        """The commit it stands at in this repository; "" when there is none."""
        listed = self._git("for-each-ref", "--format=%(objectname) %(*objectname)", f"refs/tags/{name}")
        return listed.split()[-1] if listed.split() else ""

    def _there(self, name: str) -> str:
        """The same at the remote; an annotated tag's commit is listed with ^{} behind its name."""
        listed = self._git("ls-remote", "--tags", self.push, f"refs/tags/{name}", f"refs/tags/{name}^{{}}")
        found = {ref: commit for commit, _, ref in (line.partition("\t") for line in listed.splitlines())}
        return found.get(f"refs/tags/{name}^{{}}", found.get(f"refs/tags/{name}", ""))

    def _make(self, name: str, commit: str, facts: Mapping[str, str]) -> None:
        if not self.annotated:
            self._git("tag", "--no-sign", name, commit)
            return
        message = known.filled(self.message, facts)
        self._git("tag", "--annotate", "--no-sign", f"--message={message}", name, commit)

    def _told(self, name: str, commit: str) -> str:
        return f"tag {name} at {commit[:12]}" + (f", at {self.push} too" if self.push else "")

    def _git(self, *words: str, what: str = "") -> str:
        """What git printed; its complaint as the error that it is, Unreachable when it did not end in time."""
        passed = {name: os.environ[name] for name in INHERITED if name in os.environ}
        identity = {"GIT_COMMITTER_NAME": self.tagger, "GIT_COMMITTER_EMAIL": self.mail}
        with machine_troubles("git"):
            try:
                done = subprocess.run(
                    ["git", *words],
                    cwd=self.folder or Path.cwd(),
                    env=CLEAN | passed | identity,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=self.timeout.total_seconds(),
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise Unreachable(f"git {words[0]} did not end within {spoken(self.timeout)}") from None
        if done.returncode == 0:
            return done.stdout.decode("utf-8", "replace")
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:400]
        if what:
            raise Denied(f"{what} ({said})" if said else what)
        if any(text in said for text in REFUSING):
            raise Denied(f"git {words[0]}: {said}")
        if any(text in said for text in PASSING):
            raise Unreachable(f"git {words[0]}: {said}")
        raise (Denied if "reject" in said else NotUnderstood)(f"git {words[0]}: {said}")
