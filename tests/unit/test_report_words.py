"""Two languages, one set of keys and numbers; and the core's own sentences, told in Korean."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from tests.unit import report_samples as samples
from tests.unit.report_world import shop_spec
from tidegate.actions import Action, kind_of
from tidegate.judge.limits import judge
from tidegate.ports import Sample
from tidegate.report import sentences
from tidegate.report.facts import facts_of
from tidegate.report.html import html_of
from tidegate.report.markdown import markdown_of
from tidegate.report.page import page_text
from tidegate.report.values import Condition, Standing
from tidegate.report.voice import Voice
from tidegate.report.words import LANGUAGES, WORDS
from tidegate.spec import Gate

HANGUL = re.compile("[\uac00-\ud7a3]")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
SAME_IN_BOTH = {
    "page.title",
    "who.machine",
    "timeline.break",
    "timeline.baked",
    "ask.korean",
    "ask.versions",
    "step.of",
}


@pytest.mark.proves("E34")
def test_both_languages_have_every_text() -> None:
    assert set(WORDS["en"]) == set(WORDS["ko"])
    assert LANGUAGES == ("en", "ko")
    for key, korean in WORDS["ko"].items():
        assert WORDS["en"][key].strip(), key
        if key not in SAME_IN_BOTH:
            assert HANGUL.search(korean), key
        assert key == "ask.korean" or not HANGUL.search(WORDS["en"][key]), key


@pytest.mark.parametrize("key", sorted(WORDS["en"]))
def test_a_pair_names_the_same_values_and_numbers_in_the_same_order(key: str) -> None:
    english, korean = WORDS["en"][key], WORDS["ko"][key]
    holes = [[part[1] for part in string.Formatter().parse(text) if part[1]] for text in (english, korean)]
    assert holes[0] == holes[1]
    assert NUMBER.findall(english) == NUMBER.findall(korean)


def test_every_act_condition_and_standing_has_a_word() -> None:
    def below(kind: type[Action]) -> set[type[Action]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    kinds = {kind_of(kind) for kind in below(Action) if not kind.__name__.startswith("_")} - {"action"}
    assert {f"kind.{kind}" for kind in kinds} <= set(WORDS["en"])
    assert {f"standing.{standing}" for standing in Standing} <= set(WORDS["en"])
    assert {f"headline.{c}" for c in Condition} <= set(WORDS["en"])


def numbers(text: str) -> list[str]:
    """Numbers that a reader sees: without style sheets, attributes and hashes."""
    text = re.sub(r"<(style|svg).*?</\1>|<!--.*?-->|<[^>]*>", " ", text, flags=re.DOTALL)
    return NUMBER.findall(re.sub(r"[0-9a-f]{40,}", "", unescape(text)))


@pytest.mark.proves("E34", "rep.release")
@pytest.mark.parametrize("make", samples.ALL, ids=lambda make: make.__name__)
def test_a_report_has_the_same_numbers_in_both_languages(make: type[samples.Sample]) -> None:
    sample = make()  # type: ignore[call-arg]
    told = facts_of(sample.entries, sample.readings, sample.spec)
    assert numbers(html_of(told, "en")) == numbers(html_of(told, "ko"))
    assert numbers(markdown_of(told, "en")) == numbers(markdown_of(told, "ko"))
    row = sample.look.row if sample.look else None
    pages = [
        page_text(sample.spec, sample.entries, sample.readings, row, told.as_of, language=language)
        for language in LANGUAGES
    ]
    assert numbers(pages[0]) == numbers(pages[1])


def _untranslated(korean: str) -> list[str]:
    """English sentences left in a Korean text: four words in a row."""
    return re.findall(r"(?:[A-Za-z][a-z']+[ ,]+){3,}[a-z]+", korean)


@pytest.mark.proves("E34")
def test_a_korean_report_has_no_english_sentence_but_those_that_people_wrote() -> None:
    sample = samples.rolled_back()
    told = facts_of(sample.entries, sample.readings, sample.spec)
    text = re.sub(r"<(style|svg).*?</\1>|<!--.*?-->", " ", html_of(told, "ko"), flags=re.DOTALL)
    written = {check.says for check in told.checks} | {told.reason} | {asked.note for asked in told.approvals}
    written |= {"1.0 answers on both routes and carries all traffic", "3 tables restored and compared, 0 differ"}
    left = [found for found in _untranslated(re.sub(r"<[^>]*>", " | ", text)) if not any(found in w for w in written)]
    assert left == []


CORE = [
    "approval half: nobody answered in time",
    "approval half: lee said reject (too slow)",
    "held for 600 s, longer than 600 s: the router of api cannot be read",
    "the verdict changed 3 times between PASS and FAIL in one step",
    "somebody lowered api by hand from 25 to 0 %",
    "api stands at 50 %, the story tells 25 %",
    "1 of 2 green api instances are healthy (api-2: exited with 1)",
    "1 of 2 green api instances are running the release's digest",
    "it rested longer than allowed, and no later run continued it",
    "the run was cancelled in Prefect (Cancelled)",
    "restarted 2 times, and died again",
    "no look of the watch for 600 s",
    "the health of api cannot be read; the mark of api names shop/1.2/1; api latency_p95: was last measured 95 s ago",
    "stable is healthy and carries everything",
    "2 of 2 instances healthy, each reports sha256:3fa9c13fa9c1",
    "3 tables, 18616 rows restored and equal",
    "25 %: api error_rate: 57 of 438 requests (13 %), limit 1 % (decided by watch)",
    "verification T+24h: api: api-1-0 does not carry everything",
]


@pytest.mark.parametrize("sentence", CORE)
def test_the_cores_sentences_are_told_in_korean_with_their_numbers_in_order(sentence: str) -> None:
    korean = sentences.korean(sentence)
    assert HANGUL.search(korean)
    assert NUMBER.findall(korean) == NUMBER.findall(sentence)


@pytest.mark.parametrize(
    ("value", "count", "bad", "error"),
    [
        (0.13, 438, 57, ""),
        (0.13, 438, None, ""),
        (0.006, 500, 3, ""),
        (0.001, 500, None, ""),
        (0.02, 20, 1, ""),
        (0.0, 0, 0, ""),
        (None, None, None, ""),
        (-1.0, 400, None, ""),
        (None, None, None, "timed out"),
    ],
)
@pytest.mark.parametrize("gate", shop_spec().gates, ids=lambda gate: gate.name)
def test_every_verdict_of_the_limits_is_told_in_korean(
    gate: Gate, value: float | None, count: int | None, bad: int | None, error: str
) -> None:
    if gate.metric == "latency_p95":
        bad = None
    sample = Sample(gate.metric, value, count, bad, gate.window, datetime(2025, 1, 1, tzinfo=UTC), error)
    for lasting in (timedelta(0), timedelta(hours=1)):
        sentence = judge(gate, sample, lasting).sentence
        korean = sentences.korean(sentence)
        assert korean != sentence
        assert NUMBER.findall(korean) == NUMBER.findall(sentence)
        assert not _untranslated(korean), korean


def test_templates_keep_the_order_of_what_they_name() -> None:
    for _, template in sentences._KNOWN:
        order = [int(hole[0]) for hole in sentences._GROUP.findall(template)]
        assert order == sorted(set(order)), template


def test_a_long_or_deep_sentence_is_left_alone_quickly() -> None:
    for sentence in ("check a: " * 4000, "25 %: " * 300, "(decided by x)" * 150, "; ".join(["a b: 1 of 2"] * 150)):
        sentences.korean(sentence)
    assert sentences.korean("x" * 5000) == "x" * 5000


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [
        (0.0, "0 s", "0초"),
        (0.812, "0.8 s", "0.8초"),
        (9.99, "10 s", "10초"),
        (59.4, "59 s", "59초"),
        (60, "1m", "1분"),
        (372, "6m 12s", "6분 12초"),
        (3600, "1h", "1시간"),
        (86_412, "1d", "1일"),
        (9_660, "2h 41m", "2시간 41분"),
        (-90, "-1m 30s", "-1분 30초"),
        (59.7, "1m", "1분"),
    ],
)
def test_durations_are_spoken_with_the_same_numbers(seconds: float, english: str, korean: str) -> None:
    assert (Voice("en").span(seconds), Voice("ko").span(timedelta(seconds=seconds))) == (english, korean)
