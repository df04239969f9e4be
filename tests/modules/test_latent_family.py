"""Golden tests of the latents whose penalty or prior is their own."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tests.laws import FEW, assert_close
from textvae.errors import UserError
from textvae.modules.config import LatentConfig
from textvae.modules.latents import build_latent
from textvae.modules.latents.flow import FlowLatent
from textvae.modules.latents.gaussian import RATE, SCALES, imq, info_nce, mmd_rows
from textvae.modules.latents.vq import VQLatent
from textvae.modules.noise import NoiseKey

ROWS, WIDTH, SIZE = 10, 6, 4
LABEL = torch.arange(ROWS) % 3


def build(kind: str, **options: object):  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    values = {"kind": kind, "size": SIZE, **FEW, "slots": 2, **options}
    return build_latent(LatentConfig(**values), WIDTH, 3, 0).double()


def x(rows: int = ROWS, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


# ---------------------------------------------------------------------------------------------- bottleneck
@pytest.mark.parametrize("control", ["lagrangian", "absolute"])
def test_the_rate_is_charged_by_its_distance_from_the_target(control: str) -> None:
    latent = build("bottleneck", target_rate=1.5, rate_control=control)
    out = latent(x())
    rates = out.penalty_units.sum(1)
    assert_close(out.penalty, rates - 1.5, 1e-12)  # the multiplier begins at 1
    assert_close(latent.cost(out), (rates.mean() - 1.5).abs().expand(ROWS), 1e-12)
    latent.observe([out.detach()], LABEL)
    excess = float(rates.detach().mean()) / 1.5 - 1
    expected = {"absolute": math.copysign(1.0, excess), "lagrangian": math.exp(RATE * excess)}
    assert float(latent.multiplier) == pytest.approx(expected[control])
    assert_close(latent(x()).penalty, float(latent.multiplier) * (rates - 1.5), 1e-9)


def test_below_the_target_the_absolute_distance_pushes_up() -> None:
    latent = build("bottleneck", target_rate=1000.0, rate_control="absolute")
    latent.observe([latent(x()).detach()], LABEL)
    out = latent(x())
    assert_close(out.penalty.mean(), (out.penalty_units.sum(1).mean() - 1000.0).abs(), 1e-9)


def test_the_multiplier_holds_the_rate_at_its_target() -> None:
    """min ½ Z log(1 + 100 / s)-like distortion under a rate: whatever the distortion's pull, the rate ends at C."""
    latent = build("bottleneck", target_rate=2.0)
    optimizer = torch.optim.Adam(latent.parameters(), lr=0.02)
    inputs, rates = x(), []
    for step in range(600):
        out = latent(inputs, sample=True, key=NoiseKey(step, 0, ROWS))
        loss = 5 * (out.value - 2 * inputs[:, :SIZE]).square().sum(1).mean() + out.penalty.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        latent.observe([out.detach()], LABEL)
        rates.append(float(out.detach().penalty_units.sum(1).mean()))
    assert sum(rates[-100:]) / 100 == pytest.approx(2.0, rel=0.1)


# ---------------------------------------------------------------------------------------------- MMD
def test_mmd_by_hand() -> None:
    """U-statistic over three rows, kernel written out."""
    z, p = (torch.randn(3, 2, generator=torch.Generator().manual_seed(s), dtype=torch.float64) for s in (0, 1))

    def k(a: Tensor, b: Tensor) -> float:
        return sum(4 * s / (4 * s + float((a - b).square().sum())) for s in SCALES)

    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    expected = sum(k(z[i], z[j]) + k(p[i], p[j]) - 2 * k(z[i], p[j]) for i, j in pairs) / 6
    assert float(mmd_rows(z, p).mean()) == pytest.approx(expected)
    assert float(imq(z, z).diagonal().mean()) == pytest.approx(len(SCALES))
    assert mmd_rows(z[:1], p[:1]).tolist() == [0.0]


def test_mmd_is_near_zero_at_the_prior_and_positive_away_from_it() -> None:
    draws = [torch.randn(400, 3, generator=torch.Generator().manual_seed(s), dtype=torch.float64) for s in range(2)]
    assert abs(float(mmd_rows(*draws).mean())) < 0.01
    assert float(mmd_rows(draws[0] + 1.0, draws[1]).mean()) > 0.1
    assert float(mmd_rows(0.2 * draws[0], draws[1]).mean()) > 0.1


