"""Required files, in folders and commits of a real repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.required_files_check import RequiredFilesCheck
from tests.contract.repository import Repository
from tidegate.ports import Verdict

FACTS = {"release": "shop/2.1.0/1", "system": "shop", "version": "2.1.0"}


@pytest.fixture
def site(tmp_path: Path) -> Repository:
    made = Repository.made(tmp_path / "site")
    made.commit("files", {"docs/sla.md": "99.9 %\n", "web/a.js": "let a\n", "web/deep/b.js": "let b\nconsole.log(b)\n"})
    made.run("tag", "2.1.0")
    return made


def check(site: Repository, *files: str, **fields: object) -> RequiredFilesCheck:
    return RequiredFilesCheck(files=list(files), folder=site.folder, **fields)  # type: ignore[arg-type]


@pytest.mark.proves("pre.files", "S1-013", "S1-088")
def test_a_file_counts_only_when_it_is_in_the_commit(site: Repository) -> None:
    (site.folder / "docs/new.md").write_text("not committed\n")
    both = ["docs/sla.md", "docs/new.md"]
    assert check(site, *both).run(FACTS).verdict is Verdict.PASS
    told = check(site, *both, commit="{version}").run(FACTS)
    assert told.verdict is Verdict.FAIL
    assert told.evidence == "in commit 2.1.0:\ndocs/new.md is missing"
    (site.folder / "docs/sla.md").unlink()
    assert check(site, "docs/sla.md", commit="{version}").run(FACTS).verdict is Verdict.PASS


@pytest.mark.proves("sec.scan", "S0-030", "S0-062")
@pytest.mark.parametrize("commit", ["", "{version}"])
def test_a_text_that_must_not_be_there_is_told_with_its_line(site: Repository, commit: str) -> None:
    told = check(site, "web/**/*.js", commit=commit, forbids=["console.log", "debugger"]).run(FACTS)
    assert told.verdict is Verdict.FAIL
    assert told.evidence.splitlines()[1:] == ["web/deep/b.js:2 holds 'console.log'"]
    assert told.figures == {"files": 2, "wrong": 1}
    assert check(site, "web/*.js", commit=commit, forbids=["console.log"]).run(FACTS).verdict is Verdict.PASS


@pytest.mark.proves("S0-029")
@pytest.mark.parametrize("commit", ["", "{version}"])
def test_texts_that_have_to_be_there_are_named_when_they_are_not(site: Repository, commit: str) -> None:
    assert check(site, "web/**/*.js", commit=commit, contains=["let a", "let b"]).run(FACTS).verdict is Verdict.PASS
    told = check(site, "web/**/*.js", commit=commit, contains=["let a", "let c"]).run(FACTS)
    assert told.evidence.splitlines()[1:] == ["no file holds 'let c'"]


def test_a_pattern_without_a_file_is_no_pass(site: Repository) -> None:
    """An empty folder holds no forbidden text; a build that was not made would pass."""
    told = check(site, ".next/static/**/*.js", forbids=["console.log"]).run(FACTS)
    assert (told.verdict, told.evidence.splitlines()[1:]) == (Verdict.FAIL, [".next/static/**/*.js is missing"])


def test_what_cannot_be_looked_at_is_an_error_never_a_pass(site: Repository, tmp_path: Path) -> None:
    wrong = [
        (check(site, "a", commit="nowhere"), "Not a valid object name"),
        (check(site, "a", commit="{url}"), "{url} is not known"),
        (RequiredFilesCheck(files=["a"], folder=tmp_path / "none"), "there is no folder"),
        (RequiredFilesCheck(files=["a"], folder=tmp_path, commit="HEAD"), "not a git repository"),
    ]
    for one, said in wrong:
        told = one.run(FACTS)
        assert told.verdict is Verdict.ERROR
        assert said in told.evidence


def test_many_missing_files_are_told_shortly(site: Repository) -> None:
    told = check(site, *(f"docs/{number}.md" for number in range(50))).run(FACTS)
    assert len(told.evidence.splitlines()) == 22
    assert told.evidence.endswith("and 30 more")


@pytest.mark.parametrize(
    "fields",
    [{"files": []}, {"files": ["../x"]}, {"files": ["/etc/passwd"]}, {"files": ["a"], "commit": "--x"},
     {"files": ["a"], "forbids": [""]}, {"files": ["a"], "commit": "{verison}"}],
)  # fmt: skip
def test_a_mistake_in_the_fields_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RequiredFilesCheck(**fields)  # type: ignore[arg-type]
