"""J_adv against numbers by hand."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical

from tests.laws import assert_close
from textvae.objectives.adversarial import ADVERSARIAL, negative_entropy, uniform_cross_entropy
from textvae.objectives.config import AdversarialName

every_form = pytest.mark.parametrize("name", sorted(ADVERSARIAL))
CLASSES = 5


def logits(rows: int = 7, scale: float = 2.0) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return scale * torch.randn(rows, CLASSES, generator=generator, dtype=torch.float64)


def test_the_dict_and_the_option_name_the_same_forms() -> None:
    assert set(get_args(AdversarialName)) == set(ADVERSARIAL)


def test_golden_values() -> None:
    sure = torch.tensor([[math.log(0.9), math.log(0.1)]])
    assert_close(negative_entropy(sure), torch.tensor([0.9 * math.log(0.9) + 0.1 * math.log(0.1)]), 1e-6)
    expected = -0.5 * (math.log(0.9) + math.log(0.1)) - math.log(2)
    assert_close(uniform_cross_entropy(sure), torch.tensor([expected]), 1e-6)


def test_entropy_is_that_of_the_distribution() -> None:
    assert_close(negative_entropy(logits()), -Categorical(logits=logits()).entropy(), 1e-12)


def test_uniform_is_the_divergence_from_the_uniform_distribution() -> None:
    flat = Categorical(logits=torch.zeros(7, CLASSES, dtype=torch.float64))
    expected = torch.distributions.kl_divergence(flat, Categorical(logits=logits()))
    assert_close(uniform_cross_entropy(logits()), expected, 1e-12)


@every_form
def test_smallest_where_the_adversary_knows_nothing(name: str) -> None:
    flat = torch.full((1, CLASSES), 3.0, dtype=torch.float64, requires_grad=True)
    least = ADVERSARIAL[name](flat)
    assert least.item() == pytest.approx(-math.log(CLASSES) if name == "entropy" else 0.0, abs=1e-12)
    assert (ADVERSARIAL[name](logits()) > least).all()
    (gradient,) = torch.autograd.grad(least.sum(), flat)
    assert_close(gradient, torch.zeros(1, CLASSES), 1e-12)


@every_form
def test_takes_logits_not_probabilities(name: str) -> None:
    """A second softmax would flatten a sure adversary: its loss would hardly move with the scale."""
    sure = ADVERSARIAL[name](1000 * logits())
    if name == "entropy":
        assert_close(sure, torch.zeros(7), 1e-9)
    else:
        assert (sure > 100).all()


@every_form
def test_descending_fools_the_adversary(name: str) -> None:
    x = logits().requires_grad_()
    (gradient,) = torch.autograd.grad(ADVERSARIAL[name](x).sum(), x)
    before, after = (Categorical(logits=v).entropy() for v in (x, x - 0.01 * gradient))
    assert (after > before).all()


@every_form
def test_shape_precision_and_low_precision_input(name: str) -> None:
    assert ADVERSARIAL[name](logits()).dtype == torch.float64
    rounded = logits().bfloat16()
    low = ADVERSARIAL[name](rounded)
    assert low.shape == (7,) and low.dtype == torch.float32
    assert_close(low, ADVERSARIAL[name](rounded.double()), 1e-5)


@every_form
def test_gradient(name: str) -> None:
    assert torch.autograd.gradcheck(ADVERSARIAL[name], logits().requires_grad_())
