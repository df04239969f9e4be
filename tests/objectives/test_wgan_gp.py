"""The Wasserstein critic and its penalty against closed forms, and what a sure discriminator leaves the generator."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.laws import assert_close
from textvae.modules.config import CriticConfig
from textvae.modules.critics import CRITICS, Critic, build_critic
from textvae.objectives import wgan_gp
from textvae.objectives.config import GeneratorLossName
from textvae.objectives.wgan_gp import CRITIC_LOSSES, GENERATOR_LOSSES, gradient_penalty

ROWS, LONGEST, WORDS = 4, 6, 17
LENGTHS = torch.tensor([6, 1, 4, 3])
MASK = torch.arange(LONGEST)[None] < LENGTHS[:, None]
every_critic = pytest.mark.parametrize("kind", sorted(CRITICS))
every_loss = pytest.mark.parametrize("name", sorted(GENERATOR_LOSSES))


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def words(seed: int, low: int = 5, high: int = WORDS, length: int = LONGEST, rows: int = ROWS) -> Tensor:
    return torch.randint(low, high, (rows, length), generator=torch.Generator().manual_seed(seed))


def small_critic(kind: str, vocabulary: int = WORDS) -> Critic:
    torch.manual_seed(0)
    config = CriticConfig(kind=kind, embedding_size=6, size=8, blocks=2, layers=1)  # type: ignore[arg-type]
    return build_critic(config, vocabulary).double()


# ---------------------------------------------------------------------------------------------- losses
def test_golden_values() -> None:
    real, fake = torch.tensor([3.0, -1.0]), torch.tensor([0.5, 2.0])
    assert_close(wgan_gp.critic(real, fake), torch.tensor([-2.5, 3.0]), 1e-7)
    assert_close(wgan_gp.generator(fake), torch.tensor([-0.5, -2.0]), 1e-7)
    even = torch.zeros(1)
    assert wgan_gp.discriminator(even, even).item() == pytest.approx(2 * math.log(2))
    assert wgan_gp.saturating(even).item() == pytest.approx(-math.log(2))
    assert wgan_gp.non_saturating(even).item() == pytest.approx(math.log(2))


def test_gan_losses_are_logarithms_of_the_discriminator() -> None:
    real, fake = random(9, seed=1), random(9)
    d_real, d_fake = 1 / (1 + (-real).exp()), 1 / (1 + (-fake).exp())
    assert_close(wgan_gp.saturating(fake), (1 - d_fake).log(), 1e-12)
    assert_close(wgan_gp.non_saturating(fake), -d_fake.log(), 1e-12)
    assert_close(wgan_gp.discriminator(real, fake), -d_real.log() - (1 - d_fake).log(), 1e-12)


def test_the_dicts_and_the_option_name_the_same_losses() -> None:
    assert set(get_args(GeneratorLossName)) == set(GENERATOR_LOSSES) == set(CRITIC_LOSSES)


@every_loss
def test_generator_wants_a_higher_score_and_the_critic_a_lower_one(name: str) -> None:
    real, fake = random(9, seed=1).requires_grad_(), random(9).requires_grad_()
    (for_generator,) = torch.autograd.grad(GENERATOR_LOSSES[name](fake).sum(), fake)
    assert (for_generator < 0).all()
    for_real, for_fake = torch.autograd.grad(CRITIC_LOSSES[name](real, fake).sum(), (real, fake))
    assert (for_real < 0).all() and (for_fake > 0).all()


@every_loss
def test_losses_are_finite_and_single_precision_for_sure_scores(name: str) -> None:
    sure = torch.tensor([-1000.0, 1000.0], dtype=torch.bfloat16)
    values = GENERATOR_LOSSES[name](sure), CRITIC_LOSSES[name](sure, sure.flip(0))
    assert all(v.dtype == torch.float32 and v.isfinite().all() for v in values)


@pytest.mark.parametrize("score", [-30.0, -3.0, 0.0, 3.0])
def test_slopes_on_the_score(score: float) -> None:
    """−D, D − 1 and −1: only the first vanishes where the discriminator is sure that a text is generated."""
    slopes = {}
    for name in sorted(GENERATOR_LOSSES):
        fake = torch.tensor([score], dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(GENERATOR_LOSSES[name](fake).sum(), fake)
        slopes[name] = slope.item()
    d = 1 / (1 + math.exp(-score))
    assert slopes == pytest.approx({"saturating": -d, "non_saturating": d - 1, "wasserstein": -1.0})


# ---------------------------------------------------------------------------------------------- penalty
def test_penalty_of_a_linear_critic_in_closed_form() -> None:
    """f(x) = Σ_t w · x_t has slope w at each of n words: (√n ‖w‖ − 1)², and 2 (√n ‖w‖ − 1) √n w / ‖w‖ on w."""
    w = random(WORDS).requires_grad_()
    points = [random(ROWS, LONGEST, WORDS, seed=seed) for seed in (1, 2)]
    penalty = gradient_penalty(lambda x, m: (x @ w * m).sum(1), *points, uniform(ROWS, 1, 1), MASK)
    norm, root = w.detach().norm(), LENGTHS.double().sqrt()
    assert_close(penalty, (root * norm - 1).square(), 1e-12)
    (gradient,) = torch.autograd.grad(penalty.sum(), w)
    assert_close(gradient, (2 * (root * norm - 1) * root).sum() * w.detach() / norm, 1e-12)


def test_penalty_is_taken_between_the_two_texts() -> None:
    """f(x) = ½ ‖x‖² has slope x, so the penalty tells the point: ε of the human text, 1 − ε of the other."""
    real, fake = random(ROWS, LONGEST, WORDS, seed=1), random(ROWS, LONGEST, WORDS, seed=2)
    eps = torch.tensor([0.0, 1.0, 0.25, 0.75], dtype=torch.float64)[:, None, None]
    keep = MASK[..., None]
    penalty = gradient_penalty(lambda x, m: 0.5 * (x * keep).square().sum((1, 2)), real, fake, eps, MASK)
    expected = ((eps * real + (1 - eps) * fake) * keep).flatten(1).norm(dim=1)
    assert_close(penalty, (expected - 1).square(), 1e-12)


def test_penalty_is_zero_and_its_gradient_finite_for_the_right_and_the_flat_slope() -> None:
    for slope, expected in ((1.0, 0.0), (0.0, 1.0)):
        w = torch.tensor(slope, dtype=torch.float64, requires_grad=True)
        points = [random(ROWS, 1, 1, seed=seed) for seed in (1, 2)]
        penalty = gradient_penalty(lambda x, m, w=w: w * x[:, 0, 0], *points, uniform(ROWS, 1, 1), MASK[:, :1])
        assert_close(penalty, torch.full((ROWS,), expected), 1e-12)
        (gradient,) = torch.autograd.grad(penalty.sum(), w)
        assert gradient.isfinite()


def test_penalty_leaves_no_gradient_in_the_texts() -> None:
    real, fake = (random(ROWS, LONGEST, WORDS, seed=seed).requires_grad_() for seed in (1, 2))
    w = random(WORDS).requires_grad_()
    gradient_penalty(lambda x, m: (x.square() @ w).sum(1), real, fake, uniform(ROWS, 1, 1), MASK).sum().backward()
    assert real.grad is None and fake.grad is None and w.grad is not None


def simplex_penalty(critic: Critic, real: Tensor, fake: Tensor, eps: Tensor, mask: Tensor) -> Tensor:
    """The penalty as the paper has it: on one-hot and soft points (B, L, V')."""
    return gradient_penalty(lambda x, m: critic.score(critic.embed(x), m), real, fake, eps, mask)


@every_critic
def test_the_short_way_is_the_penalty_on_the_simplex(kind: str) -> None:
    """Value and gradient of every weight, though the short way makes no tensor over the vocabulary.

    The two texts differ in length, and x̂ is as long as the longer one.
    """
    critic, real, eps = small_critic(kind), words(1), uniform(ROWS, 1, 1)
    soft = random(ROWS, LONGEST, WORDS).softmax(-1)
    one_hot, other = F.one_hot(real, WORDS).double(), torch.arange(LONGEST)[None] < LENGTHS.flip(0)[:, None]
    results = []
    for penalty in (
        simplex_penalty(critic, one_hot * MASK[..., None], soft * other[..., None], eps, MASK | other),
        wgan_gp.compare(critic, real, MASK, soft, other, eps).penalty,
    ):
        gradients = torch.autograd.grad(penalty.sum(), list(critic.parameters()), allow_unused=True)
        named = zip(critic.named_parameters(), gradients, strict=True)
        results.append((penalty, {n: g for (n, _), g in named if g is not None and g.any()}))
    assert_close(results[1][0], results[0][0], 1e-10)
    assert results[0][1].keys() == results[1][1].keys() and "embedding.weight" in results[0][1]
    for name, gradient in results[0][1].items():
        assert_close(results[1][1][name], gradient, 1e-9, name)


@every_critic
def test_compare_is_score_and_penalty_of_each_pair(kind: str) -> None:
    """Two texts of different lengths in padded batches, and every pair alone."""
    critic, real, fake, eps = small_critic(kind), words(1), words(2, length=4), uniform(ROWS, 1, 1)
    fake_mask = torch.arange(4)[None] < torch.tensor([2, 4, 1, 3])[:, None]
    found = wgan_gp.compare(critic, real, MASK, fake, fake_mask, eps)
    assert_close(found.real, critic.score(critic.embed(real), MASK), 1e-12)
    assert_close(found.fake, critic.score(critic.embed(fake), fake_mask), 1e-12)
    for row in range(ROWS):
        n, m = int(LENGTHS[row]), int(fake_mask[row].sum())
        one = slice(row, row + 1)
        alone = wgan_gp.compare(critic, real[one, :n], MASK[one, :n], fake[one, :m], fake_mask[one, :m], eps[one])
        assert_close(found.penalty[row], alone.penalty[0], 1e-12, f"row {row}")


@every_critic
def test_phase_critic_reaches_every_weight_and_not_the_generator(kind: str) -> None:
    critic, fake = small_critic(kind), random(ROWS, LONGEST, WORDS).softmax(-1).requires_grad_()
    found = wgan_gp.compare(critic, words(1), MASK, fake, MASK, uniform(ROWS, 1, 1))
    (wgan_gp.critic(found.real, found.fake) + 10 * found.penalty).sum().backward()
    assert fake.grad is None
    assert [n for n, p in critic.named_parameters() if n != "output.bias" and not p.grad.any()] == []  # type: ignore[union-attr]
    # The critic's own offset is free: it cancels in J_critic and has no slope.
    assert abs(float(critic.output.bias.grad)) < 1e-12  # type: ignore[union-attr, arg-type]


@every_critic
def test_a_frozen_critic_can_be_compared(kind: str) -> None:
    critic = small_critic(kind).requires_grad_(False)
    found = wgan_gp.compare(critic, words(1), MASK, words(2), MASK, uniform(ROWS, 1, 1))
    assert found.penalty.isfinite().all()


@every_critic
def test_the_penalty_is_exact_under_autocast(kind: str) -> None:
    critic, eps = small_critic(kind).float(), uniform(ROWS, 1, 1)
    soft = random(ROWS, LONGEST, WORDS).softmax(-1).float()
    for fake in (words(2), soft):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            low = wgan_gp.compare(critic, words(1), MASK, fake, MASK, eps)
            loss = (wgan_gp.critic(low.real, low.fake) + 10 * low.penalty).mean()
        exact = wgan_gp.compare(critic, words(1), MASK, fake, MASK, eps)
        assert low.real.dtype == low.fake.dtype == low.penalty.dtype == loss.dtype == torch.float32
        # The point may be rounded (softly, by the projection), the slope at it is not.
        assert_close(low.penalty, exact.penalty, 1e-6 if fake.dim() == 2 else 5e-3)
    loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in critic.parameters())


