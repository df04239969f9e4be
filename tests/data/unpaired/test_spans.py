"""Spans are cut out of documents as they stand there, at borders of words; the index knows every place."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.data.unpaired.sides import DOCUMENTS, KINDS, side, vocabulary
from textvae.data.unpaired.spans import Cuts, SpanCutter, WordPlaces
from textvae.data.unpaired.tokenized import TokenizedSide, word_hash


def cutter(kind: str = "word", documents: list[str] | None = None) -> SpanCutter:
    made = side(documents or DOCUMENTS, kind)
    return SpanCutter(made, vocabulary(kind), WordPlaces.build(made, 30))


def flat(made: TokenizedSide) -> list[int]:
    """All hashed ids end to end, by the other way to read them."""
    ids, lengths = made.extended(np.arange(len(made)))
    return [t for row, n in zip(ids.tolist(), lengths, strict=True) for t in row[:n]]


# ---------------------------------------------------------------------------------------------- the index
@pytest.mark.parametrize("kind", KINDS)
def test_the_index_has_every_place_of_every_word(kind: str) -> None:
    made = cutter(kind)
    tokens = flat(made.documents)
    expected: dict[int, list[int]] = {}
    for place, token in enumerate(tokens):
        expected.setdefault(token, []).append(place)
    index = made.places
    assert index.words.tolist() == sorted(expected)
    for i, word in enumerate(index.words.tolist()):
        assert sorted(index.places[index.offsets[i] : index.offsets[i + 1]].tolist()) == expected[word]


def test_rare_words_and_their_documents() -> None:
    made = cutter()
    counts = Counter(word for text in DOCUMENTS for word in text.split())
    words = sorted(counts) + ["nowhere"]
    rare = made.places.is_rare(np.array([id_of(w) for w in words]))
    assert rare.tolist() == [2 <= counts[w] <= 30 for w in words]
    shared = [w for w in words if w.startswith("shared") and counts[w] >= 2][:3]
    tokens = np.array([[id_of("w1"), id_of(w)] for w in [*shared, "nowhere"]])
    found = made.places.draw_rare(tokens, np.full(len(tokens), 2), 40, np.random.default_rng(0))
    for word, places in zip(shared, found[:-1], strict=True):
        rows = set(made.row_of(places).tolist())
        assert rows == {i for i, text in enumerate(DOCUMENTS) if word in text.split()}, (
            "not all that have it, or others"
        )
    assert (found[-1] == -1).all(), "w1 is in most documents, the other word in none"


def id_of(word: str) -> int:
    made = vocabulary().encode([word])[0].ids[0]
    return word_hash(word) if made >= vocabulary().words else made


def test_what_is_padding_is_no_rare_word() -> None:
    made = cutter()
    shared = next(id_of(w) for w in DOCUMENTS[0].split() if w.startswith("shared"))
    tokens = np.array([[id_of("w1"), shared]])
    assert (made.places.draw_rare(tokens, np.array([1]), 5, np.random.default_rng(0)) == -1).all()


def test_many_documents_are_indexed_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    from textvae.data.unpaired import spans as places

    monkeypatch.setattr(places, "MOST_INDEXED", 10)
    monkeypatch.setattr(places, "CHUNK", 3)
    made = side(DOCUMENTS)
    index = WordPlaces.build(made, 30)
    rows = np.searchsorted(made.offsets, index.places, side="right") - 1
    assert sorted(set(rows.tolist())) == np.linspace(0, len(made) - 1, 10).astype(int).tolist()
    assert len(index.places) == made.lengths[np.unique(rows)].sum()


# ---------------------------------------------------------------------------------------------- spans
def draw_anywhere(made: SpanCutter, at_start: bool = False, at_end: bool = False, full_stop: bool = False) -> Cuts:
    rng = np.random.default_rng(1)
    rows = np.repeat(np.arange(len(made.documents)), 20)
    flags = (np.full(len(rows), flag) for flag in (at_start, at_end, full_stop))
    return made.anywhere(rows, 2, rng.integers(0, 8, len(rows)), *flags, rng)


def check_spans(made: SpanCutter, cuts: Cuts) -> None:
    """Within their documents, at borders of words, read as they stand there."""
    begin, end = made.documents.offsets[cuts.rows], made.documents.offsets[cuts.rows + 1]
    assert (cuts.starts >= begin).all() and (cuts.starts + cuts.lengths <= end).all() and (cuts.lengths >= 0).all()
    ids, read, tokens = made.documents.ids, flat(made.documents), made.tokens(cuts)
    for i in np.flatnonzero(cuts.lengths):
        start, stop = cuts.starts[i], cuts.starts[i] + cuts.lengths[i]
        assert tokens[i, : cuts.lengths[i]].tolist() == read[start:stop]
        assert start == begin[i] or made.vocabulary.word_starts[ids[start]]
        assert stop == end[i] or made.vocabulary.word_starts[ids[stop]]


@pytest.mark.parametrize("kind", KINDS)
def test_spans_from_anywhere(kind: str) -> None:
    made = cutter(kind)
    rng = np.random.default_rng(0)
    rows, most = np.repeat(np.arange(len(made.documents)), 20), rng.integers(0, 12, 20 * len(made.documents))
    no = np.zeros(len(rows), dtype=bool)
    cuts = made.anywhere(rows, 2, most, no, no, no, rng)
    check_spans(made, cuts)
    assert (cuts.lengths <= most).all() and (cuts.rows == rows).all()
    assert not made.vocabulary.closing[
        [made.documents.ids[s + n - 1] for s, n in zip(cuts.starts, cuts.lengths, strict=True) if n]
    ].any()
    if kind == "word":
        assert (cuts.lengths >= np.minimum(most, 2)).all()
        places = cuts.starts[most == 3] - made.documents.offsets[rows[most == 3]]
        assert len(set(places.tolist())) > 10, "always from the same place"


@pytest.mark.parametrize("kind", KINDS)
def test_spans_from_the_beginning_and_the_end(kind: str) -> None:
    made = cutter(kind)
    begins, ends = draw_anywhere(made, at_start=True), draw_anywhere(made, at_end=True)
    stops = draw_anywhere(made, at_end=True, full_stop=True)
    assert (begins.starts == made.documents.offsets[begins.rows]).all()
    filled = ends.lengths > 0
    assert (ends.starts + ends.lengths == made.documents.offsets[ends.rows + 1] - 1)[filled].all(), "a full stop"
    filled = stops.lengths > 0
    assert (stops.starts + stops.lengths == made.documents.offsets[stops.rows + 1])[filled].all()
    for cuts in (begins, ends, stops):
        check_spans(made, cuts)
        assert (cuts.lengths > 0).mean() > 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_fluent_spans_follow_the_word_before_them(kind: str) -> None:
    made = cutter(kind)
    rng = np.random.default_rng(0)
    read, borders = flat(made.documents), made.vocabulary.word_starts[made.documents.ids]
    places = rng.integers(0, len(read) - 1, 600)
    places = places[borders[places + 1]]  # a span begins where a word does
    left, most = np.array(read)[places], rng.integers(1, 9, len(places))
    cuts = made.fluent(left, np.zeros_like(left), 2, most, rng)
    check_spans(made, cuts)
    found = cuts.lengths > 0
    assert found.mean() > 0.5 and (cuts.lengths <= most).all()
    assert [read[s - 1] for s in cuts.starts[found]] == left[found].tolist()
    assert (made.row_of(cuts.starts - 1) == cuts.rows)[found].all(), "the word before is of another document"


def test_fluent_spans_lead_to_the_word_after_them_where_one_does() -> None:
    made = cutter(documents=["w1 w2 w3 w4 w5 .", "w6 w7 w8 w9 ."])
    known = [id_of(w) for w in ("w1", "w5", "w6", "w9", "nowhere")]
    w1, w5, w6, w9, nowhere = (np.array([i]) for i in known)
    rng = np.random.default_rng(0)

    def words(left: np.ndarray, right: np.ndarray, least: int, most: int) -> str:
        cuts = made.fluent(left, right, least, np.array([most]), rng)
        return made.vocabulary.decode(made.tokens(cuts)[0, : cuts.lengths[0]])

    none = np.array([0])
    for _ in range(20):
        assert words(w1, w5, 2, 4) == "w2 w3 w4"
        assert words(w6, w9, 2, 4) == "w7 w8"
        assert words(w1, w9, 2, 3) in ("w2 w3", "w2 w3 w4"), "none leads there: the left side fits"
        assert words(none, w9, 2, 3) in ("w7 w8", "w6 w7 w8"), "before the text only the right side can fit"
        assert words(nowhere, none, 2, 3) == "" and words(w9, none, 2, 3) == ""


def test_the_hash_of_an_unknown_word_is_found_before_a_span() -> None:
    made = cutter(documents=["w1 anna w2 w3 .", "w1 bert w4 ."])
    cuts = made.fluent(np.array([word_hash("anna")]), np.array([0]), 2, np.array([2]), np.random.default_rng(0))
    assert made.vocabulary.decode(made.tokens(cuts)[0, : cuts.lengths[0]]) == "w2 w3"
