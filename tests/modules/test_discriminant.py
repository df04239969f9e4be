"""The closed-form adversary is linear discriminant analysis."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from textvae.models.adversaries import Adversaries
from textvae.modules.statistics import LinearDiscriminant


def two_clouds(rows: int = 400, size: int = 5, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = (torch.rand(rows, generator=generator) < 0.3).long()
    mixing = torch.randn(size, size, generator=generator)
    z = torch.randn(rows, size, generator=generator) @ mixing
    return z + labels[:, None] * torch.tensor([1.0, 0.0, -1.0, 0.0, 0.5]), labels


def test_posterior_equals_scikit_learn() -> None:
    z, labels = two_clouds()
    adversary = LinearDiscriminant(5, 2, ridge=0.0)
    adversary.observe(z, labels)
    theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(z.numpy(), labels.numpy())
    ours = adversary(z).softmax(1).numpy()
    np.testing.assert_allclose(ours, theirs.predict_proba(z.numpy()), atol=0.01)


def test_statistics_fade() -> None:
    adversary = LinearDiscriminant(5, 2, momentum=0.5)
    z, labels = two_clouds()
    for _ in range(30):
        adversary.observe(z, labels)
    for _ in range(30):
        adversary.observe(-z, labels)
    fresh = LinearDiscriminant(5, 2, momentum=0.5)
    fresh.observe(-z, labels)
    torch.testing.assert_close(adversary(z), fresh(z), rtol=1e-3, atol=1e-3)


def test_nothing_is_trained_and_the_gradient_passes_through() -> None:
    adversaries = Adversaries(3, 5, 2, 7, "discriminant")
    assert not list(adversaries.style_from_content.parameters())
    z, labels = two_clouds()
    adversaries.observe(z, labels)
    z = z.clone().requires_grad_(True)
    adversaries(torch.zeros(len(z), 3), z).style_logits[0][:, 1].sum().backward()
    assert z.grad is not None and bool((z.grad.abs().sum(1) > 0).all())


def test_before_the_first_batch_it_knows_nothing() -> None:
    logits = LinearDiscriminant(5, 3)(torch.randn(4, 5))
    assert torch.equal(logits, torch.zeros(4, 3))


def test_a_label_that_is_missing_from_a_batch_does_no_harm() -> None:
    adversary = LinearDiscriminant(5, 3)
    z, labels = two_clouds()
    adversary.observe(z, labels)  # label 2 never occurs
    assert bool(adversary(z).isfinite().all()) and bool((adversary(z).argmax(1) < 2).all())