@pytest.mark.parametrize(("alpha", "weight"), [(1.0, 3.0), (0.25, 10.0)])
def test_infovae_mixes_kl_and_mmd(alpha: float, weight: float) -> None:
    latent = build("mmd", alpha=alpha, mmd_weight=weight)
    out = latent(x(), LABEL, sample=True, key=NoiseKey(3, 0, ROWS))
    prior = latent.prior_draws(out.value, LABEL, NoiseKey(3, 0, ROWS))
    expected = (1 - alpha) * out.penalty_units.sum(1) + (alpha + weight - 1) * mmd_rows(out.value, prior)
    assert_close(out.penalty, expected, 1e-12)


# ---------------------------------------------------------------------------------------------- InfoMax
def test_info_nce_of_scores_that_say_nothing_is_log_b_and_of_sure_ones_zero() -> None:
    mask = torch.tensor([[True, True], [True, False], [True, True]])
    assert_close(info_nce(torch.zeros(3, 2, 3), mask), torch.full((3,), math.log(3)), 1e-6)
    sure = 50.0 * torch.eye(3)[:, None].expand(3, 2, 3)
    assert_close(info_nce(sure, mask), torch.zeros(3), 1e-6)
    scores = torch.randn(3, 2, 3, generator=torch.Generator().manual_seed(0))
    by_hand = -scores.log_softmax(-1)[1, 0, 1]  # the second sentence has one word
    assert_close(info_nce(scores, mask)[1], by_hand, 1e-6)


def test_infomax_adds_the_contrast_to_the_kl() -> None:
    latent, states = build("infomax", nce_weight=0.3), x(ROWS * 2).view(ROWS, 2, WIDTH)
    mask = torch.ones(ROWS, 2, dtype=torch.bool)
    out = latent(x(), tokens=(states, mask))
    contrast = info_nce(latent.score(states) @ out.value.T, mask)
    assert_close(out.penalty, out.penalty_units.sum(1) + 0.3 * contrast, 1e-12)


# ---------------------------------------------------------------------------------------------- BatchNorm
@pytest.mark.parametrize("scale", [3.0, 1e-3])
def test_means_have_the_spread_asked_for_and_so_the_rate_a_floor(scale: float) -> None:
    """KL ≥ ½ Z γ², Zhu et al. 2020, eq. 7, whatever the encoder does, also with states close together."""
    latent = build("batch_norm", norm_scale=0.6).train()
    out = latent(x(200, scale=scale))
    assert_close(out.mean.mean(0), torch.zeros(SIZE), 1e-9)
    assert_close(out.mean.std(0, correction=0), torch.full((SIZE,), 0.6), 0.01)
    assert float(out.penalty.mean()) >= 0.5 * SIZE * 0.6**2 * 0.999


def test_one_row_and_evaluation_use_the_running_statistics() -> None:
    latent = build("batch_norm").train()
    for _ in range(200):
        latent(x())
    alone, whole = latent(x()[:1]).mean, latent.eval()(x()).mean[:1]
    assert_close(alone, whole, 1e-9)


# ---------------------------------------------------------------------------------------------- flow
@pytest.mark.parametrize("prior", ["standard", "class_conditional"])
def test_the_flow_is_invertible_and_its_density_has_the_jacobian(prior: str) -> None:
    latent: FlowLatent = build("flow", prior=prior)
    z = x()[:, :SIZE]
    transform = latent.prior(LABEL, ROWS, z).transform
    assert_close(transform.inv(transform(z)), z, 1e-6)
    centre = latent.prior_mean(LABEL)
    for row in range(3):

        def f(v: Tensor, row: int = row) -> Tensor:
            shifted = v - centre[row] if isinstance(centre, Tensor) else v
            return latent.prior(LABEL[row : row + 1], 1, z).transform(shifted[None])[0]

        jacobian = torch.autograd.functional.jacobian(f, z[row])
        base = -0.5 * (f(z[row]).square() + math.log(2 * math.pi)).sum()
        assert_close(latent.log_prior(z, LABEL)[row], base + torch.linalg.slogdet(jacobian).logabsdet, 1e-6)


