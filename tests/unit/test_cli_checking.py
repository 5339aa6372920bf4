"""`tidegate check`: a user's mistake is a sentence, what is not built is told, and `--real` fails on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.built_connectors import built, instead, is_built, missing, refuse_what_is_missing
from blocks.yaml_reading import read_spec
from tests.house.tree import ROOT
from tests.typed import Said, settle
from tidegate.cli.checking import fields_of_connectors, grouped
from tidegate.errors import SpecError
from tidegate.language.complaints import listed
from tidegate.language.warning import Remark

Check = Callable[..., Said]
RELEASES = ROOT / "deployments" / "releases"
SHOP = (RELEASES / "shop.yaml").read_text("utf-8")


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    settle(tmp_path, monkeypatch)

    def checked(text: str, *more: str) -> Said:
        path = tmp_path / "mine.yaml"
        path.write_text(text, "utf-8")
        return Said(capsys, "check", str(path), *more)

    return checked


def test_the_shop_can_be_used_and_released(check: Check) -> None:
    said = check(SHOP, "--real")
    assert said.code == 0, said.err
    assert "this spec can be used" in said.out
    assert "warning:" not in said.out


def test_a_connector_that_is_not_built_is_told_with_every_place_and_fails_only_with_real(check: Check) -> None:
    text = SHOP.replace("use: sqlite-backup", "use: sqlite-bakup").replace(
        "notify:", "channels: [{name: chat, to: {use: sqlite-bakup}}]\nnotify:"
    )
    said = check(text)
    assert said.code == 0, said.err
    assert "this spec can be planned and rehearsed." in said.out
    assert (
        "no connector 'sqlite-bakup': did you mean 'sqlite-backup'? (needed by channels.chat.to, backups.orders"
        in said.out
    )
    said = check(text, "--real")
    assert said.code == 1
    assert "error: a real release is refused:" in said.out
    told = check(text, "--json").told
    assert told["ok"] is True
    assert told["connectors_missing"] == {"sqlite-bakup": ["channels.chat.to", "backups.orders.backup"]}
    assert check(text, "--real", "--json").told["ok"] is False


def test_a_real_release_is_refused_with_every_missing_connector_named() -> None:
    text = SHOP.replace("use: sqlite-backup", "use: one-backup").replace("use: console-notifier", "use: two-notifier")
    spec = read_spec(text.encode(), "shop.yaml")
    assert missing(spec) == {"one-backup": ["backups.orders.backup"], "two-notifier": ["notify.0"]}
    with pytest.raises(SpecError) as refused:
        refuse_what_is_missing(spec, "shop.yaml")
    assert str(refused.value).startswith("shop.yaml: a real release is refused: no connector 'one-backup'")
    assert "shop.yaml: a real release is refused: no connector 'two-notifier'" in str(refused.value)
    refuse_what_is_missing(read_spec(SHOP.encode(), "shop.yaml"), "shop.yaml")


def alike(kind: str) -> str:
    """What is said of a kind, whatever else has been built of it by now."""
    names = [one for one in built() if one.endswith(f"-{kind}")]
    return f"{'is' if len(names) == 1 else 'are'} {listed(names, 4)}"


ARE = {kind: alike(kind) for kind in ("backup", "check")}


@pytest.mark.parametrize(
    ("slug", "said"),
    [
        ("sqlite-bakup", "did you mean 'sqlite-backup'?"),
        ("SQLite-backup", "did you mean 'sqlite-backup'?"),
        ("treafik-router", "did you mean 'traefik-router'?"),
        ("http-cheks", "did you mean 'http-check'?"),
        ("traefik", "did you mean 'traefik-router'?"),
        ("nowhere-backup", f"of this kind there {ARE['backup']}"),
        ("headers-check", f"of this kind there {ARE['check']}"),
        ("command-lamp", "none of this kind (lamp) is built yet"),
    ],
)
def test_a_connector_is_suggested_only_for_a_slip_of_the_pen_else_those_of_its_kind_are_listed(
    slug: str, said: str
) -> None:
    assert instead(slug) == said


def test_a_word_that_names_no_kind_is_answered_with_every_connector() -> None:
    assert instead("nonsense") == f"there are {', '.join(built())}"


def test_a_file_of_the_folder_that_is_no_connector_is_not_taken_for_one() -> None:
    assert not is_built("yaml-spec")
    assert not is_built("../tidegate/spec")
    from blocks.connect import known

    assert set(built()) == set(known()) - {"sql-ledger"}


MISTAKES = {
    "a field of a connector": ("within: 2s", "wihtin: 2s", "checks.shop-answers.check.wihtin: unknown field 'wihtin'"),
    "a check where a router stands": (
        "router: {use: traefik-router",
        "router: {use: http-check",
        "components.api.router.use: http-check is a check, here stands a router: "
        + ", ".join(one for one in built() if one.endswith("-router")),
    ),
    "one name where a list stands": (
        "    ask: Green",
        "    approvers: joe\n    ask: Green",
        "approvals.0.approvers: found 'joe'; input should be a list",
    ),
    "a country": ("notify:", "calendar: {holidays: [XX]}\nnotify:", "calendar.holidays: no holidays known of 'XX'"),
    "an endless rhythm": (
        "notify:",
        "schedules: [{name: often, rhythm: {every: 5s, until: [{after: full, by: 30d}]}}]\nnotify:",
        "schedules.often.rhythm: more than 5000 runs",
    ),
    "a huge duration": ("keep_blue: 8d", "keep_blue: 999999999d", "cleanup.keep_blue: '999999999d' is longer than ten"),
    "a list at the top": ("schema_version: 1\n", "- a\n", "not YAML"),
}


@pytest.mark.proves("E29")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_a_sentence_with_its_file_and_never_a_trace(check: Check, mistake: str) -> None:
    old, new, words = MISTAKES[mistake]
    assert old in SHOP
    said = check(SHOP.replace(old, new, 1))
    assert said.code == 1
    assert words in said.err
    assert "mine.yaml" in said.err
    assert "Tidegate itself failed" not in said.err


@pytest.mark.parametrize("at", ["9999-12-31T23:59", "0001-01-01", "tomorrow", "2026-13-01"])
def test_a_beginning_that_is_no_time_is_refused(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(tmp_path, monkeypatch)
    said = Said(capsys, "plan", "shop", "--at", at)
    assert said.code == 2
    assert f"--at {at!r} is no time" in said.err


@pytest.mark.parametrize("path", sorted(RELEASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_spec_of_this_repository_is_read_with_the_fields_of_what_it_names(path: Path) -> None:
    spec = read_spec(path.read_bytes(), path.name)
    assert spec.system == path.stem
    fields_of_connectors(spec, path.name, path.read_bytes())


def test_what_is_true_of_many_places_is_one_line() -> None:
    found = [Remark("a", "x"), Remark("b", "y"), *(Remark(f"c{n}", "x") for n in range(4)), Remark("d", "x", False)]
    assert grouped(found) == ["warning: a, c0, c1 and 2 more: x", "warning: b: y", "note: d: x"]
