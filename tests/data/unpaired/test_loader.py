"""Batches of both sides: a pure function of the seed, whatever the split; slots of one example agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.data.unpaired.sides import DOCUMENTS, KINDS, TEXTS, loader, vocabulary
from textvae.data.unpaired.batch import Sequences, UnpairedBatch
from textvae.data.unpaired.loader import evaluation_batches
from textvae.tokenization.config import SPECIAL

SIDES = ("documents", "texts", "noised")


def same(a: UnpairedBatch, b: UnpairedBatch) -> bool:
    pairs = [(getattr(a, s).tensors(), getattr(b, s).tensors()) for s in SIDES]
    return a.key == b.key and all(x[n].shape == y[n].shape and torch.equal(x[n], y[n]) for x, y in pairs for n in x)


def sentences(side: Sequences) -> list[list[int]]:
    return [row[:n].tolist() for row, n in zip(side.ids, side.lengths.tolist(), strict=True)]


def shape(ids: list[int], words: int) -> list[int]:
    """Ids with slots renumbered by first appearance: what does not depend on the shuffled numbers."""
    order = list(dict.fromkeys(i for i in ids if i >= words))
    return [words + order.index(i) if i >= words else i for i in ids]


# ---------------------------------------------------------------------------------------------- one epoch
@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_reads_every_text_once_and_as_many_documents(kind: str) -> None:
    known = vocabulary(kind)
    seen: dict[str, list[list[int]]] = {"documents": [], "texts": []}
    for batch in loader(kind).epoch(0):
        for name, found in seen.items():
            found += [shape(ids, known.words) for ids in sentences(getattr(batch, name))]
    expected = sorted(shape(s.ids, known.words) for s in known.encode(TEXTS))
    assert sorted(seen["texts"]) == expected
    documents = sorted(shape(s.ids, known.words) for s in known.encode(DOCUMENTS))
    assert len(seen["documents"]) == len(TEXTS) and all(d in documents for d in seen["documents"])
    assert len({tuple(d) for d in seen["documents"]}) == len(TEXTS), "a document twice"


def test_another_epoch_draws_other_documents() -> None:
    made = loader()
    first, second = ({tuple(i) for b in made.epoch(e) for i in sentences(b.documents)} for e in (0, 1))
    assert first != second


def test_batches_are_of_nearly_equal_length() -> None:
    """Padding costs: the documents of a batch differ by less than the documents do."""
    made = loader(batch_size=8)
    spreads = [np.ptp(b.documents.lengths.numpy()) for b in made.epoch(0) if len(b) == 8]
    assert np.mean(spreads) < 2.5 and np.ptp(made.documents.lengths) > 10
    assert np.mean([np.ptp(b.texts.lengths.numpy()) for b in made.epoch(0) if len(b) == 8]) < 2


@pytest.mark.parametrize(("size", "batch_size", "steps"), [(70, 8, 9), (64, 8, 8), (3, 8, 1), (9, 1, 9)])
def test_steps_of_an_epoch(size: int, batch_size: int, steps: int) -> None:
    made = loader(batch_size=batch_size, texts=size)
    batches = list(made.epoch(0))
    assert made.steps_per_epoch == steps == len(batches)
    assert sum(map(len, batches)) == size and all(len(b) == batch_size for b in batches[:-1])


# ---------------------------------------------------------------------------------------------- slots
def test_slots_agree_between_text_and_noise_of_one_example() -> None:
    """Every name of the text is in noise(text) under the same number, and no other word has that number."""
    known = vocabulary()
    made, names = loader(), 0
    for batch in made.epoch(0):
        assert batch.noised_target is batch.texts
        for text, noised in zip(sentences(batch.texts), sentences(batch.noised), strict=True):
            slots = [i for i in text if i >= known.words]
            assert set(slots) <= set(noised)
            names += len(slots)
            assert max(text + noised) < known.size
    assert names > len(TEXTS) // 2


def test_slots_give_the_words_of_the_example_back() -> None:
    """Without noise the numbers are those of `encode`; with it a permutation of the S slots for each row."""
    known = vocabulary()
    made = loader()
    documents = np.arange(8)
    batch = made.collate(documents, np.arange(8), seed=5)
    for row, ids in enumerate(sentences(batch.documents)):
        plain = known.encode([DOCUMENTS[row]])[0]
        places = [""] * known.slots
        for before, after in zip(plain.ids, ids, strict=True):
            if before >= known.words:
                places[after - known.words] = plain.words[before - known.words]
        assert known.decode(ids, places) == DOCUMENTS[row]
    slots = [i for ids in sentences(batch.documents) for i in ids if i >= known.words]
    assert len(set(slots)) > 2, "never shuffled"


def test_a_shared_name_has_one_slot_in_text_and_foreign_span() -> None:
    """`shared7` of a text and of a document inserted into it is one word."""
    known, made = vocabulary(), loader()
    seen = 0
    for seed in range(40):
        batch = made.collate(np.arange(8), np.arange(8), seed)
        for row, (text, noised) in enumerate(zip(sentences(batch.texts), sentences(batch.noised), strict=True)):
            words = TEXTS[row].split()
            for word, slot in zip(words, text, strict=True):
                if word.startswith("shared") and noised.count(slot) > words.count(word):
                    seen += 1
                    assert slot >= known.words
    assert seen > 5


# ---------------------------------------------------------------------------------------------- a pure function
@pytest.mark.parametrize("kind", KINDS)
def test_epochs_and_seeds_differ_and_repeat(kind: str) -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    epochs = [list(loader(kind).epoch(0)), list(loader(kind).epoch(1)), list(loader(kind, seed=1).epoch(0))]
    np.random.seed(2)
    assert all(same(a, b) for a, b in zip(epochs[0], loader(kind).epoch(0), strict=True))
    for i, j in ((0, 1), (0, 2)):
        assert not any(same(a, b) for a, b in zip(epochs[i], epochs[j], strict=True))
    keys = [b.key for batches in epochs for b in batches]
    assert len({k.seed for k in keys if k}) == len(keys)


@pytest.mark.parametrize("first", range(10))
def test_an_epoch_can_be_entered_anywhere(first: int) -> None:
    whole, rest = list(loader().epoch(3)), list(loader().epoch(3, first=first))
    assert len(rest) == max(len(whole) - first, 0)
    assert all(same(a, b) for a, b in zip(whole[first:], rest, strict=True))


@pytest.mark.parametrize("world_size", [2, 3, 4])
def test_processes_share_the_batches_of_one(world_size: int) -> None:
    """The same global batches, the same noise, every row in exactly one process."""
    one = list(loader().epoch(0))  # the last batch has 6 rows: uneven shares
    shares = [list(loader(rank=r, world_size=world_size).epoch(0)) for r in range(world_size)]
    assert {len(s) for s in shares} == {len(one)}
    for whole, *parts in zip(one, *shares, strict=True):
        start = 0
        for part in parts:
            assert same(part, whole.rows(start, start + len(part)))
            start += len(part)
        assert start == len(whole) and min(map(len, parts)) >= 1


def test_a_batch_with_fewer_rows_than_processes_is_left_out() -> None:
    shares = [loader(rank=r, world_size=2, texts=49) for r in range(2)]  # 6 batches of 8 and one of 1
    found = [list(share.epoch(0)) for share in shares]
    assert [len(batches) for batches in found] == [6, 6] == [share.steps_per_epoch for share in shares]
    for first in range(7):
        rest = list(shares[0].epoch(0, first=first))
        assert len(rest) == 6 - first and all(same(a, b) for a, b in zip(found[0][first:], rest, strict=True))


# ---------------------------------------------------------------------------------------------- evaluation
@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_evaluation_batches_cover_everything_once_without_noise(batch_size: int) -> None:
    made, known = loader().documents, vocabulary()
    seen: list[int] = []
    for rows, batch in evaluation_batches(made, known, batch_size):
        seen += rows.tolist()
        assert [ids.tolist() for ids in batch.lengths] == made.lengths[rows].tolist()
        for row, ids in zip(rows, sentences(batch), strict=True):
            assert ids == known.encode([DOCUMENTS[row]])[0].ids
        assert (batch.ids.gather(1, batch.lengths[:, None]) == SPECIAL.eos).all()
    assert sorted(seen) == list(range(len(DOCUMENTS))) and (np.diff(made.lengths[seen]) >= 0).all()
