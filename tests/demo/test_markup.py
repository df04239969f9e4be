"""Nothing that people or models write becomes markup, and what is marked is what changed."""

from __future__ import annotations

import re
from html import escape, unescape

from hypothesis import given
from hypothesis import strategies as st

from tests.report.fabricated import NASTY
from textvae.extras.demo import markup
from textvae.extras.demo.interpolation import Way
from textvae.extras.demo.rewriting import Rewritten
from textvae.extras.demo.summaries import Summarised
from textvae.extras.demo.walking import Visit
from textvae.inference.style_transfer import Candidate
from textvae.inference.summarization import Candidate as Summary

TEXT = st.text(st.sampled_from("aAbB1 .,'&<>\"’-\t市长İ😀é\u0301"), max_size=30)


def plain(html: str) -> str:
    """What a reader sees."""
    return unescape(re.sub(r"</?mark[^>]*>", "", html))


@given(TEXT, TEXT)
def test_marks_change_nothing_that_is_read(before: str, after: str) -> None:
    for text, html in zip((before, after), markup.diff(before, after), strict=True):
        assert plain(html) == text or (not text and html == markup.EMPTY)
        assert re.sub(r"</?mark[^>]*>", "", html) == (escape(text) or markup.EMPTY)


def test_only_what_changed_is_marked() -> None:
    before, after = markup.diff("The waiter, who was rude.", "A waiter who was  very kind!")
    gone = re.findall(r'<mark class="gone">(.*?)</mark>', before)
    new = re.findall(r'<mark class="">(.*?)</mark>', after)
    assert gone == ["The", ",", "rude."] and new == ["A", "very kind!"]
    assert "<mark" not in "".join(markup.diff("The food", "the FOOD"))


def test_nasty_text_stays_text() -> None:
    candidate = Candidate(NASTY, -1.0, -0.5, 0.5, 1.0, {NASTY: 1.0})
    pages = [
        markup.rewritten([Rewritten(NASTY, NASTY, (candidate,))]),
        markup.way(Way(NASTY, NASTY, (NASTY, NASTY), cut=True)),
        markup.summarised(Summarised(NASTY, (Summary(NASTY, 3, -1.0, -0.5),))),
        markup.visits([Visit((0.5, 0.5), NASTY, NASTY, True, ((NASTY, NASTY),))]),
        markup.problem(NASTY),
        markup.note(NASTY),
        markup.facts(NASTY, [NASTY]),
    ]
    for page in pages:
        assert "&lt;" in page and "<script" not in page


def test_scores_are_shown_where_there_are_any() -> None:
    with_all = markup.rewritten([Rewritten("a", "x", (Candidate("b", -1.0, -0.5, 0.87, 1.234, {"style": 0.5}),))])
    assert "87 %" in with_all and "61 %" in with_all and "1.23" in with_all and "style +0.50" in with_all
    without = markup.rewritten([Rewritten("a", "x", (Candidate("b", -1.0, -0.5),))])
    assert "<th>Style</th>" not in without and "<th>Score</th>" not in without


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_click_goes_back_to_the_place_that_was_drawn(x: float, y: float) -> None:
    drawn = markup.on_map((x, y))
    found = markup.off_map(drawn[0] / markup.SIZE, drawn[1] / markup.SIZE)
    assert abs(found[0] - x) < 1e-9 and abs(found[1] - y) < 1e-9


def test_what_is_far_off_the_map_stands_at_its_edge() -> None:
    assert all(0 < value < markup.SIZE for value in markup.on_map((-7.0, 9.0)))
