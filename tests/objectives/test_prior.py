"""What keeps a summary readable and on its topic, against closed forms."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, kl_divergence
from torch.nn import functional as F

from tests.laws import assert_close
from textvae.objectives.config import LanguagePriorName
from textvae.objectives.prior import (
    LANGUAGE_PRIORS,
    coverage,
    idf_recall,
    length_penalty,
    lm_kl,
    lm_reverse_kl,
    topic_cosine,
    weighted_mean,
)

ROWS, LONGEST, WORDS, WIDTH = 3, 4, 9, 5
MASK = torch.arange(LONGEST)[None] < torch.tensor([4, 1, 3])[:, None]
every_prior = pytest.mark.parametrize("name", sorted(LANGUAGE_PRIORS))


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def log_probs(seed: int) -> Tensor:
    return (2 * random(ROWS, LONGEST, WORDS, seed=seed)).log_softmax(-1)


# ---------------------------------------------------------------------------------------------- language model
def test_the_dict_and_the_option_name_the_same_priors() -> None:
    assert set(get_args(LanguagePriorName)) == set(LANGUAGE_PRIORS)


def test_golden_values() -> None:
    model, prior = torch.tensor([[[0.5, 0.5]]]).log(), torch.tensor([[[0.9, 0.1]]]).log()
    mask = torch.ones(1, 1, dtype=torch.bool)
    assert lm_kl(model, prior, mask).item() == pytest.approx(0.9 * math.log(1.8) + 0.1 * math.log(0.2), abs=1e-6)
    expected = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert lm_reverse_kl(model, prior, mask).item() == pytest.approx(expected, abs=1e-6)


def test_priors_are_torchs_divergences() -> None:
    model, prior = Categorical(logits=log_probs(1)), Categorical(logits=log_probs(2))
    arguments = (log_probs(1), log_probs(2), MASK)
    assert_close(lm_kl(*arguments), kl_divergence(prior, model).where(MASK, 0.0), 1e-12)
    assert_close(lm_reverse_kl(*arguments), kl_divergence(model, prior).where(MASK, 0.0), 1e-12)


@every_prior
def test_priors_are_least_where_the_generator_writes_as_the_language_model(name: str) -> None:
    logits = (2 * random(ROWS, LONGEST, WORDS, seed=1)).requires_grad_()
    same = LANGUAGE_PRIORS[name](logits.log_softmax(-1), logits.detach().log_softmax(-1), MASK)
    (gradient,) = torch.autograd.grad(same.sum(), logits)
    assert_close(same, torch.zeros(ROWS, LONGEST), 1e-12)
    assert_close(gradient, torch.zeros_like(logits), 1e-12)
    assert (LANGUAGE_PRIORS[name](log_probs(2), log_probs(1), MASK)[MASK] > 0.01).all()


@every_prior
def test_descending_brings_the_generator_nearer(name: str) -> None:
    logits = random(ROWS, LONGEST, WORDS, seed=1).requires_grad_()
    values = []
    for _ in range(20):
        loss = LANGUAGE_PRIORS[name](logits.log_softmax(-1), log_probs(2), MASK).sum()
        (gradient,) = torch.autograd.grad(loss, logits)
        assert not gradient[~MASK].any()
        logits = (logits - 0.5 * gradient).detach().requires_grad_()
        values.append(loss.item())
    assert values == sorted(values, reverse=True) and values[-1] < 0.7 * values[0]


@every_prior
def test_a_forbidden_word_leaves_no_nan(name: str) -> None:
    logits = random(ROWS, LONGEST, WORDS, seed=1)
    logits[..., 0] = -float("inf")
    logits.requires_grad_()
    values = LANGUAGE_PRIORS[name](logits.log_softmax(-1), log_probs(2), MASK)
    values.sum().backward()
    assert values.isfinite().all() and logits.grad.isfinite().all()  # type: ignore[union-attr]
    assert not logits.grad[..., 0].any() and logits.grad.any()  # type: ignore[union-attr, index]
    if name == "reverse":
        rest = log_probs(2)[..., 1:]
        expected = (logits.detach()[..., 1:].softmax(-1) * (logits.detach()[..., 1:].log_softmax(-1) - rest)).sum(-1)
        assert_close(values, expected.where(MASK, 0.0), 1e-12)


@every_prior
def test_priors_of_low_precision_are_single_precision(name: str) -> None:
    low = LANGUAGE_PRIORS[name](log_probs(1).bfloat16(), log_probs(2).bfloat16(), MASK)
    assert low.dtype == torch.float32
    exact = LANGUAGE_PRIORS[name](log_probs(1).bfloat16().double(), log_probs(2).bfloat16().double(), MASK)
    assert_close(low, exact, 1e-5)


# ---------------------------------------------------------------------------------------------- topic
def test_topic_cosine_in_closed_form() -> None:
    """Orthogonal word vectors: the document's mean is ∝ (3, 4, 0), the summary's ∝ (1, 0, 0), then (1, 1, 0)."""
    axes = torch.eye(3, dtype=torch.float64)
    document = axes[[0, 1, 2]][None].expand(2, -1, -1)
    idf = torch.tensor([[3.0, 4.0, 0.0]] * 2, dtype=torch.float64)
    summary = torch.stack((axes[[0, 2]], axes[[0, 1]]))
    weights = torch.tensor([[1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    found = topic_cosine(document, idf, summary, weights)
    assert_close(found, torch.tensor([1 - 0.6, 1 - 7 / (5 * math.sqrt(2))], dtype=torch.float64), 1e-12)


def test_topic_cosine_of_the_document_itself_its_opposite_and_nothing() -> None:
    vectors, idf = random(ROWS, LONGEST, WIDTH), random(ROWS, LONGEST, seed=1).abs()
    assert_close(topic_cosine(vectors, idf, 3 * vectors, 7 * idf), torch.zeros(ROWS), 1e-12)
    assert_close(topic_cosine(vectors, idf, -vectors, idf), torch.full((ROWS,), 2.0), 1e-12)
    assert_close(topic_cosine(vectors, idf, vectors, 0 * idf), torch.ones(ROWS), 1e-12)


def test_topic_cosine_does_not_see_padding_and_moves_the_summary_towards_the_document() -> None:
    document, idf = random(ROWS, LONGEST, WIDTH), random(ROWS, LONGEST, seed=1).abs() * MASK
    summary, weights = random(ROWS, 2, WIDTH, seed=2).requires_grad_(), torch.tensor([[1.0, 1.0], [1, 0], [1, 1]])
    found = topic_cosine(document, idf, summary, weights)
    other = document.where(MASK[..., None], 99.0)
    assert_close(topic_cosine(other, idf, summary, weights), found, 1e-12)
    (gradient,) = torch.autograd.grad(found.sum(), summary)
    assert torch.equal(gradient.abs().amax(-1) > 0, weights > 0)
    assert (topic_cosine(document, idf, summary - 0.01 * gradient, weights) < found).all()


def test_weighted_mean_is_that_of_numpy() -> None:
    vectors, weights = random(ROWS, LONGEST, WIDTH), random(ROWS, LONGEST, seed=1).abs()
    rows = zip(vectors.numpy(), weights.numpy(), strict=True)
    expected = np.stack([np.average(row, axis=0, weights=weight) for row, weight in rows])
    assert_close(weighted_mean(vectors, weights), torch.from_numpy(expected), 1e-12)


# ---------------------------------------------------------------------------------------------- names and numbers
def test_idf_recall_by_hand() -> None:
    document = torch.tensor([[5, 6, 7, 0], [5, 6, 7, 8]])
    idf = torch.tensor([[1.0, 2.0, 5.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    summary, mask = torch.tensor([[7, 5, 6], [8, 8, 4]]), torch.tensor([[True, True, False], [True, True, True]])
    assert_close(idf_recall(document, idf, summary, mask), torch.tensor([6 / 8, 1 / 4]), 1e-6)


def test_idf_recall_of_ids_is_that_of_their_one_hot_points() -> None:
    generator = torch.Generator().manual_seed(0)
    document = torch.randint(WORDS, (ROWS, 6), generator=generator)
    summary = torch.randint(WORDS, (ROWS, LONGEST), generator=generator)
    idf = random(ROWS, 6).abs()
    points = F.one_hot(summary, WORDS).double()
    assert_close(idf_recall(document, idf, points, MASK), idf_recall(document, idf, summary, MASK), 1e-12)


def test_idf_recall_of_points_is_the_expectation_over_words() -> None:
    document, idf = torch.tensor([[0, 1]]), torch.tensor([[1.0, 3.0]], dtype=torch.float64)
    points = torch.tensor([[[0.5, 0.1, 0.4], [0.2, 0.3, 0.5]]], dtype=torch.float64, requires_grad=True)
    mask = torch.ones(1, 2, dtype=torch.bool)
    pairs = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    each = idf_recall(document.expand(9, -1), idf.expand(9, -1), pairs, mask.expand(9, -1))
    probability = points.detach()[0, 0, pairs[:, 0]] * points.detach()[0, 1, pairs[:, 1]]
    found = idf_recall(document, idf, points, mask)
    assert_close(found, (probability * each).sum()[None], 1e-12)
    (gradient,) = torch.autograd.grad(found.sum(), points)
    assert (gradient[..., :2] > 0).all() and not gradient[..., 2].any()


# ---------------------------------------------------------------------------------------------- length, repeats
def test_length_penalty_is_cross_entropy_of_the_end() -> None:
    model, lengths = log_probs(1), torch.tensor([0, 2, 9])
    found = length_penalty(model, lengths, eos=2)
    for row, length in enumerate(lengths.tolist()):
        for place in range(LONGEST):
            expected = -model[row, place, 2].item() if place >= length else 0.0
            assert found[row, place].item() == pytest.approx(expected, abs=1e-12)


def test_coverage_counts_words_only() -> None:
    penalty = random(ROWS, LONGEST).abs()
    found = coverage(penalty.bfloat16(), MASK)
    assert found.dtype == torch.float32
    assert_close(found, penalty.bfloat16().where(MASK, 0.0), 1e-7)
    assert (found[~MASK] == 0).all() and (found[MASK] > 0).all()
