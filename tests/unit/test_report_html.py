"""The HTML report: it needs nothing beside itself, nothing in it runs, everybody can read it, and a change shows."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit import report_samples as samples
from tests.unit.report_world import shop_spec
from tidegate.ledger import Kind
from tidegate.report.facts import facts_of
from tidegate.report.html import html_of
from tidegate.report.seal import sealed, verify
from tidegate.report.style import DARK, GROUNDS, LIGHT, TEXTS
from tidegate.report.timeline import STYLE
from tidegate.report.words import LANGUAGES
from tidegate.spec import compressed

VOID = {"meta", "br", "path", "rect", "circle", "line"}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "a", "header", "nav", "ul", "li", "main", "section", "h1", "h2",
    "p", "div", "span", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "strong", "code", "i", "br",
    "figure", "svg", "desc", "g", "path", "rect", "circle", "line", "text", "footer",
}  # fmt: skip


class Page(HTMLParser):
    """The page as a browser would build it: every tag closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.comments: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report(sample: samples.Sample, language: Any = "en") -> str:
    return html_of(facts_of(sample.entries, sample.readings, sample.spec), language)


@pytest.mark.proves("E27", "rep.release")
@pytest.mark.parametrize("make", samples.ALL, ids=lambda make: make.__name__)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_is_one_whole_page_that_asks_for_nothing_and_runs_nothing(make: Any, language: str) -> None:
    text = report(make(), language)
    page = Page(text)
    assert {tag for tag, _ in page.tags} <= TAGS
    assert ("html", {"lang": language}) in page.tags
    for _, attributes in page.tags:
        assert not {"src", "srcset", "data", "action", "style"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import|javascript:|https?://(?!www\.w3\.org/2000/svg\")", text)
    assert page.comments == [page.comments[-1]]
    assert verify(text)


@pytest.mark.proves("E22", "E27")
def test_the_headline_says_what_happened_in_words_and_numbers() -> None:
    told = {make.__name__: Page(report(make())).text for make in samples.ALL}
    assert "Rolled back to 1.0 in 0.8 s" in told["rolled_back"]
    assert "1.1 is promoted and carries 100 % of the traffic" in told["promoted"]
    assert "1.1 was stopped before it had any traffic" in told["aborted"]
    assert "Waiting for people: approval half" in told["waiting"]
    assert "1.1 gets 25 % of the traffic, step 2 of 4" in told["shifting"]
    assert "Decided 1d after promotion" in told["rolled_back_late"]
    assert not [text for text in told.values() if "Degraded" in text]


@pytest.mark.proves("E27", "rep.release", "rep.checklist")
def test_a_report_has_verdicts_actors_evidence_proofs_slots_and_what_is_left() -> None:
    text = Page(report(samples.promoted())).text
    for expected in (
        "api: error rate", "0.19 %", "likely 0.096 % to 0.38 %", "4,112", "min", "identity unproved", "kim", "lee",
        "identity proved", "All hands are here.", "migration: 12 of 12 items hold", "3 tables restored and compared",
        "18,204", "48.3 MB", "T+12h", "missed", "Verification runs still to come: 4",
        "tidegate rollback shop --from 1.1",
        "Slack did not answer within 2 s", samples.promoted().entries[-1].hash,
    ):  # fmt: skip
        assert expected in text, expected


@pytest.mark.proves("E13")
def test_a_result_is_told_by_icon_and_word_never_by_colour_alone() -> None:
    text = report(samples.rolled_back())
    badges = re.findall(r'<span class="badge \w+"><i aria-hidden="true">(.)</i>([^<]+)</span>', text)
    assert ("✗", "failed") in badges
    assert ("✓", "passed") in badges
    assert len(badges) == text.count('class="badge')


@pytest.mark.proves("E34")
def test_a_page_is_read_by_keyboard_and_by_ear() -> None:
    page = Page(report(samples.promoted()))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    hrefs = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert hrefs[0] == "#report"  # skips to the report first
    assert {str(href).removeprefix("#") for href in hrefs} <= set(ids)
    regions = [attributes for _, attributes in page.tags if attributes.get("role") == "region"]
    assert regions
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)
    picture = next(attributes for tag, attributes in page.tags if tag == "svg")
    assert set(str(picture["aria-labelledby"]).split()) <= set(ids)
    heads = [attributes for tag, attributes in page.tags if tag == "th"]
    assert all(head["scope"] == "col" for head in heads)
    assert next(tag for tag, _ in page.tags if tag in ("h1", "h2")) == "h1"


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(ink: str, ground: str, share: float) -> str:
    parts = [(int(ink[at : at + 2], 16), int(ground[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in parts)


@pytest.mark.proves("E34")
@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_stands_out_from_its_ground_by_at_least_4_5_to_1(palette: dict[str, str]) -> None:
    for text in TEXTS:
        for ground in GROUNDS:
            assert contrast(palette[text], palette[ground]) >= 4.5, (text, ground)
    dim = float(re.findall(r"\.dim\{opacity:(\.\d+)\}", STYLE)[0])
    assert contrast(mixed(palette["ink"], palette["paper"], dim), palette["paper"]) >= 4.5


@pytest.mark.proves("E34", "E27")
def test_dark_and_light_follow_the_system_and_paper_is_always_light() -> None:
    text = report(samples.promoted())
    assert "color-scheme:light dark" in text
    assert "@media (prefers-color-scheme:dark)" in text
    paper = text[text.index("@media print") :]
    assert f"--ink:{LIGHT['ink']}" in paper
    assert "nav,.skip{display:none}" in paper


def test_compressed_time_is_said_at_the_top() -> None:
    text = Page(report(samples.shifting(compressed(shop_spec(), 180)))).text
    assert text.index("divided by 180") < text.index("What is left to do")
    assert "divided by" not in Page(report(samples.shifting())).text


@pytest.mark.proves("I23")
def test_a_broken_chain_is_said_at_the_top() -> None:
    sample = samples.promoted()
    entries = [replace(entry, who="eve") if entry.seq == 5 else entry for entry in sample.entries]
    text = Page(html_of(facts_of(entries, (), sample.spec))).text
    assert "does not hold at entry 5" in text[: text.index("What is left to do")]


@pytest.mark.proves("E27")
def test_any_change_of_a_report_is_found() -> None:
    text = report(samples.rolled_back())
    seal = text.rindex("<!--")
    changed = [
        text.replace("0.8 s", "0.2 s", 1),
        text.replace("kim", "lee", 1),
        text[:-1],
        text + "\n",
        text[:100] + text[101:],
        text[:seal],
        text + text[seal:],
        text[:seal] + text[seal:].replace("sha256:", "sha256:0"),
        "",
    ]
    assert verify(text)
    assert [verify(one) for one in changed] == [False] * len(changed)


def test_a_sealed_text_is_not_sealed_again() -> None:
    with pytest.raises(ValueError, match="seal already"):
        sealed(sealed("text"))


HOSTILE = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "--><script>alert(1)</script><!--",
    "<!-- tidegate-report sha256:" + "0" * 64 + " -->",
    "]]><svg onload=alert(1)>",
    "&lt;b&gt; & {brace} {0} %s",
    "javascript:alert(1)",
    "line\nbreak\r\n\ttab \x00 \x1b[31m \u202e \ud800",
    "|".join("`*_[x](http://evil.example)#<br>"),
]


def hostile(text: str) -> samples.Sample:
    """A rolled back release in which everything that somebody else wrote is `text`."""
    sample = samples.rolled_back()
    spec = sample.spec.model_copy(
        update={"description": text, "checks": tuple(c.model_copy(update={"says": text}) for c in sample.spec.checks)}
    )
    bodies = []
    for entry in sample.entries:
        body = {**entry.body}
        for name in ("why", "evidence", "note", "sentence", "approver", "location", "stable", "remedy", "dropped"):
            if isinstance(body.get(name), str):
                body[name] = text
        if entry.kind is Kind.OPENED:
            body |= {"request": {**body["request"], "reason": text, "version": text}, "blue": text, "digest": text}
        who = text if entry.kind in (Kind.OPENED, Kind.DOWN) else entry.who
        bodies.append(replace(entry, body=body, who=who))
    return samples.Sample("hostile", spec, bodies, sample.readings)


@pytest.mark.proves("E27")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.text(min_size=1), st.sampled_from(HOSTILE), st.tuples(st.sampled_from(HOSTILE), st.text()).map("".join)
    )
)
@example(HOSTILE[0])
@example(HOSTILE[1])
@example(HOSTILE[5])
@example(HOSTILE[9])
def test_what_somebody_else_wrote_stays_text(text: str) -> None:
    told = report(hostile(text))
    page = Page(told)
    assert {tag for tag, _ in page.tags} <= TAGS
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "<script" not in told.lower()
    assert len(page.comments) == 1
    assert verify(told)
    told.encode()  # no half of a surrogate pair is left
