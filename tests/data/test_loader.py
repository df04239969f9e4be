"""Batches: every sentence once an epoch, a pure function of the seed, whatever the split."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import EOS, tiny_collator, tiny_corpus, tiny_loader
from textvae.data.batch import Batch
from textvae.data.loader import BatchLoader, bucketed_order, evaluation_batches
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.modules.noise import NoiseKey

NOISE = NoiseConfig(drop=0.2, shuffle=2, word_dropout=0.2)


def numbered(size: int) -> TokenizedCorpus:
    """Sentence i is the word 100 + i, repeated 1 to 4 times."""
    return TokenizedCorpus.from_lists([[100 + i] * (1 + i % 4) for i in range(size)], [i % 3 for i in range(size)])


def numbers(batch: Batch) -> list[int]:
    return (batch.labels[:, 0] - 100).tolist()


def same(a: Batch, b: Batch) -> bool:
    tensors = zip(a.tensors().values(), b.tensors().values(), strict=True)
    return a.key == b.key and all(x.shape == y.shape and torch.equal(x, y) for x, y in tensors)


# ---------------------------------------------------------------------------------------------- one epoch
@given(st.lists(st.integers(1, 6), min_size=1, max_size=80), st.integers(1, 9), st.integers(0, 9))
def test_every_sentence_once_in_batches_of_one_length(lengths: list[int], batch_size: int, seed: int) -> None:
    array = np.array(lengths)
    batches = bucketed_order(array, batch_size, np.random.default_rng(seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    sizes = sorted(map(len, batches))
    assert sizes[1:] == [batch_size] * (len(batches) - 1) and len(batches) == -(-len(lengths) // batch_size)
    full = sum(count // batch_size for count in np.bincount(array))
    assert sum(len(b) == batch_size and len(set(array[b])) == 1 for b in batches) >= full


def test_mixed_batches_join_neighbouring_lengths() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 30, 1000)
    spreads = [np.ptp(lengths[b]) for b in bucketed_order(lengths, 16, rng)]
    assert np.mean(np.array(spreads) > 0) < 0.3 and np.mean(spreads) < 1.0


def test_the_order_is_shuffled_within_and_between_batches() -> None:
    lengths = np.repeat([1, 2, 3, 4], 64)
    first, second = (bucketed_order(lengths, 8, np.random.default_rng(seed)) for seed in (0, 1))
    assert [int(lengths[b[0]]) for b in first] != sorted(int(lengths[b[0]]) for b in first)
    together = {frozenset(b.tolist()) for b in first} & {frozenset(b.tolist()) for b in second}
    assert not together


def test_labels_stay_with_their_sentences() -> None:
    made = BatchLoader(numbered(53), tiny_collator(vocabulary=400), batch_size=8, seed=0)
    for batch in made.epoch(0):
        assert batch.style.tolist() == [i % 3 for i in numbers(batch)]


def test_epochs_and_seeds_differ_and_repeat() -> None:
    corpus = tiny_corpus(53)
    one, again, other = (tiny_loader(corpus, seed=seed, noise=NOISE) for seed in (0, 0, 1))
    epochs = [list(one.epoch(0)), list(one.epoch(1)), list(other.epoch(0))]
    assert all(same(a, b) for a, b in zip(epochs[0], again.epoch(0), strict=True))
    for i, j in ((0, 1), (0, 2)):
        assert not any(same(a, b) for a, b in zip(epochs[i], epochs[j], strict=True))
    keys = [b.key for batches in epochs for b in batches]
    assert all(isinstance(k, NoiseKey) for k in keys) and len({k.seed for k in keys if k}) == len(keys)


def test_the_global_generators_do_not_matter() -> None:
    corpus = tiny_corpus(53)
    np.random.seed(1)
    torch.manual_seed(1)
    first = list(tiny_loader(corpus, noise=NOISE).epoch(0))
    np.random.seed(2)
    assert all(same(a, b) for a, b in zip(first, tiny_loader(corpus, noise=NOISE).epoch(0), strict=True))


@given(st.integers(0, 8))
def test_an_epoch_can_be_entered_anywhere(first: int) -> None:
    corpus = tiny_corpus(53)
    whole = list(tiny_loader(corpus, noise=NOISE).epoch(3))
    rest = list(tiny_loader(corpus, noise=NOISE).epoch(3, first=first))
    assert len(rest) == max(len(whole) - first, 0)
    assert all(same(a, b) for a, b in zip(whole[first:], rest, strict=True))


@pytest.mark.parametrize(("size", "batch_size", "steps"), [(53, 8, 7), (56, 8, 7), (3, 8, 1), (9, 1, 9)])
def test_steps_of_an_epoch(size: int, batch_size: int, steps: int) -> None:
    made = tiny_loader(tiny_corpus(size), batch_size)
    assert made.steps_per_epoch == steps == len(list(made.epoch(0)))


# ---------------------------------------------------------------------------------------------- several processes
@pytest.mark.parametrize("world_size", [2, 3, 4])
def test_processes_share_the_batches_of_one(world_size: int) -> None:
    """The same global batches, the same noise, every row in exactly one process."""
    corpus = tiny_corpus(53)  # the last batch has 5 rows: uneven shares
    one = list(tiny_loader(corpus, noise=NOISE).epoch(0))
    shares = [list(tiny_loader(corpus, noise=NOISE, rank=r, world_size=world_size).epoch(0)) for r in range(world_size)]
    assert {len(s) for s in shares} == {len(one)}
    for whole, *parts in zip(one, *shares, strict=True):
        start = 0
        for part in parts:
            assert same(part, whole.rows(start, start + len(part)))
            start += len(part)
        assert start == len(whole)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1 and min(map(len, parts)) >= 1


def test_a_batch_with_fewer_rows_than_processes_is_left_out() -> None:
    corpus = tiny_corpus(49)  # 6 batches of 8 and one of 1
    shares = [list(tiny_loader(corpus, rank=r, world_size=2).epoch(0)) for r in range(2)]
    assert [len(s) for s in shares] == [6, 6]
    assert {len(b) for s in shares for b in s} == {4}


@pytest.mark.parametrize("epoch", range(6))
def test_resuming_after_a_batch_that_was_left_out(epoch: int) -> None:
    """`first` counts the batches that were trained on: none is repeated and none is missed."""
    made = tiny_loader(tiny_corpus(49), rank=1, world_size=2)
    whole = list(made.epoch(epoch))
    for first in range(len(whole) + 1):
        rest = list(made.epoch(epoch, first=first))
        assert len(rest) == len(whole) - first
        assert all(same(a, b) for a, b in zip(whole[first:], rest, strict=True))


def test_steps_of_an_epoch_leave_out_what_is_left_out() -> None:
    """The rates and the schedules of the last step depend on this number."""
    made = tiny_loader(tiny_corpus(49), rank=1, world_size=2)
    assert made.steps_per_epoch == len(list(made.epoch(0)))


# ---------------------------------------------------------------------------------------------- evaluation
@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_evaluation_batches_cover_everything_once_without_noise(batch_size: int) -> None:
    corpus = tiny_corpus(30)
    seen: list[int] = []
    for indices, batch in evaluation_batches(corpus, tiny_collator(NOISE), batch_size):
        seen += indices.tolist()
        assert batch.key is None and len(batch) == len(indices) <= batch_size
        for row, index in enumerate(indices):
            read = batch.input_ids[row][batch.attention_mask[row]].tolist()
            assert read == [*corpus.sentence(int(index)).tolist(), EOS]
            assert batch.style[row] == corpus.labels[index]
    assert sorted(seen) == list(range(30))
    lengths = corpus.lengths[seen]
    assert (np.diff(lengths) >= 0).all()


def test_only_the_batches_that_are_read_are_made() -> None:
    made = tiny_loader(tiny_corpus(53))
    assert len(list(islice(made.epoch(0), 2))) == 2
