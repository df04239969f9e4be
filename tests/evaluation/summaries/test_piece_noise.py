"""Noise of pieces: what stays, where pieces go, and which documents they come from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textvae.evaluation.summaries.config import TaggerConfig
from textvae.evaluation.summaries.piece_noise import PieceNoise

DOCUMENTS = [["d0", "d1", "d2", "."], ["e0", "."], [f"f{i}" for i in range(30)]]
BEFORE, INSIDE, AFTER = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


@given(st.integers(0, 9), st.booleans(), st.integers(0, 10_000))
def test_the_text_keeps_its_words_and_what_comes_in_is_of_documents(length: int, closed: bool, seed: int) -> None:
    text = [*(f"t{i}" for i in range(length)), *(["."] if closed else [])]
    words, kept = PieceNoise(DOCUMENTS, TaggerConfig(), ".")(text, np.random.default_rng(seed))
    assert [word for word, keep in zip(words, kept, strict=True) if keep] == text
    foreign = [word for word, keep in zip(words, kept, strict=True) if not keep]
    assert foreign and "." not in foreign
    assert not closed or words[-1] == "." and kept[-1]


@pytest.mark.parametrize("odds", sorted([BEFORE, INSIDE, AFTER]))
def test_pieces_go_where_the_odds_say(odds: tuple[float, float, float]) -> None:
    """And they are the beginning, any part or the end of their document, as they would stand there."""
    noise = PieceNoise(DOCUMENTS[2:], TaggerConfig(odds=odds, max_pieces=1, piece_words=(4, 4)))
    firsts = set()
    for seed in range(300):
        words, kept = noise(["a", "b", "c"], np.random.default_rng(seed))
        piece = [word for word, keep in zip(words, kept, strict=True) if not keep]
        assert len(piece) == 4
        at, start = kept.index(False), int(piece[0][1:])
        firsts.add(start)
        assert (at, start) == (0, 0) if odds == BEFORE else (at, start) == (3, 26) if odds == AFTER else 0 <= at <= 3
    assert len(firsts) == (27 if odds == INSIDE else 1)


def test_there_are_one_to_three_pieces_of_two_to_ten_words() -> None:
    noise = PieceNoise(DOCUMENTS[2:], TaggerConfig(odds=INSIDE))
    runs, sizes = set(), set()
    for seed in range(400):
        _, kept = noise(["a"] * 40, np.random.default_rng(seed))
        pieces = [len(run) for run in "".join("01"[keep] for keep in kept).replace("1", " ").split()]
        runs.add(len(pieces))
        sizes |= set(pieces) if len(pieces) == 3 else set()  # pieces that touch look like one
    assert runs == {1, 2, 3} and sizes == set(range(2, 11))


def test_pieces_come_from_documents_with_the_rarest_word_of_the_text() -> None:
    documents = [["oslo", "rose"], ["oslo", "fell"], *[["the", "bank", "rose"]] * 5, ["lima", "only"]]
    always, never = (PieceNoise(documents, TaggerConfig(related_share=share, max_pieces=1)) for share in (1.0, 0.0))
    found = {
        always(["the", "oslo", "lima", "bank"], np.random.default_rng(seed))[0].count("oslo") for seed in range(50)
    }
    assert found == {2}  # lima stands in one document alone: no other text can share it
    found = {never(["the", "oslo", "lima", "bank"], np.random.default_rng(seed))[0].count("oslo") for seed in range(50)}
    assert found == {1, 2}
    assert always(["zzz"], np.random.default_rng(0))[0].count("zzz") == 1


def test_noise_depends_on_the_generator_alone() -> None:
    noise = PieceNoise(DOCUMENTS, TaggerConfig(), ".")
    text = ["a", "b", "."]
    assert noise(text, np.random.default_rng(1)) == noise(text, np.random.default_rng(1))
    assert noise(text, np.random.default_rng(1)) != noise(text, np.random.default_rng(2))