def test_the_flow_prior_integrates_to_one_and_is_what_is_sampled() -> None:
    latent: FlowLatent = build("flow", size=2)
    axis = torch.linspace(-12, 12, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        density = latent.log_prior(grid).exp()
        cell = float(axis[1] - axis[0]) ** 2
        assert float(density.sum()) * cell == pytest.approx(1.0, abs=0.01)
        drawn = latent.sample_prior(torch.zeros(20000, dtype=torch.long), NoiseKey(1, 0, 20000))
        assert_close(drawn.mean(0), (grid * density[:, None]).sum(0) * cell, 0.05)


def test_the_penalty_of_a_flow_is_unbiased_at_the_draw_that_is_decoded() -> None:
    latent: FlowLatent = build("flow")
    out = latent(x(), sample=True, key=NoiseKey(1, 0, ROWS))
    assert_close(out.penalty, latent.log_posterior(out, out.value) - latent.log_prior(out.value), 1e-12)
    assert_close(out.penalty, -latent.log_ratio(out, out.value), 1e-12)
    with pytest.raises(UserError, match="free_bits"):
        build("flow", free_bits=0.1)
    with pytest.raises(UserError, match="size"):
        build("flow", size=1)


# ---------------------------------------------------------------------------------------------- codes
def test_slots_take_the_nearest_entry_and_the_gradient_goes_straight_through() -> None:
    latent: VQLatent = build("vq")
    inputs = x().requires_grad_()
    out = latent(inputs)
    slots, entries = out.unerased.detach().view(ROWS, 2, 2), latent.entries
    distances = (slots[:, :, None] - entries).square().sum(-1)
    assert torch.equal(out.codes, distances.argmin(-1))
    assert_close(out.value, latent.vectors(out.codes), 1e-12)
    (through,) = torch.autograd.grad(out.value.sum(), inputs, retain_graph=True)
    assert_close(through, latent.mean.weight.sum(0).expand(ROWS, -1), 1e-9)
    commitment = 0.25 * (out.unerased - latent.vectors(out.codes)).square().sum(1)
    assert_close(out.penalty, out.penalty_units.sum(1) + commitment, 1e-12)


def test_the_prior_over_codes_is_a_distribution_and_what_is_sampled() -> None:
    latent: VQLatent = build("vq", codebook=3)
    every = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    with torch.no_grad():
        probabilities = (-latent.prior.nll(every, None).sum(1)).exp()
        assert float(probabilities.sum()) == pytest.approx(1.0)
        codes = latent.prior.sample(torch.zeros(9000, dtype=torch.long), 2, NoiseKey(1, 0, 9000), 0)
    shares = torch.bincount(codes[:, 0] * 3 + codes[:, 1], minlength=9) / 9000
    assert (shares - probabilities).abs().max() < 5 * math.sqrt(0.25 / 9000)


def test_the_codebook_becomes_the_mean_of_what_chooses_it() -> None:
    """Three tight clusters and an entry near each: every entry ends at its cluster's mean."""
    latent: VQLatent = build("vq", size=2, slots=1, codebook=3, codebook_decay=0.8)
    with torch.no_grad():
        latent.mean.weight.copy_(torch.eye(2, WIDTH))
        latent.mean.bias.zero_()
    centres = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]], dtype=torch.float64)
    inputs = torch.zeros(30, WIDTH, dtype=torch.float64)
    inputs[:, :2] = centres[torch.arange(30) % 3] + 0.01 * x(30)[:, :2]
    with torch.no_grad():
        latent.updates.add_(1)  # the entries are given, not picked
        latent.entries.copy_(centres + 0.7)
        latent.sums.copy_(latent.entries)
        latent.counts.fill_(1.0)
    for _ in range(60):
        latent.observe([latent(inputs).detach()], torch.zeros(30, dtype=torch.long))
    means = torch.stack([inputs[c::3, :2].mean(0) for c in range(3)])
    assert_close(latent.entries, means, 1e-4)
    assert_close(latent.counts, torch.full((3,), 10.0), 1e-3)


@pytest.mark.parametrize("revival", [0.0, 1.0])
def test_dead_entries_live_again_only_where_they_are_revived(revival: float) -> None:
    latent: VQLatent = build("vq", size=2, slots=1, codebook=8, revival=revival, codebook_decay=0.5)
    latent.observe([latent(x(40)).detach()], torch.zeros(40, dtype=torch.long))
    with torch.no_grad():
        latent.entries[4:] = 1000.0
        latent.sums[4:] = 1000.0
        latent.counts[4:] = 1.0
    for _ in range(12):
        latent.observe([latent(x(40)).detach()], torch.zeros(40, dtype=torch.long))
    used = len(latent(x(40)).codes.unique())
    assert used <= 4 if revival == 0 else used > 5


def test_micro_batches_move_the_codebook_as_one_batch_does() -> None:
    whole, parts = build("vq"), build("vq")
    for _ in range(3):
        whole.observe([whole(x()).detach()], LABEL)
        parts.observe([parts(x()[a:b]).detach() for a, b in ((0, 4), (4, 10))], LABEL)
    assert_close(parts.entries, whole.entries, 1e-12)


@pytest.mark.parametrize("options", [{"slots": 3}, {"erase_labels": True}])
def test_what_codes_cannot_do_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UserError, match="slots|erase"):
        build("vq", **options)
