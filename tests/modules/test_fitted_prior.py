"""The fitted prior: a density whose inverse and Jacobian are right, from which is drawn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tests.laws import assert_close
from textvae.modules.fitted_prior import FittedPrior, FittedPriorShape
from textvae.modules.noise import NoiseKey

LABELS = 3
every_shape = pytest.mark.parametrize(("size", "labels"), [(2, 0), (4, 0), (5, LABELS)])


def build(size: int, labels: int) -> FittedPrior:
    """A prior whose flow is far from the identity."""
    torch.manual_seed(3)
    prior = FittedPrior(FittedPriorShape(size, labels, transforms=3, hidden=6)).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.mul_(2.0)
    prior.standardise(torch.linspace(-2, 2, size).double(), torch.linspace(0.3, 3, size).double())
    return prior


def z(rows: int, size: int) -> Tensor:
    return 2 * torch.randn(rows, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@every_shape
def test_inverse_and_jacobian_are_those_of_autograd(size: int, labels: int) -> None:
    prior, codes = build(size, labels), z(6, size)
    label = torch.arange(6) % LABELS
    for row in range(6):

        def forward(v: Tensor, row: int = row) -> Tensor:
            x = (v - prior.centre) / prior.scale
            return prior.given(label[row : row + 1]).transform(x[None])[0]

        point = forward(codes[row])
        back = prior.centre + prior.scale * prior.given(label[row : row + 1]).transform.inv(point[None])[0]
        assert_close(back, codes[row], 1e-6)
        jacobian = torch.autograd.functional.jacobian(forward, codes[row])
        base = -0.5 * (point.square() + math.log(2 * math.pi)).sum()
        assert_close(prior.log_prob(codes, label)[row], base + torch.linalg.slogdet(jacobian).logabsdet, 1e-6)


def test_several_attributes_are_told_side_by_side() -> None:
    torch.manual_seed(3)
    prior = FittedPrior(FittedPriorShape(4, 5, 3, 6, attributes=(3, 2))).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.mul_(2.0)
    labels = torch.cartesian_prod(torch.arange(3), torch.arange(2))
    found = prior.log_prob(z(1, 4).expand(6, -1), labels)
    assert len(found.unique()) == 6, "each combination has a density of its own"
    torch.testing.assert_close(prior.log_prob(z(1, 4), labels[3:4])[0], found[3])
    told = torch.tensor([[0.0, 1.0, 0.0, 0.0, 1.0]]).double()  # labels 1 of 3 and 1 of 2
    torch.testing.assert_close(prior.flow(told).log_prob(z(1, 4))[0], found[3])


def test_it_integrates_to_one_and_is_what_is_sampled() -> None:
    prior = build(2, 0)
    axis = torch.linspace(-25, 25, 501, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    cell = float(axis[1] - axis[0]) ** 2
    with torch.no_grad():
        density = prior.log_prob(grid).exp()
        assert float(density.sum()) * cell == pytest.approx(1.0, abs=0.01)
        drawn = prior.sample(torch.zeros(20000, dtype=torch.long), NoiseKey(1, 0, 20000))
        assert_close(drawn.mean(0), (grid * density[:, None]).sum(0) * cell, 0.1)


def test_labels_make_a_difference_only_where_it_is_conditional() -> None:
    one, other = torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.long)
    conditional, plain = build(5, LABELS), build(4, 0)
    key = NoiseKey(5, 0, 4)
    assert not torch.equal(conditional.sample(one, key), conditional.sample(other, key))
    assert torch.equal(plain.sample(one, key), plain.sample(other, key))
    assert torch.equal(plain.log_prob(z(4, 4)), plain.log_prob(z(4, 4), other))
    with pytest.raises(AssertionError, match="conditional"):
        conditional.log_prob(z(4, 5))


def test_draws_do_not_depend_on_the_split() -> None:
    prior, key = build(4, 0), NoiseKey(7, 0, 6)
    label = torch.zeros(6, dtype=torch.long)
    parts = [prior.sample(label[a:b], key.part(a)) for a, b in ((0, 2), (2, 6))]
    assert_close(torch.cat(parts), prior.sample(label, key), 1e-12)


def test_a_number_that_never_changes_keeps_its_unit() -> None:
    prior = build(4, 0)
    prior.standardise(torch.zeros(4), torch.tensor([1.0, 0.0, 2.0, 1e-9]))
    assert prior.scale.tolist() == [1.0, 1.0, 2.0, 1.0]
    assert prior.log_prob(z(3, 4)).isfinite().all()
