"""A command as an act: what it is given, where it runs, and what is told of how it ended."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.command_act import CommandAct
from tests.contract.repository import Repository
from tests.contract.spec_with_environment import with_environment
from tidegate.errors import Denied, SpecError, Unreachable

RELEASE = "shop/2.1.0/1"
FACTS = {"release": RELEASE, "system": "shop", "version": "2.1.0", "weight": "25"}


def python(script: str, *words: str, **fields: object) -> CommandAct:
    return CommandAct(argv=[sys.executable, "-c", script, *words], **fields)  # type: ignore[arg-type]


def test_a_command_that_fails_is_told_with_the_spec_s_own_words(tmp_path: Path) -> None:
    act = python("import sys; print('3 errors'); sys.exit(2)", folder=tmp_path, failed="Build failed.")
    with pytest.raises(Denied, match=r"(?s)Build failed\. .*ended with exit code 2 .*3 errors"):
        act.do(RELEASE, FACTS)


def test_a_command_that_does_not_end_leaves_it_open_whether_it_was_done(tmp_path: Path) -> None:
    act = python("import time; time.sleep(60)", folder=tmp_path, timeout="1s")
    with pytest.raises(Unreachable, match="did not end within 1s"):
        act.do(RELEASE, FACTS)
    with pytest.raises(Denied, match="could not be started"):
        CommandAct(argv=["no-such-program"], folder=tmp_path).do(RELEASE, FACTS)


@pytest.mark.proves("S0-078")
def test_an_environment_of_the_spec_is_given_with_the_step_s_weight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    variables: list[dict[str, object]] = [
        {"name": "TZ", "value": "Asia/Seoul"},
        {"name": "STAGE", "follows": "step-weight"},
        {"name": "TOKEN", "secret": True},
        {"name": "EXTRA", "required": False},
    ]
    show = "import os; print(sorted((k, v) for k, v in os.environ.items() if k in 'TZ STAGE TOKEN EXTRA HOME'.split()))"
    act = python(show, folder=tmp_path, environment="stage").told_of(with_environment("stage", variables))
    with pytest.raises(Denied, match="TOKEN has no value"):
        act.do(RELEASE, FACTS)
    monkeypatch.setenv("TOKEN", "t")
    assert act.do(RELEASE, FACTS).endswith("[('STAGE', '25'), ('TOKEN', 't'), ('TZ', 'Asia/Seoul')]")
    with pytest.raises(SpecError, match="no environment 'nowhere'; it has stage"):
        python("", environment="nowhere").told_of(with_environment("stage", variables))


@pytest.mark.proves("S0-101", "rb.redeploy_prev")
def test_the_version_before_is_deployed_from_a_work_tree_of_its_own(tmp_path: Path) -> None:
    site = Repository.made(tmp_path / "site")
    before = site.commit("old", {"app.py": "print('old')\n"})
    site.commit("new", {"app.py": "print('new')\n"})
    (site.folder / "app.py").write_text("print('being edited')\n")
    act = CommandAct(argv=[sys.executable, "app.py"], folder=site.folder, worktree="previous")
    assert act.do(RELEASE, {**FACTS, "previous": before}).endswith("old")
    assert (site.folder / "app.py").read_text() == "print('being edited')\n"
    assert len(site.run("worktree", "list").splitlines()) == 1, "nothing is left of it"
    with pytest.raises(Denied, match=r"\{previous\} is not known"):
        act.do(RELEASE, FACTS)
    with pytest.raises(Denied, match="git worktree add"):
        act.do(RELEASE, {**FACTS, "previous": "nowhere"})


def test_only_lines_with_a_text_are_kept(tmp_path: Path) -> None:
    told = python("print('ERROR one'); print('fine'); print('ERROR two')", folder=tmp_path, only_lines="ERROR").do(
        RELEASE, FACTS
    )
    assert told.splitlines()[1:] == ["ERROR one", "ERROR two"]


def test_a_long_output_keeps_its_end(tmp_path: Path) -> None:
    told = python("print('x' * 50_000); print('the end')", folder=tmp_path).do(RELEASE, FACTS)
    assert len(told) < 4100
    assert told.endswith("the end")


@pytest.mark.parametrize(
    "fields", [{"argv": []}, {"argv": ["{version}"]}, {"argv": ["a", "{x}"]}, {"done_argv": ["{url}"], "argv": ["a"]},
               {"argv": ["a"], "shell": True}, {"argv": ["a"], "worktree": "next"}],
)  # fmt: skip
def test_a_mistake_in_the_fields_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CommandAct(**fields)  # type: ignore[arg-type]
