"""What people read while a release is under way, and the report as Markdown: complete, short, and nothing but text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.unit import report_samples as samples
from tests.unit.report_world import BAD_GATES, shop_spec
from tests.unit.test_report_html import HOSTILE, hostile
from tidegate.ledger import LookRow, SeenLook
from tidegate.report.approval import MOST_LINES, approval_text
from tidegate.report.facts import facts_of
from tidegate.report.live import live
from tidegate.report.markdown import markdown_of
from tidegate.report.page import page_text
from tidegate.report.telling import left_to_do
from tidegate.report.voice import Voice
from tidegate.report.words import LANGUAGES
from tidegate.spec import Spec, compressed

LINKS = {"run": "http://127.0.0.1:4200/runs/flow-run/7d0b1f52", "diff": "https://git.example/shop/1.0...1.1"}
BY_HAND = {"api": "edit routes/shop-api.yaml: canary weight 0"}


def tokens(text: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text):
        yield token
        yield from token.children or ()


def kinds(text: str) -> list[str]:
    return [token.type for token in tokens(text) if token.type not in ("text", "inline", "softbreak", "text_special")]


def row_of(sample: samples.Sample) -> LookRow | None:
    return sample.look.row if sample.look else None


def page(sample: samples.Sample, **more: Any) -> str:
    now = sample.entries[-1].at
    return page_text(sample.spec, sample.entries, sample.readings, row_of(sample), now, BY_HAND, LINKS, **more)


def approval(sample: samples.Sample, gate: str = "half", **more: Any) -> str:
    asked = facts_of(sample.entries, (), sample.spec).waiting[0]
    told: dict[str, Any] = {
        "spec": sample.spec, "entries": sample.entries, "readings": sample.readings, "look": row_of(sample),
        "gate": gate, "deadline": asked.deadline, "on_expiry": asked.on_expiry, "traffic": asked.traffic,
        "links": LINKS, "by_hand": BY_HAND,
    }  # fmt: skip
    return approval_text(**{**told, **more})


@pytest.mark.proves("E25", "E7")
def test_the_page_says_how_far_how_well_and_how_much_longer() -> None:
    text = page(samples.shifting())
    for expected in (
        "1.1 gets 25 % of the traffic, step 2 of 4", "2 of 4", "asked 25 %, measured 25 %", "✓ passed",
        "18m of this step's 30m", "at least 1h 48m to the end of the plan", "| api: p95 latency | 184 ms |", "500 ms",
        "approval go: kim (identity unproved): approved", "`tidegate rollback shop`", "canary weight 0", "restarted",
        "[Flow run](http://127.0.0.1:4200/runs/flow-run/7d0b1f52)",
    ):  # fmt: skip
        assert expected in text, expected


@pytest.mark.proves("E11")
def test_the_page_of_a_waiting_release_names_question_people_deadline_command_and_link() -> None:
    text = page(samples.waiting())
    for expected in (
        "Do the figures allow half of the traffic?", "kim, lee", "2025-11-24 14:04:41",
        "`tidegate approve shop/1.1/2 half`", "[Answer](http://127.0.0.1:4200/runs/flow-run/7d0b1f52)",
    ):  # fmt: skip
        assert expected in text, expected


def test_a_page_without_a_look_says_that_nothing_is_known_instead_of_guessing() -> None:
    sample = samples.shifting()
    text = page_text(sample.spec, sample.entries, sample.readings, None, sample.entries[-1].at)
    assert "measured" not in text
    assert "at least 2h to the end" not in text or "api: 25 %" in text


def test_a_held_release_says_why_and_until_when() -> None:
    sample = samples.shifting()
    assert sample.look is not None
    detail = {"gates": BAD_GATES, "hold": {"since": "2025-11-24T09:40:00+00:00", "seconds_left": 252.0}}
    row = LookRow(
        sample.look.row.release, 40, "1/canary/5", "INCONCLUSIVE", BAD_GATES[1]["sentence"], True, True, True, 3,
        BAD_GATES[1]["sentence"], {"api": 25}, detail,
    )  # fmt: skip
    text = page_text(sample.spec, sample.entries, sample.readings, row, sample.entries[-1].at)
    assert "1.1 is held at 25 %, step 2 of 4" in text
    assert "held; the deadline is in 4m 12s" in text
    assert "Against a raise: api latency\\_p95: 428 ms" in text
    assert "frontend: asked 25 %, the router cannot be read" in text


def test_a_rollback_is_not_called_done_while_a_router_still_shows_green_traffic() -> None:
    sample = samples.rolled_back()
    entries = [entry for entry in sample.entries if entry.epoch != 8]  # the rollback's own acts are still to come
    facts = facts_of(entries, sample.readings, sample.spec)

    def text(seq: int, weights: dict[str, int]) -> str:
        row = LookRow("r", seq, "", "FAIL", "down", True, True, True, 3, "down", weights)
        return page_text(sample.spec, entries, sample.readings, row, facts.as_of)

    assert facts.down is not None
    assert "the routers have not yet confirmed weight 0" in text(facts.down.seq, {"api": 0, "frontend": 25})
    assert "Traffic is back on 1.0 after 0.8 s" in text(facts.down.seq, {"api": 0, "frontend": 0})
    before = text(facts.down.seq - 1, {"api": 25, "frontend": 25})  # a look from before the decision says nothing
    assert "Traffic is back on 1.0 after 0.8 s" in before
    assert "measured" not in before.split("##")[0]


def test_a_look_that_is_spelled_otherwise_is_left_out() -> None:
    sample = samples.shifting()
    facts = facts_of(sample.entries, (), sample.spec)
    row = LookRow("r", 1, "", "DANCING", "", True, True, True, 1, "", {}, {"gates": 7, "bake": [], "hold": "no"})
    assert live(facts, row).verdict is None
    assert live(facts, row).gates == ()
    assert live(facts, row).left is None


@pytest.mark.proves("E16", "S1-033")
def test_an_approval_shows_everything_that_a_decision_needs() -> None:
    text = approval(samples.waiting())
    for expected in (
        "Do the figures allow half of the traffic?", "**1.0** to **1.1**", "`sha256:3fa9c13fa9c1`", "Checks: 5 of 5",
        "3 tables restored and compared", "Weight now 25 %, next 50 %", "0.19 % (0.096 % \\~ 0.38 %)", "178 ms",
        "4,112",
        "500 ms", "kim, lee", "2025-11-24 14:04:41 UTC", "**approve**: 1.1 gets 50 % of the traffic for 30m",
        "**reject**: all traffic goes back to 1.0", "**no answer**: all traffic goes back to 1.0", "**park**",
        "트래픽의 절반을 보내도 됩니까?",
        "`tidegate approve shop/1.1/2 half`", "[Changes](https://git.example/shop/1.0...1.1)",
    ):  # fmt: skip
        assert expected in text, expected
    assert len(text.splitlines()) <= MOST_LINES


def test_before_traffic_no_means_an_abort_and_there_is_nothing_to_park() -> None:
    sample = samples.waiting()
    go = next(n for n, entry in enumerate(sample.entries) if "question" in entry.body)
    early = samples.Sample("go", sample.spec, sample.entries[: go + 1], ())
    text = approval(early, "go", look=None)
    assert "**reject**: the release ends without traffic" in text
    assert "**no answer**: the release ends without traffic" in text
    assert "park" not in text
    assert "Weight now 0 %, next 5 %" in text


def test_an_approval_in_korean_is_korean_throughout() -> None:
    text = approval(samples.waiting(), language="ko")
    assert text.startswith("## 트래픽의 절반을 보내도 됩니까?")
    assert "무응답" in text
    assert "Do the figures" not in text
    assert len(text.splitlines()) <= MOST_LINES


def test_leaving_a_park_is_asked_without_a_text_of_the_spec() -> None:
    assert "Leave the park and begin again at the first step with 1.1?" in approval(samples.waiting(), "leave-park")


def crowded() -> samples.Sample:
    """Many components, gates and failed checks; more links and lines by hand than anybody wants."""
    base = shop_spec()
    parts = {f"part{n}": base.components["api"] for n in range(9)} | dict(base.components)
    gates = [
        gate.model_copy(update={"name": f"{gate.name}-{name}", "component": name})
        for name in parts
        for gate in base.gates
    ]
    gates = [*base.gates, *gates]
    spec: Spec = compressed(base.model_copy(update={"gates": tuple(gates)}), 180)
    sample = samples.waiting(spec)
    assert sample.look is not None
    told = [{"gate": g.name, "component": g.component, "verdict": "PASS", "value": 0.001, "count": 900} for g in gates]
    told[-1] |= {"verdict": "INCONCLUSIVE"}
    row = LookRow("r", 40, "", "PASS", "s", True, True, True, 3, "", {"api": 25}, {"gates": told})
    bad = [  # the chain is broken by it, which takes a line more
        entry if entry.body.get("event") != "check-run" else _failed(entry) for entry in sample.entries
    ]
    return samples.Sample("crowded", spec, bad, sample.readings, SeenLook(row, 1.0, True))


def _failed(entry: Any) -> Any:
    return replace(entry, body={**entry.body, "verdict": "FAIL", "evidence": "e" * 500})


@pytest.mark.proves("E16")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_crowded_approval_still_fits_into_a_dialog_and_shows_what_did_not_pass(language: Any) -> None:
    many = {f"component-{n}": f"edit file {n}" for n in range(9)}
    text = approval(
        crowded(), links={f"link{n}": f"https://x.example/{n}" for n in range(20)}, by_hand=many, language=language
    )
    assert len(text.splitlines()) <= MOST_LINES
    assert ("no verdict" if language == "en" else "판정 불가") in text
    assert ("more" if language == "en" else "외 ") in text


@pytest.mark.proves("E22")
def test_what_is_left_to_do_is_never_empty_and_names_commands() -> None:
    for make in samples.ALL:
        sample = make()
        assert left_to_do(facts_of(sample.entries, (), sample.spec), Voice())
    rolled = facts_of(samples.rolled_back().entries, (), shop_spec())
    assert any("Find the cause" in told for told in left_to_do(rolled, Voice()))
    promoted = left_to_do(facts_of(samples.promoted().entries, (), shop_spec()), Voice())
    assert any("tidegate rollback shop --from 1.1" in told for told in promoted)


@pytest.mark.proves("rep.release")
@pytest.mark.parametrize("make", samples.ALL, ids=lambda make: make.__name__)
def test_the_markdown_report_has_the_sections_of_the_html_one(make: Any) -> None:
    sample = make()
    text = markdown_of(facts_of(sample.entries, sample.readings, sample.spec))
    assert kinds(text).count("heading_open") >= 7
    assert "html_block" not in kinds(text)
    assert "html_inline" not in kinds(text)
    assert sample.entries[-1].hash in text


@cache
def _spellings(text: str) -> dict[str, str]:
    sample = hostile(text)
    waiting = samples.waiting()
    asked = facts_of(waiting.entries, (), waiting.spec).waiting[0]
    links, by_hand = {text: text, "run": text}, {text: text}
    told = facts_of(sample.entries, sample.readings, sample.spec)
    return {
        "report": markdown_of(told),
        "page": page_text(sample.spec, sample.entries, sample.readings, None, told.as_of, by_hand, links),
        "approval": approval_text(
            sample.spec, sample.entries, sample.readings, None, "half", asked.deadline, "rollback", True, links, by_hand
        ),
    }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.text(min_size=1), st.sampled_from(HOSTILE), st.tuples(st.sampled_from(HOSTILE), st.text()).map("".join)
    )
)
@example("x](http://evil.example) [y")
@example("```\n<script>")
@example("| a | b |")
@example("# heading\n\n- list\n\n---\n")
@example("~~gone~~ ![p](http://evil.example/p.png) http://evil.example <http://evil.example>")
def test_what_somebody_else_wrote_stays_text_in_markdown(text: str) -> None:
    plain, told = _spellings("plain"), _spellings(text)
    for name, page_of in told.items():
        found = list(tokens(page_of))
        assert not [
            t for t in found if t.type in ("html_block", "html_inline", "image", "fence", "code_block", "s_open")
        ]
        for link in (t for t in found if t.type == "link_open"):
            assert str(link.attrs["href"]).startswith(("http://", "https://", "file://"))
            assert text.strip().startswith(("http://", "https://", "file://"))
        shape = [kind for kind in kinds(page_of) if kind.startswith(("table", "tr", "td", "heading", "hr", "bullet"))]
        assert shape == [
            k for k in kinds(plain[name]) if k.startswith(("table", "tr", "td", "heading", "hr", "bullet"))
        ]


def test_the_deadline_of_a_short_question_is_told_to_the_second() -> None:
    sample = samples.waiting()
    asked = facts_of(sample.entries, (), sample.spec).waiting[0]
    text = approval(sample, deadline=asked.asked_at + timedelta(seconds=61))
    assert f"{asked.asked_at + timedelta(seconds=61):%H:%M:%S}" in text
