"""From sentences to a batch: shifts, padding, targets, bag of words."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import BAG, BOS, EOS, LABELS, MASK, PAD, VOCABULARY, content_ids, tiny_collator, tiny_corpus
from textvae.data.batch import IGNORED, Batch, Collator, close, padded
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.tokenization.config import BOS_ID, EOS_ID, MASK_ID, PAD_ID, SPECIAL, UNK_ID

sentences_of = st.lists(st.lists(st.integers(3, VOCABULARY - 1), min_size=1, max_size=8), min_size=1, max_size=6)


def collate(
    sentences: list[list[int]],
    noise: NoiseConfig | None = None,
    seed: int | None = None,
    rows: np.ndarray | None = None,
) -> Batch:
    corpus = TokenizedCorpus.from_lists(sentences, [i % len(LABELS) for i in range(len(sentences))])
    collator = Collator(content_ids() if rows is None else rows, noise or NoiseConfig())
    rng = None if seed is None else np.random.default_rng(seed)
    return collator(corpus, np.arange(len(sentences)), rng)


def test_one_batch_by_hand() -> None:
    batch = collate([[30, 9, 30], [7]])
    assert batch.input_ids.tolist() == [[30, 9, 30, EOS], [7, EOS, PAD, PAD]]
    assert batch.attention_mask.tolist() == [[True] * 4, [True, True, False, False]]
    assert batch.decoder_input_ids.tolist() == [[BOS, 30, 9, 30], [BOS, 7, PAD, PAD]]
    assert batch.labels.tolist() == [[30, 9, 30, EOS], [7, EOS, -100, -100]]
    assert batch.style.tolist() == [0, 1]
    bag_row = 30 - (VOCABULARY - BAG)
    assert batch.bag_ids.tolist() == [[bag_row, 0, bag_row], [0, 0, 0]]
    assert batch.bag_weights.tolist() == [[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]
    assert batch.key is None


def test_special_ids_are_those_of_the_tokenizers() -> None:
    assert (SPECIAL.pad, SPECIAL.bos, SPECIAL.eos, SPECIAL.unk, SPECIAL.mask) == (
        PAD_ID,
        BOS_ID,
        EOS_ID,
        UNK_ID,
        MASK_ID,
    )
    assert (PAD, BOS, EOS, MASK, IGNORED) == (PAD_ID, BOS_ID, EOS_ID, MASK_ID, -100)


@given(sentences_of)
def test_shapes_and_types(sentences: list[list[int]]) -> None:
    batch, longest = collate(sentences), max(map(len, sentences))
    for name in ("input_ids", "attention_mask", "decoder_input_ids", "labels"):
        assert batch.tensors()[name].shape == (len(sentences), longest + 1), name
    assert batch.bag_ids.shape == batch.bag_weights.shape == (len(sentences), longest)
    kinds = {name: t.dtype for name, t in batch.tensors().items()}
    assert kinds.pop("attention_mask") == torch.bool and kinds.pop("bag_weights") == torch.float32
    assert set(kinds.values()) == {torch.int64}


@given(sentences_of)
def test_targets_are_the_inputs_shifted_by_one(sentences: list[list[int]]) -> None:
    batch = collate(sentences)
    for row, words in enumerate(sentences):
        n = len(words)
        assert batch.decoder_input_ids[row, : n + 1].tolist() == [BOS, *words]
        assert batch.labels[row, : n + 1].tolist() == [*words, EOS]
        assert (batch.labels[row, n + 1 :] == IGNORED).all()
        assert (batch.decoder_input_ids[row, n + 1 :] == PAD).all()
        assert batch.input_ids[row][batch.attention_mask[row]].tolist() == [*words, EOS]
        assert not batch.input_ids[row][~batch.attention_mask[row]].any()


@given(sentences_of, st.integers(0, 99))
def test_noise_is_only_in_what_is_read(sentences: list[list[int]], seed: int) -> None:
    noise = NoiseConfig(drop=0.4, blank=0.3, substitute=0.3, shuffle=3)
    noisy, clean = collate(sentences, noise, seed), collate(sentences)
    for name in ("labels", "decoder_input_ids", "style", "bag_ids", "bag_weights"):
        assert torch.equal(noisy.tensors()[name], clean.tensors()[name]), name
    for row in range(len(sentences)):
        read = noisy.input_ids[row][noisy.attention_mask[row]]
        assert 2 <= len(read) <= len(sentences[row]) + 1 and read[-1] == EOS
        assert not noisy.input_ids[row][~noisy.attention_mask[row]].any()


def test_without_a_generator_there_is_no_noise() -> None:
    noise = NoiseConfig(drop=0.9, blank=0.9, word_dropout=0.9)
    noisy, clean = collate([[9, 8, 7]] * 4, noise), collate([[9, 8, 7]] * 4)
    assert all(torch.equal(a, b) for a, b in zip(noisy.tensors().values(), clean.tensors().values(), strict=True))


def test_word_dropout_blanks_what_the_decoder_is_fed_and_nothing_else() -> None:
    sentences = [[9] * 8] * 500 + [[9]]
    batch, clean = collate(sentences, NoiseConfig(word_dropout=0.3), 0), collate(sentences)
    for name in set(clean.tensors()) - {"decoder_input_ids"}:
        assert torch.equal(batch.tensors()[name], clean.tensors()[name]), name
    fed = batch.decoder_input_ids
    assert (fed[:, 0] == BOS).all() and not fed[-1, 2:].any()
    share = (fed[:-1, 1:] == MASK).float().mean()
    assert abs(share - 0.3) < 5 * (0.3 * 0.7 / 4000) ** 0.5
    assert set(fed[:-1, 1:].unique().tolist()) == {MASK, 9}


# ---------------------------------------------------------------------------------------------- bag of words
@given(sentences_of)
def test_the_bag_is_counts_of_content_words_over_their_sum(sentences: list[list[int]]) -> None:
    batch, rows = collate(sentences), content_ids()
    for row, words in enumerate(sentences):
        content = [int(rows[w]) for w in words if rows[w] >= 0]
        expected = np.bincount(content, minlength=BAG) / max(len(content), 1)
        found = np.zeros(BAG)
        np.add.at(found, batch.bag_ids[row].numpy(), batch.bag_weights[row].numpy())
        assert found == pytest.approx(expected, abs=1e-6)
        assert found.sum() == pytest.approx(1.0 if content else 0.0, abs=1e-6)


@given(sentences_of)
def test_padding_and_the_end_are_never_counted(sentences: list[list[int]]) -> None:
    """Even if a bag of words were wrong enough to list the special tokens as content."""
    everything = np.arange(VOCABULARY)
    batch = collate(sentences, rows=everything)
    for row, words in enumerate(sentences):
        counted = batch.bag_ids[row][batch.bag_weights[row] > 0].tolist()
        assert sorted(counted) == sorted(words)
        assert batch.bag_weights[row].sum().item() == pytest.approx(1.0)


def test_unknown_words_have_no_content() -> None:
    assert not collate([[3, 3, 4]]).bag_weights.any()


def test_a_sentence_alone_is_the_same_as_in_a_batch() -> None:
    corpus, collator = tiny_corpus(), tiny_collator()
    batch = collator(corpus, np.arange(len(corpus)))
    for row in range(len(corpus)):
        for name, alone in collator(corpus, np.array([row])).tensors().items():
            wide = batch.tensors()[name][row]
            assert torch.equal(wide[: alone.shape[1]] if alone.dim() > 1 else wide, alone[0]), name


# ---------------------------------------------------------------------------------------------- helpers
@given(sentences_of)
def test_padding_and_closing(sentences: list[list[int]]) -> None:
    tokens, lengths = padded([np.array(s, dtype=np.int32) for s in sentences])
    assert tokens.dtype == np.int64 and lengths.tolist() == [len(s) for s in sentences]
    for row, words in enumerate(sentences):
        assert tokens[row].tolist() == words + [PAD] * (tokens.shape[1] - len(words))
    closed = close(tokens, lengths)
    for row, words in enumerate(sentences):
        assert closed[row].tolist() == [*words, EOS] + [PAD] * (tokens.shape[1] - len(words))
