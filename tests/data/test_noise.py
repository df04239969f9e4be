"""Denoising noise: each kind does what it says, and only to the encoder's input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textvae.data.noise import NoiseConfig, corrupt
from textvae.errors import UserError

VOCABULARY, MASK, FIRST_WORD = 50, 4, 5
lengths_of = st.lists(st.integers(1, 9), min_size=1, max_size=6)
probability = st.sampled_from([0.0, 0.1, 0.5, 0.999])


def sentences(lengths: list[int], distinct: bool = False) -> np.ndarray:
    """Padded ids; with `distinct` no word occurs twice in a sentence."""
    ids = np.zeros((len(lengths), max(lengths)), dtype=np.int64)
    rng = np.random.default_rng(len(lengths))
    for row, length in enumerate(lengths):
        words = np.arange(FIRST_WORD, VOCABULARY)
        ids[row, :length] = rng.permutation(words)[:length] if distinct else rng.choice(words, length)
    return ids


def noised(
    lengths: list[int], config: NoiseConfig, seed: int = 0, distinct: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clean ids, noised ids and the new lengths."""
    ids = sentences(lengths, distinct)
    before = ids.copy()
    found, new = corrupt(ids, np.array(lengths), config, VOCABULARY, MASK, np.random.default_rng(seed))
    assert np.array_equal(ids, before), "the clean sentence was changed in place: it is the target"
    return before, found, new


@given(lengths_of, probability, probability, probability, st.floats(0, 6), st.integers(0, 99))
def test_any_noise_leaves_a_sentence(
    lengths: list[int], drop: float, blank: float, substitute: float, shuffle: float, seed: int
) -> None:
    config = NoiseConfig(drop=drop, blank=blank, substitute=substitute, shuffle=shuffle)
    _, found, new = noised(lengths, config, seed)
    assert (new >= 1).all() and (new <= lengths).all()
    assert drop > 0 or new.tolist() == lengths
    for row, length in zip(found, new, strict=True):
        assert (row[:length] >= MASK).all() and (row[:length] < VOCABULARY).all(), "padding among the words"


@given(lengths_of, st.integers(0, 99))
def test_no_noise_changes_nothing(lengths: list[int], seed: int) -> None:
    before, found, new = noised(lengths, NoiseConfig(), seed)
    assert np.array_equal(found, before) and new.tolist() == lengths


@given(lengths_of, probability, st.integers(0, 99))
def test_dropping_keeps_the_order(lengths: list[int], drop: float, seed: int) -> None:
    before, found, new = noised(lengths, NoiseConfig(drop=drop), seed, distinct=True)
    for row, length, old, original in zip(found, new, before, lengths, strict=True):
        places = [list(old[:original]).index(word) for word in row[:length]]
        assert places == sorted(set(places))


@given(lengths_of, st.sampled_from([0.5, 1.0, 2.0, 3.0, 4.5]), st.integers(0, 999))
def test_the_shuffle_moves_words_fewer_places_than_its_window(lengths: list[int], window: float, seed: int) -> None:
    before, found, new = noised(lengths, NoiseConfig(shuffle=window), seed, distinct=True)
    assert new.tolist() == lengths
    for row, old, length in zip(found, before, lengths, strict=True):
        assert sorted(row[:length]) == sorted(old[:length])
        for place, word in enumerate(row[:length]):
            assert abs(place - list(old).index(word)) < window


def test_the_shuffle_uses_its_whole_window() -> None:
    before, found, _ = noised([9] * 400, NoiseConfig(shuffle=3.0), distinct=True)
    moved = [abs(p - list(old).index(w)) for row, old in zip(found, before, strict=True) for p, w in enumerate(row)]
    assert max(moved) == 2 and 0.2 < np.mean(np.array(moved) > 0) < 0.9
    before, found, _ = noised([9] * 5, NoiseConfig(shuffle=1.0))
    assert np.array_equal(found, before), "a window of 1 leaves every word where it is"


@pytest.mark.parametrize("kind", ["drop", "blank", "substitute"])
def test_probabilities_are_met(kind: str) -> None:
    lengths, p = [9] * 3000, 0.3
    before, found, new = noised(lengths, NoiseConfig(**{kind: p}))
    tolerance = 5 * (p * (1 - p) / (9 * 3000)) ** 0.5
    if kind == "drop":
        assert abs(1 - new.sum() / (9 * 3000) - p) < tolerance
        return
    changed = found != before
    assert new.tolist() == lengths
    if kind == "blank":
        assert (found[changed] == MASK).all() and abs(changed.mean() - p) < tolerance
    else:  # a substitute can happen to be the word itself
        share = p * (1 - 1 / (VOCABULARY - FIRST_WORD))
        assert abs(changed.mean() - share) < tolerance
        assert set(found[changed].tolist()) == set(range(FIRST_WORD, VOCABULARY)), "every word, and words only"


