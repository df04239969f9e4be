"""Batches: slices and permutations keep everything of a sentence together."""

from __future__ import annotations

import torch

from tests.laws import tiny_batch
from textvae.data.batch import Batch
from textvae.modules.noise import NoiseKey

ORDER = torch.tensor([3, 0, 5, 1, 4, 2])


def test_the_tensors_are_all_fields_but_the_key() -> None:
    batch = tiny_batch()
    assert set(batch.tensors()) == {
        "input_ids",
        "attention_mask",
        "decoder_input_ids",
        "labels",
        "style",
        "bag_ids",
        "bag_weights",
    }
    assert {len(t) for t in batch.tensors().values()} == {len(batch)} == {6}


def test_permuting_moves_every_field_and_drops_the_noise() -> None:
    batch = tiny_batch()
    permuted = batch.permuted(ORDER)
    for name, tensor in batch.tensors().items():
        assert torch.equal(permuted.tensors()[name], tensor[ORDER]), name
    assert permuted.key is None


def test_rows_keep_their_place_in_the_noise() -> None:
    batch = tiny_batch()
    part = batch.rows(2, 5)
    for name, tensor in batch.tensors().items():
        assert torch.equal(part.tensors()[name], tensor[2:5]), name
    assert part.key == NoiseKey(11, 2, 6)
    assert part.rows(1, 3).key == NoiseKey(11, 3, 6)
    assert batch.permuted(ORDER).rows(1, 2).key is None


def test_tokens_are_counted_with_the_end() -> None:
    batch = tiny_batch()
    assert batch.num_tokens == int(batch.attention_mask.sum())
    assert batch.rows(0, 1).num_tokens == int(batch.attention_mask[0].sum())


def test_moving_keeps_values_and_key() -> None:
    batch = tiny_batch()
    moved = batch.to("cpu")
    assert isinstance(moved, Batch) and moved.key == batch.key
    assert all(torch.equal(a, b) for a, b in zip(moved.tensors().values(), batch.tensors().values(), strict=True))
    meta = batch.to("meta")
    assert {t.device.type for t in meta.tensors().values()} == {"meta"}
