"""J_mul_s and J_mul_c against numbers by hand and the dense formula."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.laws import assert_close
from textvae.objectives.multitask import bag_cross_entropy, style_cross_entropy

ROWS, BAG, LENGTH = 6, 9, 5


def logits(columns: int = BAG, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(ROWS, columns, generator=generator, dtype=torch.float64)


def bags(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Rows and weights as the collator makes them: words repeat, some positions hold none, one sentence is empty."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(BAG, (ROWS, LENGTH), generator=generator)
    counted = torch.rand(ROWS, LENGTH, generator=generator) < 0.7
    counted[0] = False
    counted[1] = True
    ids[1] = ids[1, :1]
    weights = counted / counted.sum(1, keepdim=True).clamp(min=1)
    return ids * counted, weights.double()


def dense(ids: Tensor, weights: Tensor) -> Tensor:
    """t_c as a (B, W) table."""
    table = torch.zeros(ROWS, BAG, dtype=torch.float64)
    for row in range(ROWS):
        for word, share in zip(ids[row].tolist(), weights[row].tolist(), strict=True):
            table[row, word] += share
    return table


def test_style_by_hand() -> None:
    scores = torch.tensor([[math.log(0.2), math.log(0.5), math.log(0.3)], [0.0, 0.0, 0.0]])
    assert_close(style_cross_entropy(scores, torch.tensor([1, 2])), torch.tensor([-math.log(0.5), math.log(3.0)]), 1e-6)


def test_bag_by_hand() -> None:
    """Words 0, 0, 2 of a bag of three: t_c = (2/3, 0, 1/3)."""
    scores = torch.tensor([[math.log(0.2), math.log(0.5), math.log(0.3)]])
    found = bag_cross_entropy(scores, torch.tensor([[0, 0, 2]]), torch.full((1, 3), 1 / 3))
    assert_close(found, torch.tensor([-(2 * math.log(0.2) + math.log(0.3)) / 3]), 1e-6)


@given(st.integers(0, 1000))
def test_bag_is_the_dense_formula(seed: int) -> None:
    ids, weights = bags(seed)
    expected = -(dense(ids, weights) * logits(seed=seed).log_softmax(1)).sum(1)
    assert_close(bag_cross_entropy(logits(seed=seed), ids, weights), expected, 1e-12)


def test_a_sentence_without_content_words_costs_nothing() -> None:
    ids, weights = bags()
    scores = logits().requires_grad_()
    loss = bag_cross_entropy(scores, ids, weights)
    assert loss[0] == 0
    (gradient,) = torch.autograd.grad(loss.sum(), scores)
    assert not gradient[0].any() and (gradient[1:] != 0).any(1).all()


def test_a_positions_without_a_word_do_not_pull_at_row_zero() -> None:
    """Unused positions hold row 0 with weight 0: the gradient of row 0 must not see them."""
    ids, weights = torch.tensor([[4, 0, 0]]), torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    scores = logits()[:1].requires_grad_()
    (gradient,) = torch.autograd.grad(bag_cross_entropy(scores, ids, weights).sum(), scores)
    expected = scores.softmax(1).detach().clone()
    expected[0, 4] -= 1
    assert_close(gradient, expected, 1e-12)


def test_logits_not_probabilities() -> None:
    """A second softmax keeps the loss of K classes above log(1 + (K − 1)/e); logits can bring it to 0 and to 1,000."""
    right = 1000.0 * torch.nn.functional.one_hot(torch.arange(ROWS) % 3, 3).double()
    assert_close(style_cross_entropy(right, torch.arange(ROWS) % 3), torch.zeros(ROWS), 1e-9)
    assert (style_cross_entropy(right, (torch.arange(ROWS) + 1) % 3) > 900).all()
    words = torch.arange(ROWS)[:, None]
    right = 1000.0 * torch.nn.functional.one_hot(words[:, 0], BAG).double()
    assert_close(bag_cross_entropy(right, words, torch.ones(ROWS, 1)), torch.zeros(ROWS), 1e-9)
    assert (bag_cross_entropy(right, words + 1, torch.ones(ROWS, 1)) > 900).all()


def test_labels_belong_to_their_rows() -> None:
    style = torch.tensor([0, 1, 2, 0, 1, 2])
    whole = style_cross_entropy(logits(3), style)
    order = torch.tensor([5, 3, 1, 0, 2, 4])
    assert_close(style_cross_entropy(logits(3)[order], style[order]), whole[order], 1e-12)
    assert not torch.allclose(style_cross_entropy(logits(3)[order], style), whole[order])


def test_gradients() -> None:
    ids, weights = bags()
    assert torch.autograd.gradcheck(lambda x: bag_cross_entropy(x, ids, weights), logits().requires_grad_())
    style = torch.arange(ROWS) % 3
    assert torch.autograd.gradcheck(lambda x: style_cross_entropy(x, style), logits(3).requires_grad_())


def test_low_precision_is_summed_in_fp32() -> None:
    ids, weights = bags()
    low = logits().bfloat16()
    found = bag_cross_entropy(low, ids, weights.float())
    assert found.dtype == torch.float32
    assert_close(found, bag_cross_entropy(low.double(), ids, weights), 1e-5)
    style = torch.arange(ROWS) % 3
    found = style_cross_entropy(logits(3).bfloat16(), style)
    assert found.dtype == torch.float32
    assert_close(found, style_cross_entropy(logits(3).bfloat16().double(), style), 1e-5)