@pytest.mark.parametrize(("kind", "name"), [("recurrent", "layers.0.hidden.weight"), ("residual", "project.weight")])
def test_the_gradient_of_the_penalty_is_that_of_finite_differences(kind: str, name: str) -> None:
    critic = small_critic(kind)
    texts = F.one_hot(words(1)[:2, :3], WORDS).double(), random(2, 3, WORDS).softmax(-1)

    def penalty(weight: Tensor) -> Tensor:
        def score(x: Tensor, mask: Tensor) -> Tensor:
            return torch.func.functional_call(critic, {name: weight}, (x, mask)).view(2, -1).sum(1)

        return gradient_penalty(score, *texts, uniform(2, 1, 1), torch.ones(2, 3, dtype=torch.bool))

    assert torch.autograd.gradcheck(penalty, critic.get_parameter(name).detach().requires_grad_())


# ---------------------------------------------------------------------------------------------- vanishing gradients
def generator_gradient(name: str, steps: int = 60) -> tuple[float, float]:
    """A critic trained on the losses of `name` against a generator that stands still, in a language of its own.

    Returns the margin f(x) − f(x̃) and the norm of the gradient that J_gen leaves in each word's logits.
    """
    torch.manual_seed(0)
    real, fake = words(1, 5, 11, rows=16), words(2, 11, 17, rows=16)
    mask = torch.ones_like(real, dtype=torch.bool)
    critic = build_critic(CriticConfig(embedding_size=8, size=16, blocks=2), WORDS)
    optimizer = torch.optim.Adam(critic.parameters(), lr=0.02, betas=(0.5, 0.9))
    for step in range(steps):
        optimizer.zero_grad()
        scores = critic(real, mask), critic(fake, mask)
        loss = CRITIC_LOSSES[name](*scores)
        if name == "wasserstein":
            loss = loss + 10 * wgan_gp.compare(critic, real, mask, fake, mask, uniform(16, 1, 1, seed=step)).penalty
        loss.mean().backward()
        optimizer.step()
    margin = (scores[0] - scores[1]).detach().mean()
    logits = (4.0 * F.one_hot(fake, WORDS)).requires_grad_()
    (gradient,) = torch.autograd.grad(GENERATOR_LOSSES[name](critic(logits.softmax(-1), mask)).sum(), logits)
    return float(margin), float(gradient.flatten(1).norm(dim=1).mean())


def test_a_sure_critic_leaves_the_generator_a_gradient_where_a_sure_discriminator_does_not() -> None:
    saturating_margin, saturating = generator_gradient("saturating")
    wasserstein_margin, wasserstein = generator_gradient("wasserstein")
    both = f"gradient norms: saturating {saturating:.2e}, wasserstein {wasserstein:.2e}"
    assert saturating_margin > 8 and wasserstein_margin > 0.5, "the critics are not sure"
    assert saturating < 1e-3 and wasserstein > 0.02 and wasserstein > 100 * saturating, both
