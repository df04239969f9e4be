"""Laws of latent spaces, over every class in LATENTS."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from tests.laws import FEW, assert_close, latent_kinds
from textvae.errors import UserError
from textvae.modules.config import LatentConfig
from textvae.modules.latents import LATENTS, Latent, build_latent
from textvae.modules.noise import NoiseKey

ROWS, WIDTH, SIZE, CLASSES = 9, 7, 4, 3
LABEL = torch.arange(ROWS) % CLASSES
every_kind = pytest.mark.parametrize(("kind", "prior"), latent_kinds())
OTHER_PENALTIES = ("bottleneck", "mmd", "infomax", "flow", "vq")
"""Latents whose penalty is more than the sum over dimensions; theirs have golden tests in test_latent_family.py."""
OTHER_PRIORS = ("flow", "vq")
"""Latents whose prior is not N(m_y, I)."""


def without(*kinds: str) -> pytest.MarkDecorator:
    """Every latent but these, with every prior."""
    return pytest.mark.parametrize(("kind", "prior"), [(k, p) for k, p in latent_kinds() if k not in kinds])


def build(kind: str, prior: str = "standard", stream: int = 0, classes: int = CLASSES, **options: float) -> Latent:
    """In eval mode; every sentence gets three words whose states follow from its summary."""
    torch.manual_seed(0)
    values = {"kind": kind, "size": SIZE, "prior": prior, **FEW, "slots": 2, **options}
    latent = build_latent(LatentConfig(**values), WIDTH, classes, stream).double().eval()
    latent.register_forward_pre_hook(with_tokens, with_kwargs=True)
    return latent


def with_tokens(_: torch.nn.Module, arguments: tuple, options: dict) -> tuple[tuple, dict]:
    states = torch.stack([arguments[0].roll(shift, 1) for shift in range(3)], dim=1)
    return arguments, {"tokens": (states, torch.ones(states.shape[:2], dtype=torch.bool)), **options}


def summaries(rows: int = ROWS, seed: int = 1) -> Tensor:
    return torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def key(seed: int = 3, rows: int = ROWS) -> NoiseKey:
    return NoiseKey(seed, 0, rows)


def random_kinds() -> list[str]:
    """Latents whose sample is not their mean."""
    return [kind for kind in sorted(LATENTS) if build(kind)(summaries()).log_var is not None]


def test_the_dict_and_the_option_name_the_same_kinds() -> None:
    assert set(get_args(get_type_hints(LatentConfig)["kind"])) == set(LATENTS)


@every_kind
def test_shapes(kind: str, prior: str) -> None:
    out = build(kind, prior)(summaries(), LABEL, sample=True, key=key())
    assert out.value.shape == out.mean.shape == (ROWS, SIZE)
    assert out.penalty_units.shape == (ROWS, {"flow": 1, "vq": 2}.get(kind, SIZE))
    assert (out.codes is not None) == (kind == "vq")
    assert out.penalty.shape == (ROWS,)
    assert out.log_var is None or out.log_var.shape == (ROWS, SIZE)


@pytest.mark.parametrize(
    ("kind", "prior", "training"),
    [(k, p, t) for k, p in latent_kinds() for t in (True, False) if not (k == "batch_norm" and t)],
)
def test_the_mean_is_linear(kind: str, prior: str, training: bool) -> None:
    """Dropout or a leaky ReLU on μ or log σ² (as in released codes) would bend it.

    batch_norm divides by the deviation of the batch in training, on purpose; a code is chosen by a linear map.
    """
    latent, x, y = build(kind, prior).train(training), summaries(seed=1), summaries(seed=2)
    for name in ("unerased", "log_var"):
        a, b, both, zero = (getattr(latent(s, LABEL), name) for s in (x, y, 100 * x + y, 0 * x))
        if a is not None:
            assert_close(both - zero, 100 * (a - zero) + (b - zero), 1e-9, name)
            assert (a < 0).any() and (a > 0).any()


@every_kind
def test_without_sampling_the_value_is_the_mean(kind: str, prior: str) -> None:
    latent = build(kind, prior).train()
    out = latent(summaries(), LABEL, sample=False, key=key())
    assert torch.equal(out.value, out.mean)


@pytest.mark.parametrize("kind", random_kinds())
def test_noise_differs_by_row_space_and_step(kind: str) -> None:
    same = summaries(1).expand(ROWS, -1)  # equal sentences: only the noise can tell the rows apart
    values = [build(kind, stream=s)(same, sample=True, key=key(k)).value for s in (0, 1) for k in (3, 4)]
    flat = torch.stack(values).flatten()
    assert len(flat.unique()) == 4 * ROWS * SIZE


@every_kind
def test_noise_does_not_depend_on_how_a_batch_is_split(kind: str, prior: str) -> None:
    latent, x = build(kind, prior), summaries()
    whole = latent(x, LABEL, sample=True, key=key()).value
    parts = [latent(x[a:b], LABEL[a:b], sample=True, key=key().part(a)).value for a, b in ((0, 4), (4, 9))]
    assert_close(torch.cat(parts), whole, 1e-12)


@pytest.mark.parametrize("kind", random_kinds())
@pytest.mark.parametrize("with_key", [True, False])
def test_the_sampled_deviation_is_what_the_penalty_assumes(kind: str, with_key: bool) -> None:
    """std = exp(½ log σ²), not exp(log σ²) or exp(log σ) as in released codes; the mean is μ."""
    rows = 20000 if kind not in ("mmd", "infomax") else 3000  # these compare all rows with all
    wanted = torch.tensor([-3.0, -1.0, 0.5, 2.0], dtype=torch.float64)
    latent = build(kind)
    with torch.no_grad():
        latent.log_var.weight.zero_()
        latent.log_var.bias.copy_(wanted)
    x = summaries(1).expand(rows, -1)
    out = latent(x, sample=True, key=key(rows=rows) if with_key else None)
    std = (0.5 * wanted).exp()
    assert_close(out.value.std(0) / std, torch.ones(SIZE), 5 / math.sqrt(2 * rows))
    assert ((out.value - out.mean).mean(0) / std).abs().max() < 5 / math.sqrt(rows)
    posterior = Normal(out.mean[0], out.value.std(0))
    sampled_kl = kl_divergence(posterior, Normal(torch.zeros(SIZE), torch.ones(SIZE))).sum()
    if kind not in OTHER_PRIORS:
        assert_close(out.penalty_units[0].sum(), sampled_kl, 0.05)


@pytest.mark.parametrize("kind", sorted(set(random_kinds()) - set(OTHER_PRIORS)))
@pytest.mark.parametrize("prior", ["standard", "class_conditional"])
@pytest.mark.parametrize("labelled", [True, False])
def test_the_penalty_is_the_kl_divergence(kind: str, prior: str, labelled: bool) -> None:
    latent, label = build(kind, prior), LABEL if labelled else None
    out = latent(3 * summaries(), label)
    centre = latent.prior_means[LABEL] if prior == "class_conditional" and labelled else torch.zeros(ROWS, SIZE)
    posterior = Normal(out.mean, (0.5 * out.log_var).exp())
    expected = kl_divergence(posterior, Normal(centre, torch.ones(SIZE)))
    assert_close(out.penalty_units, expected, 1e-9)
    if kind not in OTHER_PENALTIES:
        assert_close(out.penalty, kl_divergence(Independent(posterior, 1), Independent(Normal(centre, 1.0), 1)), 1e-9)


@without(*OTHER_PENALTIES, "batch_norm")
def test_the_penalty_is_zero_at_the_prior_and_positive_elsewhere(kind: str, prior: str) -> None:
    latent = build(kind, prior)
    assert (latent(summaries(), LABEL).penalty > 0).all()
    with torch.no_grad():
        for parameter in latent.parameters():
            parameter.zero_()
        if prior == "class_conditional":
            latent.prior_means.fill_(0.7)
            latent.mean.bias.fill_(0.7)
    assert_close(latent(summaries(), LABEL).penalty, torch.zeros(ROWS), 1e-12)


@pytest.mark.parametrize("prior", ["standard", "class_conditional"])
def test_the_penalty_of_a_point_is_half_its_squared_distance(prior: str) -> None:
    latent = build("deterministic", prior)
    out = latent(summaries(), LABEL)
    centre = latent.prior_means[LABEL] if prior == "class_conditional" else 0.0
    assert_close(out.penalty, 0.5 * ((out.mean - centre) ** 2).sum(1), 1e-12)


@without(*OTHER_PENALTIES)
def test_the_penalty_pulls_the_mean_to_its_own_label(kind: str, prior: str) -> None:
    latent = build(kind, prior)
    out = latent(summaries(), LABEL)
    (gradient,) = torch.autograd.grad(out.penalty.sum(), out.mean)
    centre = latent.prior_means[LABEL] if prior == "class_conditional" else 0.0
    assert_close(gradient, out.mean - centre, 1e-9)


@without(*OTHER_PENALTIES)
def test_free_bits_cost_nothing_below_and_the_same_above(kind: str, prior: str) -> None:
    free = build(kind, prior, free_bits=0.4)
    out = free(summaries(), LABEL)
    assert (out.penalty_units < 0.4).any() and (out.penalty_units > 0.4).any(), "the test needs both"
    assert_close(out.penalty, out.penalty_units.clamp(min=0.4).sum(1), 1e-12)
    assert_close(out.penalty_units, build(kind, prior)(summaries(), LABEL).penalty_units, 1e-12)
    (gradient,) = torch.autograd.grad(out.penalty.sum(), out.mean)
    assert (gradient[out.penalty_units < 0.4] == 0).all()
    assert (gradient[out.penalty_units > 0.4] != 0).all()


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("separation", [0.5, 2.0])
def test_prior_means_are_orthogonal_and_as_long_as_asked(classes: int, separation: float) -> None:
    for kind in set(LATENTS) - {"vq"}:
        means = build(kind, "class_conditional", classes=classes, separation=separation).prior_means
        assert_close(means @ means.T, separation**2 * torch.eye(classes), 1e-5)


@pytest.mark.parametrize(("classes", "size"), [(2, 1), (3, 2), (4, 2), (6, 3)])
@pytest.mark.parametrize("seed", range(4))
def test_prior_means_differ_even_with_more_labels_than_dimensions(classes: int, size: int, seed: int) -> None:
    """2 Z directions are opposite or orthogonal: up to so many labels must be well apart."""
    torch.manual_seed(seed)
    config = LatentConfig(size=size, prior="class_conditional")
    means = build_latent(config, WIDTH, classes, 0).prior_means
    distances = torch.cdist(means, means) + 9 * torch.eye(classes)
    assert distances.min() > 0.5 * config.separation


@without(*OTHER_PRIORS)
def test_samples_of_the_prior(kind: str, prior: str) -> None:
    latent, rows = build(kind, prior).float(), 12000
    torch.manual_seed(0)
    label = torch.arange(rows) % CLASSES
    z = latent.sample_prior(label)
    for c in range(CLASSES):
        centre = latent.prior_means[c] if prior == "class_conditional" else torch.zeros(SIZE)
        assert_close(z[label == c].mean(0), centre, 5 / math.sqrt(rows / CLASSES))
        assert_close(z[label == c].std(0), torch.ones(SIZE), 5 / math.sqrt(2 * rows / CLASSES))


@every_kind
def test_detached_numbers_are_the_same_numbers(kind: str, prior: str) -> None:
    out = build(kind, prior)(summaries(), LABEL, sample=True, key=key())
    detached = out.detach()
    for name, value in vars(out).items():
        other = getattr(detached, name)
        assert (value is None and other is None) or (torch.equal(value, other) and not other.requires_grad), name
    assert out.value.requires_grad


@every_kind
def test_posteriors_are_computed_in_fp32_under_autocast(kind: str, prior: str) -> None:
    """A log σ² or KL rounded to 8 bits would swamp the small terms."""
    latent = build(kind, prior).float()
    with torch.autocast("cpu", torch.bfloat16):
        out = latent(summaries().float(), LABEL, sample=True, key=key())
    assert {t.dtype for n, t in vars(out).items() if t is not None and n != "codes"} == {torch.float32}


@every_kind
def test_every_parameter_gets_a_gradient(kind: str, prior: str) -> None:
    latent = build(kind, prior)
    out = latent(summaries(), LABEL, sample=True, key=key())
    (out.value.sum() + out.penalty.sum()).backward()
    assert [n for n, p in latent.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_latent_without_dimensions_is_refused() -> None:
    with pytest.raises(UserError, match="size"):
        LatentConfig(size=0)
    assert replace(LatentConfig(), size=1).size == 1
