"""noise(y): the text is still in it, the rest is foreign, and nothing of its own document is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.unpaired.sides import DOCUMENTS, KINDS, TEXTS, noise, side, vocabulary
from textvae.data.unpaired.config import SummaryNoiseConfig
from textvae.data.unpaired.denoising import Spans, SummaryNoise, insert
from textvae.data.unpaired.tokenized import TokenizedSide, word_hash
from textvae.errors import UserError
from textvae.tokenization.config import SPECIAL

CLEAN = {"drop": 0.0, "shuffle": 0.0}
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def texts_of(made: TokenizedSide) -> Arrays:
    tokens, lengths = made.extended(np.arange(len(made)))
    return tokens, lengths, made.keys


def noised(made: SummaryNoise, texts: TokenizedSide, seed: int = 0) -> list[list[int]]:
    tokens, lengths = made(*texts_of(texts), np.random.default_rng(seed))
    return [row[:n].tolist() for row, n in zip(tokens, lengths, strict=True)]


def spans_of(made: SummaryNoise, texts: TokenizedSide, seed: int = 0) -> Spans:
    tokens, lengths, keys = texts_of(texts)
    return made.draw(tokens, lengths, keys, tokens, lengths, np.random.default_rng(seed))


def contains(whole: list[int], part: list[int]) -> bool:
    """Whether `part` is a subsequence of `whole`."""
    rest = iter(whole)
    return all(token in rest for token in part)


# ---------------------------------------------------------------------------------------------- what is in it
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_the_text_is_still_there_in_its_order(kind: str, seed: int) -> None:
    texts = side(TEXTS, kind)
    tokens, lengths, _ = texts_of(texts)
    for row, n, found in zip(tokens, lengths, noised(noise(kind, **CLEAN), texts, seed), strict=True):
        assert contains(found, row[:n].tolist()) and len(found) > n


@pytest.mark.parametrize("kind", KINDS)
def test_all_else_is_spans_of_documents(kind: str) -> None:
    made, texts = noise(kind, **CLEAN), side(TEXTS, kind)
    spans = spans_of(made, texts)
    lengths = texts.lengths
    assert [len(row) for row in noised(made, texts)] == (lengths + spans.lengths.sum(axis=1)).tolist()
    documents, sizes = made.documents.extended(np.arange(len(made.documents)))
    for (b, s), size in np.ndenumerate(spans.lengths):
        document = documents[spans.documents[b, s]][: sizes[spans.documents[b, s]]].tolist()
        span = spans.tokens[b, s, :size].tolist()
        assert any(document[i : i + size] == span for i in range(len(document) - size + 1))


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_are_never_in_it(kind: str) -> None:
    made, texts = noise(kind), side(TEXTS, kind)
    special = {SPECIAL.pad, SPECIAL.bos, SPECIAL.eos, SPECIAL.mask, SPECIAL.unk}
    for seed in range(5):
        assert not special & {token for row in noised(made, texts, seed) for token in row}


def test_it_is_a_function_of_the_generator() -> None:
    made, texts = noise(), side(TEXTS)
    assert noised(made, texts, 1) == noised(made, texts, 1) != noised(made, texts, 2)


def test_its_size_is_what_was_asked() -> None:
    made, texts = noise(min_spans=2, max_spans=3, min_words=4, max_words=5, **CLEAN), side(TEXTS)
    spans = spans_of(made, texts)
    assert set((spans.lengths > 0).sum(axis=1).tolist()) == {2, 3}
    assert set(spans.lengths[spans.lengths > 0].tolist()) == {4, 5}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_never_longer_than_allowed_and_the_text_is_never_cut(kind: str) -> None:
    texts = side(TEXTS, kind)
    limit = int(texts.lengths.max()) + 3
    made = noise(kind, max_tokens=limit, **CLEAN)
    tokens, lengths, _ = texts_of(texts)
    found = noised(made, texts)
    assert max(map(len, found)) == limit
    for row, n, whole in zip(tokens, lengths, found, strict=True):
        assert contains(whole, row[:n].tolist())


def test_by_default_it_is_not_longer_than_the_longest_document() -> None:
    made = noise(min_spans=3, max_spans=6, **CLEAN)
    assert max(map(len, noised(made, side(TEXTS)))) <= made.documents.lengths.max() == made.max_tokens


def test_no_spans_no_noise() -> None:
    texts = side(TEXTS)
    tokens, lengths, _ = texts_of(texts)
    assert noised(noise(min_spans=0, max_spans=0, **CLEAN), texts) == [
        row[:n].tolist() for row, n in zip(tokens, lengths, strict=True)
    ]


# ---------------------------------------------------------------------------------------------- where it goes
@pytest.mark.parametrize("kind", KINDS)
def test_spans_stand_before_inside_and_after(kind: str) -> None:
    """A generator that learns from places would keep the same words of every document."""
    made, texts = noise(kind, before=0.3, after=0.3), side(TEXTS, kind)
    counts = np.zeros(3)
    for seed in range(20):
        spans = spans_of(made, texts, seed)
        end = texts.lengths[:, None] - 1  # before the full stop
        there = spans.lengths > 0
        before, after = (spans.gaps == 0) & there, (spans.gaps == end) & there
        counts += before.sum(), (there & ~before & ~after).sum(), after.sum()
        assert (spans.gaps <= end).all()
        starts = vocabulary(kind).word_starts[texts.ids[(texts.offsets[:-1, None] + spans.gaps)]]
        assert (starts | (spans.gaps == 0)).all(), "through a word"
    assert np.abs(counts / counts.sum() - (0.3, 0.4, 0.3)).max() < 0.05


def test_it_ends_in_one_full_stop() -> None:
    stop = vocabulary().encode(["."])[0].ids[0]
    closed, bare = side(TEXTS), side([text.removesuffix(" .") for text in TEXTS])
    for row in noised(noise(after=1.0, before=0.0, min_spans=2), closed):
        assert row.count(stop) == 1 and row[-1] == stop
    for row in noised(noise(after=1.0, before=0.0, min_spans=2, own=1.0), bare):
        assert row.count(stop) == 1 and row[-1] == stop, "the end of the last document"


def test_insert_by_hand() -> None:
    own, lengths = np.array([[11, 12, 13], [14, 0, 0]]), np.array([3, 1])
    tokens = np.array([[[21, 22], [31, 99], [41, 42]], [[51, 52], [61, 62], [99, 99]]])
    spans = Spans(tokens, np.array([[2, 1, 2], [2, 2, 0]]), np.array([[1, 0, 3], [1, 1, 0]]), np.zeros((2, 3)))
    found, total = insert(own, lengths, spans)
    assert [r[:n].tolist() for r, n in zip(found, total, strict=True)] == [
        [31, 11, 21, 22, 12, 13, 41, 42],
        [14, 51, 52, 61, 62],
    ]


# ---------------------------------------------------------------------------------------------- its own words
def test_words_that_nothing_could_restore_are_never_dropped() -> None:
    """A slot in the target that is not in the source would teach to invent names."""
    made, texts = noise(drop=0.9, shuffle=0.0), side(TEXTS)
    tokens, lengths, _ = texts_of(texts)
    dropped = 0
    for row, n, found in zip(tokens, lengths, noised(made, texts), strict=True):
        kept = [t for t in row[:n].tolist() if made.kept(np.array(t))]
        assert kept and contains(found, kept)
        dropped += not contains(found, row[:n].tolist())
    assert dropped > len(TEXTS) // 2


def test_words_change_places_only_nearby() -> None:
    texts = side([" ".join(f"n{i}" for i in range(6)) for _ in range(40)])
    plain = noise(min_spans=0, max_spans=0, drop=0.0, shuffle=2.0)
    order = [word_hash(f"n{i}") for i in range(6)]
    moves = [[abs(order.index(t) - i) for i, t in enumerate(row)] for row in noised(plain, texts)]
    assert max(map(max, moves)) == 1 and sum(map(sum, moves)) > 20


# ---------------------------------------------------------------------------------------------- whose spans
def test_related_spans_come_from_documents_with_a_rare_word_of_the_text() -> None:
    made, texts = noise(related=1.0, own=1.0), side(TEXTS)
    spans = spans_of(made, texts)
    found = 0
    for b, text in enumerate(TEXTS):
        rare = {w for w in text.split() if made.places.is_rare(np.array(id_of(w)))}
        for document in spans.documents[b][spans.lengths[b] > 0] if rare else []:
            assert rare & set(DOCUMENTS[document].split())
            found += 1
    assert found > 10


def id_of(word: str) -> int:
    made = vocabulary().encode([word])[0].ids[0]
    return word_hash(word) if made >= vocabulary().words else made


@given(st.integers(0, 50))
def test_a_document_with_the_texts_id_gives_nothing(seed: int) -> None:
    documents = side(DOCUMENTS[:6], keys=[1, 2, 3, 4, 5, 6])
    texts = side(TEXTS[:6], keys=[1, 2, 3, 4, 5, 0])
    made = SummaryNoise(SummaryNoiseConfig(own=1.0), documents, vocabulary())
    spans = spans_of(made, texts, seed)
    there = spans.lengths > 0
    same = documents.keys[spans.documents] == texts.keys[:, None]
    assert not (same & there).any() and there.sum() > 6


@given(st.integers(0, 50))
def test_a_document_that_holds_the_text_gives_nothing(seed: int) -> None:
    """Its own document by content: the text's words are in it, with others between them."""
    inside = [
        " ".join(f"{word} w{(i * 7 + k) % 40}" for k, word in enumerate(t.split()[:-1])) for i, t in enumerate(TEXTS)
    ]
    texts = side(TEXTS[:20])
    made = noise(documents=[f"{text} ." for text in inside[:20]], related=1.0)
    spans = spans_of(made, texts, seed)
    own = spans.documents == np.arange(20)[:, None]
    assert not (own & (spans.lengths > 0)).any() and (spans.lengths > 0).sum() > 10


