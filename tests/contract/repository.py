"""A real git repository, with a bare one as its remote where that is asked for."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Nothing of the machine's own git settings.
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "Mina",
    "GIT_AUTHOR_EMAIL": "mina@shop.test",
    "GIT_COMMITTER_NAME": "Mina",
    "GIT_COMMITTER_EMAIL": "mina@shop.test",
}


@dataclass(frozen=True, slots=True)
class Repository:
    """Its work tree lies at `folder`."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, remote: Path | None = None) -> Repository:
        folder.mkdir(parents=True)
        made = cls(folder)
        made.run("init", "--quiet", "--initial-branch=main")
        made.commit("first", {"README.md": "a shop\n"})
        if remote is not None:
            subprocess.run(["git", "init", "--quiet", "--bare", remote], check=True, env=ENVIRONMENT)
            made.run("remote", "add", "origin", str(remote))
            made.run("push", "--quiet", "origin", "main")
        return made

    def commit(self, message: str, files: dict[str, str] | None = None) -> str:
        """A commit with these files written; its name."""
        for name, content in (files or {}).items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(content, "utf-8")
        self.run("add", "--all")
        self.run("commit", "--quiet", "--allow-empty", f"--message={message}")
        return self.run("rev-parse", "HEAD").strip()

    def run(self, *words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=self.folder, env=ENVIRONMENT, check=True, capture_output=True, text=True
        ).stdout
