"""Discrete text with a gradient: straight-through words, temperatures, and Gumbel noise by place."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from tests.laws import assert_close
from textvae.errors import UserError
from textvae.modules.noise import (
    NoiseKey,
    embed,
    gumbel,
    soft,
    soft_gumbel,
    straight_through,
    straight_through_gumbel,
    uniform,
    until_end,
)

ROWS, LENGTH, WORDS = 5, 4, 7
KEY = NoiseKey(3, 0, ROWS)


def logits(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(ROWS, LENGTH, WORDS, generator=generator, dtype=torch.float64)


def noise(key: NoiseKey | None = KEY, rows: int = ROWS, length: int = LENGTH, stream: int = 0) -> Tensor:
    return uniform(torch.empty(rows, length, WORDS, dtype=torch.float64), key, stream)


# ---------------------------------------------------------------------------------------------- noise
def test_noise_is_a_function_of_its_key_alone() -> None:
    torch.manual_seed(1)
    first = noise()
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert torch.equal(noise(), first)
    assert torch.equal(torch.get_rng_state(), state)  # and it leaves the global generator where it was


def test_noise_differs_by_row_position_word_step_and_stream() -> None:
    draws = [noise(NoiseKey(seed, 0, ROWS), stream=stream) for seed in (3, 4) for stream in (0, 1)]
    values = torch.stack(draws).flatten()
    assert len(values.unique()) == len(values)


@pytest.mark.parametrize("cut", range(1, ROWS))
def test_noise_does_not_depend_on_the_split(cut: int) -> None:
    assert torch.equal(torch.cat((noise(KEY, cut), noise(KEY.part(cut), ROWS - cut))), noise())


def test_noise_does_not_depend_on_the_padded_length() -> None:
    assert torch.equal(noise(length=LENGTH + 9)[:, :LENGTH], noise())


def test_noise_is_the_same_in_every_precision() -> None:
    low = uniform(torch.empty(ROWS, LENGTH, WORDS, dtype=torch.bfloat16), KEY, 0)
    assert low.dtype == torch.float32
    assert torch.equal(low.double(), noise())


def test_without_a_key_the_global_generator_is_used() -> None:
    torch.manual_seed(1)
    first = noise(None)
    assert not torch.equal(noise(None), first)
    torch.manual_seed(1)
    assert torch.equal(noise(None), first)


def test_gumbel_noise_has_the_moments_of_its_distribution() -> None:
    draws = gumbel(uniform(torch.empty(200, 1000), NoiseKey(0, 0, 200), 0)).double()
    number = draws.numel()
    variance = math.pi**2 / 6
    assert draws.mean().item() == pytest.approx(0.5772156649, abs=5 * (variance / number) ** 0.5)
    # The kurtosis of a Gumbel variable is 5.4, so a sample variance has standard error σ² √(4.4 / N).
    assert draws.var().item() == pytest.approx(variance, abs=5 * variance * (4.4 / number) ** 0.5)


def test_gumbel_noise_is_finite_at_both_ends_and_leaves_its_input() -> None:
    ends = torch.tensor([0.0, math.exp(-1), 1 - 2**-24])
    before = ends.clone()
    values = gumbel(ends)
    assert torch.equal(ends, before)
    assert values.isfinite().all()
    assert_close(values[1:], torch.tensor([0.0, 24 * math.log(2)]), 1e-5)


# ---------------------------------------------------------------------------------------------- words
def test_straight_through_is_hard_forwards_and_the_identity_backwards() -> None:
    point = logits().softmax(-1)
    assert torch.equal(straight_through(point), nn.functional.one_hot(point.argmax(-1), WORDS).double())
    jacobian = torch.autograd.functional.jacobian(lambda p: straight_through(p, p.argmax(-1)), point[0, 0])
    assert_close(jacobian, torch.eye(WORDS, dtype=torch.float64), 0.0)


def test_straight_through_takes_the_words_it_is_given() -> None:
    ids = torch.randint(WORDS, (ROWS, LENGTH), generator=torch.Generator().manual_seed(0))
    assert torch.equal(straight_through(logits().softmax(-1), ids).argmax(-1), ids)


def test_hard_words_have_the_gradient_of_the_relaxation() -> None:
    weights, gradients = logits(1), []
    for relaxation in (soft_gumbel, straight_through_gumbel):
        x = logits().requires_grad_()
        (gradient,) = torch.autograd.grad((relaxation(x, 0.5, noise()) * weights).sum(), x)
        gradients.append(gradient)
    assert gradients[0].abs().max() > 1e-3
    assert_close(gradients[1], gradients[0], 1e-12)


def test_sampled_words_are_one_hot_and_the_argmax_of_the_relaxation() -> None:
    words = straight_through_gumbel(logits(), 0.5, noise())
    assert torch.equal(words.unique(), torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert torch.equal(words.sum(-1), torch.ones(ROWS, LENGTH, dtype=torch.float64))
    for tau in (0.1, 3.0):
        assert torch.equal(soft_gumbel(logits(), tau, noise()).argmax(-1), words.argmax(-1))


def test_sampled_words_follow_the_distribution() -> None:
    shape = (40, 1000, 4)
    target = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
    draws = uniform(torch.empty(shape, dtype=torch.float64), NoiseKey(1, 0, 40), 0)
    found = straight_through_gumbel(target.log().expand(shape), 0.7, draws).mean((0, 1))
    assert ((found - target).abs() < 5 * (target * (1 - target) / 40000).sqrt()).all()


def test_temperature_limits() -> None:
    x = logits()
    assert_close(soft(x, 1e-4), nn.functional.one_hot(x.argmax(-1), WORDS).double(), 1e-9)
    assert_close(soft(x, 1e9), torch.full_like(x, 1 / WORDS), 1e-8)
    assert_close(soft(x), x.softmax(-1), 1e-12)
    assert_close(soft(x, 2.0), (x.exp() ** 0.5) / (x.exp() ** 0.5).sum(-1, keepdim=True), 1e-12)


@pytest.mark.parametrize("tau", [-1.0, 0.0, float("nan")])
def test_temperature_must_be_positive(tau: float) -> None:
    with pytest.raises(UserError, match="temperature"):
        soft(logits(), tau)


def test_forbidden_words_are_never_drawn_and_have_no_gradient() -> None:
    x = logits()
    x[..., 2] = -float("inf")
    x.requires_grad_()
    words = straight_through_gumbel(x, 0.5, noise())
    (gradient,) = torch.autograd.grad((words * logits(1)).sum(), x)
    assert not words[..., 2].any() and not gradient[..., 2].any()
    assert gradient.isfinite().all() and gradient.any()


def test_low_precision_logits_are_relaxed_in_single_precision() -> None:
    low = logits().bfloat16()
    words = straight_through_gumbel(low, 0.5, noise().float())
    assert words.dtype == torch.float32
    assert torch.equal(words.argmax(-1), straight_through_gumbel(low.double(), 0.5, noise()).argmax(-1))


# ---------------------------------------------------------------------------------------------- sequences
def test_ids_and_their_one_hot_points_have_one_embedding() -> None:
    embedding = nn.Embedding(WORDS, 3).double()
    ids = torch.randint(WORDS, (ROWS, LENGTH), generator=torch.Generator().manual_seed(0))
    points = nn.functional.one_hot(ids, WORDS).double()
    assert_close(embed(points, embedding), embed(ids, embedding), 1e-12)
    between = 0.25 * points + 0.75 * points.flip(0)
    assert_close(embed(between, embedding), 0.25 * embed(ids, embedding) + 0.75 * embed(ids.flip(0), embedding), 1e-12)


def test_the_text_reaches_to_its_first_end() -> None:
    ids = torch.tensor([[5, 2, 2, 6], [2, 5, 5, 5], [5, 6, 7, 2], [5, 6, 7, 8]])
    expected = [[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]]
    assert torch.equal(until_end(ids, 2), torch.tensor(expected).bool())
