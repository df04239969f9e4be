"""Each term of the hierarchical bound against torch.distributions, and the discriminative objective in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Categorical, Normal, kl_divergence

from tests.document_laws import document_batch, hierarchical_model
from tests.laws import assert_close
from textvae.extras.documents.config import HierarchicalObjectives
from textvae.extras.documents.objectives import (
    HIERARCHICAL_OBJECTIVES,
    HierarchicalOutputs,
    document_cross_entropy,
    document_logits,
    document_means,
    kl_around,
    mean_prior,
)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_every_objective_has_a_weight_and_a_function() -> None:
    assert set(HIERARCHICAL_OBJECTIVES) == set(HierarchicalObjectives.__dataclass_fields__)
    assert HierarchicalObjectives().at(0) == {"J_rec": 1, "J_kl_1": 1, "J_kl_2": 1, "J_mu": 1, "J_doc": 10}


def test_the_kl_of_z2_is_to_a_normal_of_standard_deviation_one_half_around_the_mean() -> None:
    mean, log_var, centre = drawn(6, 3), drawn(6, 3, seed=1), drawn(6, 3, seed=2)
    expected = kl_divergence(Normal(mean, (0.5 * log_var).exp()), Normal(centre, 0.5)).sum(1)
    assert_close(kl_around(mean, log_var, centre), expected, 1e-12)
    assert_close(kl_around(centre, torch.full_like(centre, math.log(0.25)), centre), torch.zeros(6), 1e-12)


def test_a_document_pays_for_its_mean_once() -> None:
    centre = drawn(4, 3)
    expected = -Normal(0.0, 1.0).log_prob(centre).sum(1)
    assert_close(mean_prior(centre, torch.ones(4)), expected, 1e-12)
    count = torch.tensor([4, 4, 4, 4])
    assert_close(mean_prior(centre[:1].expand(4, 3), count).sum(), expected[0], 1e-12)


def test_the_bound_is_that_of_the_paper() -> None:
    """Every term of a whole model against distributions: log p(x|z) − KL(z1) − KL(z2) + log p(μ2) / n."""
    model, batch = hierarchical_model(), document_batch()
    means = drawn(7, 5)
    outputs = HierarchicalOutputs(batch, model(batch=batch, sample=False), means, torch.ones(7, dtype=torch.bool))
    values = {name: objective(outputs) for name, objective in HIERARCHICAL_OBJECTIVES.items()}
    one, two = outputs.model.factors.sentence, outputs.model.factors.document
    assert one.log_var is not None and two.log_var is not None
    q1, q2 = (Normal(q.mean, (0.5 * q.log_var).exp()) for q in (one, two))
    assert_close(values["J_rec"], outputs.model.token_nll.sum(1), 1e-12)
    assert_close(values["J_kl_1"], kl_divergence(q1, Normal(0.0, 1.0)).sum(1), 1e-9)
    assert_close(values["J_kl_2"], kl_divergence(q2, Normal(means[batch.row], 0.5)).sum(1), 1e-9)
    prior = Normal(0.0, 1.0).log_prob(means[batch.row]).sum(1) / torch.bincount(batch.row)[batch.row]
    assert_close(values["J_mu"], -prior, 1e-9)
    logits = torch.stack([Normal(mean, 0.5).log_prob(two.mean).sum(1) for mean in means], dim=1)
    assert_close(values["J_doc"], -Categorical(logits=logits).log_prob(batch.row), 1e-9)


def test_the_logits_in_closed_form() -> None:
    """−‖z − μ_j‖² / .5: at distances 0, 1 and 2 they are 0, −2 and −8; a row that is no document is left out."""
    codes = torch.tensor([[0.0, 0.0]], dtype=torch.float64)
    means = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, 0.0]], dtype=torch.float64)
    logits = document_logits(codes, means, torch.tensor([True, True, True, False]))
    assert logits.tolist() == [[0.0, -2.0, -8.0, -math.inf]]
    expected = 2 + math.log(1 + math.exp(-2) + math.exp(-8))
    assert float(document_cross_entropy(logits, torch.tensor([1]))[0]) == pytest.approx(expected)


def test_the_logits_are_not_rounded_under_autocast() -> None:
    codes, means = drawn(5, 8).float() * 30, drawn(9, 8, seed=1).float() * 30
    used = torch.ones(9, dtype=torch.bool)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = document_logits(codes, means, used)
    exact = -((codes[:, None].double() - means.double()) ** 2).sum(2) / 0.5
    assert_close(found, exact, 1e-4)


def test_a_row_without_a_document_gets_no_gradient() -> None:
    means = drawn(4, 3).requires_grad_()
    used = torch.tensor([True, True, True, False])
    document_cross_entropy(
        document_logits(drawn(5, 3, seed=1), means, used), torch.tensor([0, 1, 2, 0, 1])
    ).sum().backward()
    assert means.grad is not None and means.grad[3].tolist() == [0, 0, 0]
    assert bool((means.grad[:3].abs().sum(1) > 0).all()) and bool(means.grad.isfinite().all())


def test_inferred_means_maximise_the_posterior() -> None:
    """Σ z̄2 / (N + .25) is where the gradient of Σ_n log N(z̄2_n; μ, .25) + log N(μ; 0, 1) vanishes."""
    codes, row = drawn(7, 3), torch.tensor([0, 1, 1, 2, 2, 2, 2])
    means = document_means(codes, row, 4).requires_grad_()
    log_prob = Normal(means[row], 0.5).log_prob(codes).sum() + Normal(0.0, 1.0).log_prob(means).sum()
    log_prob.backward()
    assert means.grad is not None
    assert_close(means.grad, torch.zeros(4, 3), 1e-12)
    assert_close(means[1], codes[1:3].sum(0) / 2.25, 1e-12)
    assert means[3].tolist() == [0, 0, 0]
