"""Erasure leaves a linear reader nothing, changes little else, and is an affine map with a gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.laws import assert_close, tiny_model
from textvae.errors import UserError
from textvae.evaluation.probes import probe
from textvae.models.configuration import StyleContentVAEConfig
from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.statistics import LinearEraser

ROWS, SIZE = 4000, 6


def clouds(classes: int, seed: int = 0, rows: int = ROWS) -> tuple[Tensor, Tensor]:
    """Correlated vectors whose mean depends on an uneven label."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    shift = 3 * torch.randn(classes, SIZE, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    shares = torch.arange(1, classes + 1, dtype=torch.float64)
    labels = torch.multinomial(shares, rows, replacement=True, generator=generator)
    z = torch.randn(rows, SIZE, generator=generator, dtype=torch.float64) @ mixing + 5
    return z + shift[labels], labels


def fitted(classes: int) -> LinearEraser:
    eraser = LinearEraser(SIZE, classes, ridge=0.0).double()
    eraser.fit(*clouds(classes))
    return eraser


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_a_linear_probe_reads_the_label_before_and_not_after(classes: int) -> None:
    eraser, (train, y), (dev, y_dev) = fitted(classes), clouds(classes), clouds(classes, seed=1)
    before = probe(train.numpy(), y.numpy(), dev.numpy(), y_dev.numpy())
    after = probe(eraser(train).numpy(), y.numpy(), eraser(dev).numpy(), y_dev.numpy())
    chance = max(1 / classes, after.majority)
    assert before.accuracy > chance + 0.2 and after.accuracy < chance + 0.05


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_all_labels_have_one_mean_and_the_common_mean_stays(classes: int) -> None:
    z, labels = clouds(classes)
    erased = fitted(classes)(z)
    assert_close(erased.mean(0), z.mean(0), 1e-9)
    for label in range(classes):
        assert_close(erased[labels == label].mean(0), z.mean(0), 1e-8)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_it_is_a_projection_of_rank_z_minus_k_plus_1(classes: int) -> None:
    eraser, (z, _) = fitted(classes), clouds(classes)
    once = eraser(z)
    assert_close(eraser(once), once, 1e-8)
    assert torch.linalg.matrix_rank(once - once.mean(0), rtol=1e-8) == SIZE - (classes - 1)


def test_no_other_projection_with_that_property_changes_less() -> None:
    """Against the orthogonal projection along the difference of the means."""
    z, labels = clouds(2)
    difference = z[labels == 1].mean(0) - z[labels == 0].mean(0)
    direction = difference / difference.norm()
    other = z - ((z - z.mean(0)) @ direction)[:, None] * direction
    covariance = torch.cov(z.T)

    def change(erased: Tensor) -> float:  # in the norm of theorem 4.3 with M = Σ⁻¹; it holds for every M
        d = erased - z
        return float((d @ torch.linalg.inv(covariance) * d).sum(1).mean())

    assert change(fitted(2)(z)) < change(other)


def test_statistics_fade_and_fit_forgets_them() -> None:
    (first, labels), (second, other) = clouds(2), clouds(2, seed=3)
    running = LinearEraser(SIZE, 2, momentum=0.5, ridge=0.0).double()
    running.observe(-7 * first, labels)
    for _ in range(40):
        running.observe(second, other)
    fresh = LinearEraser(SIZE, 2, ridge=0.0).double()
    fresh.observe(second, other)
    assert_close(running(first), fresh(first), 1e-6)
    running.fit(first, labels)
    fresh.fit(first, labels)
    assert_close(running(second), fresh(second), 1e-12)


def test_before_the_first_batch_nothing_is_erased() -> None:
    z = torch.randn(3, SIZE)
    assert torch.equal(LinearEraser(SIZE, 2)(z), z)


def test_a_label_never_seen_and_a_gradient() -> None:
    eraser = LinearEraser(SIZE, 4).double()
    z, labels = clouds(2)
    eraser.observe(z, labels)
    z.requires_grad_(True)
    eraser(z).square().sum().backward()
    assert z.grad is not None and bool(z.grad.isfinite().all()) and bool((z.grad.abs().sum(1) > 0).all())


def test_only_content_is_erased_and_not_where_nothing_would_be_left() -> None:
    with pytest.raises(UserError, match="erase_labels takes 6"):
        LinearEraser(6, 7)
    config = StyleContentVAEConfig(style_space={"size": 4, "erase_labels": True}, labels=["a", "b"])
    with pytest.raises(UserError, match="erase it from content"):
        StyleContentVAE(config)


def test_the_model_erases_what_it_was_fitted_on() -> None:
    model = tiny_model(erase=True)
    ids = torch.randint(5, 37, (60, 6), generator=torch.Generator().manual_seed(0))
    labels = torch.arange(60) % 3
    mask = torch.ones_like(ids, dtype=torch.bool)
    model.fit_eraser(model.encode(ids, mask).content.unerased.detach(), labels)
    content = model.encode(ids, mask).content
    means = torch.stack([content.mean[labels == k].mean(0) for k in range(3)])
    unerased = torch.stack([content.unerased[labels == k].mean(0) for k in range(3)])
    assert (means - means.mean(0)).norm() < 0.01 * (unerased - unerased.mean(0)).norm()