def test_rows_are_noised_independently() -> None:
    ids = np.tile(np.arange(FIRST_WORD, FIRST_WORD + 9), (50, 1))
    config = NoiseConfig(blank=0.5)
    found, _ = corrupt(ids, np.full(50, 9), config, VOCABULARY, MASK, np.random.default_rng(0))
    assert len(np.unique(found, axis=0)) > 40


@pytest.mark.parametrize("name", ["drop", "blank", "substitute", "word_dropout"])
@pytest.mark.parametrize("value", [-0.1, 1.0, 1.5, float("nan")])
def test_impossible_probabilities_are_refused(name: str, value: float) -> None:
    with pytest.raises(UserError, match=name):
        NoiseConfig(**{name: value})


@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_an_impossible_window_is_refused(value: float) -> None:
    with pytest.raises(UserError, match="shuffle"):
        NoiseConfig(shuffle=value)


# ---------------------------------------------------------------------------------------------- words of pieces
def pieces_of(row: np.ndarray) -> list[tuple[int, ...]]:
    """The words of a sentence in which even ids begin one."""
    words: list[tuple[int, ...]] = []
    for token in row.tolist():
        words = [*words, (token,)] if token % 2 == 0 or not words else [*words[:-1], (*words[-1], token)]
    return words


@given(lengths_of, probability, st.floats(0, 6), st.integers(0, 99))
def test_the_pieces_of_a_word_stay_together(lengths: list[int], drop: float, shuffle: float, seed: int) -> None:
    ids = sentences(lengths, distinct=True)
    found, new = corrupt(
        *(ids, np.array(lengths), NoiseConfig(drop=drop, shuffle=shuffle), VOCABULARY, MASK),
        *(np.random.default_rng(seed), None, lambda tokens: tokens % 2 == 0),
    )
    for row, length, old, original in zip(found, new, ids, lengths, strict=True):
        before, after = pieces_of(old[:original]), pieces_of(row[:length])
        assert sum(after, ()) and sorted(sum(after, ())) == sorted(set(row[:length].tolist()))
        if before[0][0] % 2 == 0:  # otherwise its pieces join the word before them when it moves
            assert set(after) <= set(before)
        if drop == 0:
            assert sorted(sum(after, ())) == sorted(old[:original].tolist())


def test_pieces_of_a_word_are_dropped_together() -> None:
    ids = np.tile(np.array([[10, 11, 13, 20, 21, 30]]), (200, 1))
    found, new = corrupt(
        *(ids, np.full(200, 6), NoiseConfig(drop=0.5), VOCABULARY, MASK),
        *(np.random.default_rng(0), None, lambda tokens: tokens % 2 == 0),
    )
    kept = {tuple(row[:n].tolist()) for row, n in zip(found, new, strict=True)}
    assert kept == {
        (10, 11, 13, 20, 21, 30), (10, 11, 13, 20, 21), (10, 11, 13, 30), (20, 21, 30), (10, 11, 13), (20, 21), (30,)
    }  # fmt: skip


@given(lengths_of, st.integers(0, 99))
def test_what_is_kept_is_never_dropped(lengths: list[int], seed: int) -> None:
    ids = sentences(lengths, distinct=True)
    found, new = corrupt(
        *(ids, np.array(lengths), NoiseConfig(drop=0.999), VOCABULARY, MASK),
        *(np.random.default_rng(seed), lambda tokens: tokens >= 30),
    )
    for row, length, old, original in zip(found, new, ids, lengths, strict=True):
        wanted = [t for t in old[:original].tolist() if t >= 30]
        assert [t for t in row[:length].tolist() if t >= 30] == wanted and length <= max(len(wanted) + 1, 1)


def test_without_words_of_pieces_the_noise_is_what_it_was() -> None:
    """Recorded runs depend on it."""
    ids, lengths = np.arange(5, 17).reshape(2, 6), np.array([6, 6])
    found, new = corrupt(ids, lengths, NoiseConfig(drop=0.3, shuffle=3.0), 50, MASK, np.random.default_rng(0))
    expected = [[6, 7, 9, 10], [12, 14, 15]]
    assert [row[:n].tolist() for row, n in zip(found, new, strict=True)] == expected