def test_fluent_spans_go_on_from_the_word_before_them() -> None:
    def share(fluent: float) -> float:
        made, texts = noise(fluent=fluent, related=0.0, before=0.0, after=0.0, **CLEAN), side(TEXTS)
        spans, (tokens, _, _) = spans_of(made, texts), texts_of(texts)
        read, _ = made.documents.extended(np.arange(len(made.documents)))
        bigrams = {(a, b) for row in read.tolist() for a, b in zip(row, row[1:], strict=False)}
        seams = [
            (int(tokens[b, spans.gaps[b, s] - 1]), int(spans.tokens[b, s, 0])) in bigrams
            for (b, s), n in np.ndenumerate(spans.lengths)
            if n
        ]
        return float(np.mean(seams))

    assert share(1.0) > 0.75 > 0.55 > share(0.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"min_spans": 4},
        {"min_spans": -1},
        {"min_words": 0},
        {"min_words": 11},
        {"before": 0.7, "after": 0.7},
        {"related": 1.5},
        {"fluent": -0.1},
        {"own": 0.0},
        {"rare": 1.5},
        {"drop": 1.0},
        {"shuffle": -1.0},
    ],
    ids=str,
)
def test_contradictions_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"noise.*{sorted(settings)[-1]}"):
        SummaryNoiseConfig(**settings)  # type: ignore[arg-type]
