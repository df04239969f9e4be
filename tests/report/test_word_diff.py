"""Which words changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from textvae.extras.report.word_diff import Span, kept_words, word_diff

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12).map(" ".join)


def test_changed_words_are_marked_on_both_sides() -> None:
    before, after = word_diff("the food was very bad .", "the food was great .")
    assert before == [Span("the food was", False), Span("very bad", True), Span(".", False)]
    assert after == [Span("the food was", False), Span("great", True), Span(".", False)]


@given(WORDS, WORDS)
def test_spans_hold_every_word_and_what_is_unmarked_is_common(before: str, after: str) -> None:
    sides = word_diff(before, after)
    assert [" ".join(span.text for span in side) for side in sides] == [before, after]
    common = [" ".join(span.text for span in side if not span.changed) for side in sides]
    assert common[0] == common[1]
    assert all(first.changed != second.changed for side in sides for first, second in zip(side, side[1:], strict=False))


def test_a_summary_takes_words_from_anywhere() -> None:
    document, summary = kept_words("On Monday the mayor closed schools .", "mayor opened schools on")
    assert [span.text for span in document if span.changed] == ["On", "mayor", "schools"]
    assert [span.text for span in summary if span.changed] == ["opened"]
