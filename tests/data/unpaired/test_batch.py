"""Sequences and batches: shapes, masks, rows."""

from __future__ import annotations

import torch

from tests.data.unpaired.sides import loader
from textvae.data.unpaired.batch import Sequences, UnpairedBatch
from textvae.modules.noise import NoiseKey
from textvae.tokenization.config import SPECIAL

PAD, BOS, EOS = SPECIAL.pad, SPECIAL.bos, SPECIAL.eos


def test_sequences_by_hand() -> None:
    made = Sequences.of([[7, 8, 9], [5], []])
    assert made.ids.tolist() == [[7, 8, 9, EOS], [5, EOS, PAD, PAD], [EOS, PAD, PAD, PAD]]
    assert made.mask.tolist() == [[True] * 4, [True, True, False, False], [True, False, False, False]]
    assert made.decoder_input_ids.tolist() == [[BOS, 7, 8, 9], [BOS, 5, PAD, PAD], [BOS, PAD, PAD, PAD]]
    assert made.labels.tolist() == [[7, 8, 9, EOS], [5, EOS, -100, -100], [EOS, -100, -100, -100]]
    assert made.lengths.tolist() == [3, 1, 0] and len(made) == 3 and made.num_tokens == 7
    assert made.mask.dtype == torch.bool and made.ids.dtype == made.lengths.dtype == torch.int64


def test_what_is_padding_does_not_matter() -> None:
    """`build` is given arrays cut out of wider ones: what stands after a length is garbage."""
    import numpy as np

    clean = Sequences.build(np.array([[7, 8], [5, 0]]), np.array([2, 1]))
    dirty = Sequences.build(np.array([[7, 8], [5, 99]]), np.array([2, 1]))
    for a, b in zip(clean.tensors().values(), dirty.tensors().values(), strict=True):
        assert torch.equal(a, b)


def test_rows_and_permutation_take_every_field_along() -> None:
    made = Sequences.of([[7, 8, 9], [5], [6, 6]])
    order = torch.tensor([2, 0, 1])
    for name, tensor in made.tensors().items():
        assert torch.equal(made.rows(1, 3).tensors()[name], tensor[1:3])
        assert torch.equal(made.permuted(order).tensors()[name], tensor[order])


def test_rows_of_a_batch_keep_their_places_in_the_noise() -> None:
    batch = next(iter(loader().epoch(0)))
    part = batch.rows(3, 8).rows(1, 4)
    assert part.key == NoiseKey(batch.key.seed, 4, 8) and len(part) == 3  # type: ignore[union-attr]
    for side in ("documents", "texts", "noised", "noised_target"):
        assert torch.equal(getattr(part, side).ids, getattr(batch, side).ids[4:7])


def test_tokens_of_both_sides_count() -> None:
    one, two = Sequences.of([[7, 8, 9], [5]]), Sequences.of([[6], [6]])
    batch = UnpairedBatch(one, two, one)
    assert batch.num_tokens == 6 + 4 and len(batch) == 2 and batch.noised_target is two
    assert batch.to("cpu").texts.ids.tolist() == two.ids.tolist()
