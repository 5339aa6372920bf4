"""A tag in a real repository and its remote: alone, once, never moved."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.git_tag import GitTag
from tests.contract.repository import Repository
from tidegate.errors import Denied, NotUnderstood, Unreachable

RELEASE = "shop/2.1.0/1"
FACTS = {"release": RELEASE, "system": "shop", "version": "2.1.0", "date": "2026-03-05"}


@pytest.fixture
def site(tmp_path: Path) -> Repository:
    return Repository.made(tmp_path / "site", remote=tmp_path / "remote.git")


def tag(site: Repository, **fields: object) -> GitTag:
    return GitTag(**({"name": "v{version}", "push": "origin", "folder": site.folder} | fields))  # type: ignore[arg-type]


def remote_tags(site: Repository) -> set[str]:
    return {line.split("\t")[1] for line in site.run("ls-remote", "--tags", "origin").splitlines()}


@pytest.mark.proves("S3-028", "S4-047", "S4-048")
def test_an_annotated_tag_is_made_and_pushed_alone(site: Repository) -> None:
    site.run("tag", "private")
    site.run("config", "push.followTags", "true")
    done = tag(site, name="api-{date:%Y%m%d}", message="시간 기록 {version}").do(RELEASE, FACTS)
    assert remote_tags(site) == {"refs/tags/api-20260305", "refs/tags/api-20260305^{}"}
    assert "tag api-20260305 at" in done
    assert (
        site.run("tag", "--list", "--format=%(contents:subject)|%(taggername)", "api-*") == "시간 기록 2.1.0|Tidegate\n"
    )


@pytest.mark.proves("bak.tag", "S4-011")
def test_the_version_before_is_tagged_at_its_own_commit(site: Repository) -> None:
    before = site.run("rev-parse", "HEAD").strip()
    site.commit("newer")
    light = tag(site, name="pre-{version}", commit="{previous}", annotated=False)
    light.do(RELEASE, {**FACTS, "previous": before})
    assert site.run("rev-parse", "pre-2.1.0").strip() == before
    assert remote_tags(site) == {"refs/tags/pre-2.1.0"}


def test_a_tag_at_another_commit_is_left_alone_here_and_there(site: Repository) -> None:
    tag(site).do(RELEASE, FACTS)
    first = site.run("rev-parse", "v2.1.0^{commit}")
    site.commit("newer")
    assert tag(site).done(RELEASE, FACTS) == ""
    with pytest.raises(Denied, match=r"origin has a tag v2\.1\.0 at"):
        tag(site).do(RELEASE, FACTS)
    site.run("tag", "--delete", "v2.1.0")
    with pytest.raises(Denied, match=r"origin has a tag v2\.1\.0 at"):
        tag(site).do(RELEASE, FACTS)
    assert site.run("ls-remote", "origin", "refs/tags/v2.1.0^{}").startswith(first.strip())


def test_a_release_that_died_before_the_push_goes_on_with_it(site: Repository) -> None:
    tag(site, push="").do(RELEASE, FACTS)
    assert tag(site, push="").done(RELEASE, FACTS) != ""
    assert tag(site).done(RELEASE, FACTS) == "", "the remote does not show it yet"
    tag(site).do(RELEASE, FACTS)
    assert "refs/tags/v2.1.0" in remote_tags(site)


def test_what_cannot_be_tagged_is_refused_by_name(site: Repository, tmp_path: Path) -> None:
    with pytest.raises(Denied, match="no commit 'nowhere'"):
        tag(site, commit="nowhere").do(RELEASE, FACTS)
    with pytest.raises(Denied, match="is no name of a tag"):
        tag(site, name="a..b").do(RELEASE, FACTS)
    with pytest.raises((Denied, Unreachable), match="elsewhere"):
        tag(site, push="elsewhere").do(RELEASE, FACTS)
    (tmp_path / "empty").mkdir()
    with pytest.raises((Denied, NotUnderstood)):
        tag(site, folder=tmp_path / "empty").do(RELEASE, FACTS)
    assert remote_tags(site) == set()


def test_a_remote_that_refuses_is_believed(site: Repository, tmp_path: Path) -> None:
    hook = tmp_path / "remote.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no tags on Fridays >&2; exit 1\n")
    hook.chmod(0o755)
    with pytest.raises(Denied, match="no tags on Fridays"):
        tag(site).do(RELEASE, FACTS)
    assert tag(site).done(RELEASE, FACTS) == ""


@pytest.mark.parametrize(
    "fields",
    [{"name": "--delete"}, {"commit": "-x"}, {"push": "--mirror"}, {"only_this": False}, {"name": "{verison}"},
     {"mail": "no body"}],
)  # fmt: skip
def test_a_mistake_in_the_fields_is_refused(site: Repository, fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        tag(site, **fields)
