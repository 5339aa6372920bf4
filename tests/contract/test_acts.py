"""What every act must do; add a stand of another product to STANDS and all of it runs over that, too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.command_act import CommandAct
from blocks.git_tag import GitTag
from tests.contract.repository import Repository
from tidegate.errors import Denied
from tidegate.ports import Doer

RELEASE = "shop/2.1.0/1"
FACTS = {"release": RELEASE, "system": "shop", "version": "2.1.0", "date": "2026-03-05"}
SECRET = "planted-secret-77"


@dataclass(frozen=True, slots=True)
class Stand:
    """A product's act, and how to see what came of it in the world."""

    act: Doer
    refused: Doer  # its other side says no
    needing: Doer  # names {previous}, and is refused while that is not known
    times: Callable[[], int]
    """How often it was done."""


def command_stand(folder: Path) -> Stand:
    def python(script: str, *words: str, **fields: object) -> CommandAct:
        secrets = {"TOKEN": SecretStr(SECRET)}
        return CommandAct(argv=[sys.executable, "-c", script, *words], folder=folder, secrets=secrets, **fields)  # type: ignore[arg-type]

    done = folder / "done"
    return Stand(
        act=python(
            f"open({str(done)!r}, 'a').write('x'); print('built')",
            done_argv=["/usr/bin/test", "-e", str(done)],
        ),
        refused=python("import os, sys; sys.exit('no: ' + os.environ['TOKEN'])"),
        needing=python("", "{previous}"),
        times=lambda: len(done.read_text()) if done.exists() else 0,
    )


def tag_stand(folder: Path) -> Stand:
    site = Repository.made(folder / "site", remote=folder / "remote.git")
    site.run("tag", "taken", site.commit("older"))
    site.commit("newer")
    return Stand(
        act=GitTag(name="v{version}", message="Release {version}", push="origin", folder=site.folder),
        refused=GitTag(name="taken", push="origin", folder=site.folder),
        needing=GitTag(name="before", commit="{previous}", folder=site.folder),
        times=lambda: len(site.run("ls-remote", "--tags", "origin", "refs/tags/v2.1.0").splitlines()),
    )


STANDS = {"command-act": command_stand, "git-tag": tag_stand}


@pytest.fixture(params=STANDS)
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Stand:
    return STANDS[request.param](tmp_path)


@pytest.mark.proves("I13")
def test_what_was_done_is_seen_before_it_is_done_again(stand: Stand) -> None:
    assert stand.act.done(RELEASE, FACTS) == ""
    assert stand.times() == 0, "asking does nothing"
    shown = stand.act.do(RELEASE, FACTS)
    assert shown
    assert stand.times() == 1
    assert stand.act.done(RELEASE, FACTS) != ""
    assert stand.times() == 1


@pytest.mark.proves("I24")
def test_a_no_is_told_with_its_reason_and_without_secrets(stand: Stand) -> None:
    with pytest.raises(Denied) as refused:
        stand.refused.do(RELEASE, FACTS)
    assert len(str(refused.value)) > 20
    assert SECRET not in str(refused.value) + repr(stand.refused)


def test_a_fact_that_is_not_known_yet_is_refused_and_nothing_is_done(stand: Stand) -> None:
    with pytest.raises(Denied, match=r"\{previous\} is not known at this point"):
        stand.needing.do(RELEASE, FACTS)


@pytest.mark.parametrize("value", ["-rf", "--upload-pack=touch x", "a\nb", "a\0b", "x" * 3000], ids=ascii)
def test_a_hostile_fact_is_refused(stand: Stand, value: str) -> None:
    with pytest.raises(Denied, match=r"(?s)dash|one line"):
        stand.needing.do(RELEASE, {**FACTS, "previous": value})
