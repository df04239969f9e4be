"""Positions and attention against the formulas written out."""

from __future__ import annotations

import math

import pytest
import torch

from tests.laws import assert_close
from textvae.modules.positions import Attention, sinusoids


@pytest.mark.parametrize("size", [2, 7, 8])
def test_sinusoids_are_those_of_the_paper(size: int) -> None:
    positions = torch.tensor([0, 1, 5, 200])
    found = sinusoids(positions, size)
    assert found.shape == (4, size)
    for row, position in enumerate(positions.tolist()):
        for i in range(size):
            angle = position / 10000 ** (2 * (i // 2) / size)
            assert abs(float(found[row, i]) - (math.sin, math.cos)[i % 2](angle)) < 1e-4


def written_out(attention: Attention, x: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """softmax(Q Kᵀ / √d) V, one head after the other."""
    width = x.shape[-1] // attention.heads
    query, (key, value) = attention.query(x), attention.key_value(memory).chunk(2, dim=-1)
    heads = []
    for head in range(attention.heads):
        q, k, v = (t[..., head * width : (head + 1) * width] for t in (query, key, value))
        scores = (q @ k.transpose(1, 2) / math.sqrt(width)).masked_fill(~mask, float("-inf"))
        heads.append(scores.softmax(-1) @ v)
    return attention.out(torch.cat(heads, dim=-1))


def test_attention_is_the_formula() -> None:
    torch.manual_seed(0)
    attention = Attention(8, 2, memory_size=5).double().eval()
    x, memory = torch.randn(3, 4, 8).double(), torch.randn(3, 6, 5).double()
    mask = torch.arange(6)[None] < torch.tensor([6, 2, 1])[:, None]
    found = attention(x, *attention.keys_values(memory), mask[:, None, None])
    assert_close(found, written_out(attention, x, memory, mask[:, None].expand(-1, 4, -1)), 1e-12)


def test_causal_attention_is_the_formula() -> None:
    torch.manual_seed(0)
    attention = Attention(8, 2).double().eval()
    x = torch.randn(3, 4, 8).double()
    found = attention(x, *attention.keys_values(x), None, causal=True)
    assert_close(found, written_out(attention, x, x, torch.ones(4, 4).tril().bool()), 1e-12)
