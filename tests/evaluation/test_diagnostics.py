"""Diagnostics of a latent, against closed forms of a linear Gaussian model."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from tests.laws import assert_close, tiny_collator, tiny_corpus
from tests.sentence_laws import KINDS, SIZE, sentence_model
from textvae.data.batch import Batch
from textvae.evaluation.diagnostics.collapse import warnings
from textvae.evaluation.diagnostics.config import DiagnosticsConfig
from textvae.evaluation.diagnostics.diagnosis import Diagnosis, Looked, diagnose, look, summarise
from textvae.evaluation.diagnostics.measures import (
    active_units,
    code_use,
    importance_weighted_nll,
    log_aggregate,
    mutual_information,
    position_gain,
)
from textvae.evaluation.diagnostics.report import rows
from textvae.modules.latents.base import normal_log_prob
from textvae.modules.noise import NoiseKey

CONFIG = DiagnosticsConfig(max_sentences=40, samples=3)


class LinearGaussian:
    """x = W z + b + noise, z ~ N(0, I): log p(x) is a normal density, the posterior another one."""

    def __init__(self, seed: int = 0, size: int = 2, width: int = 3):
        generator = torch.Generator().manual_seed(seed)
        self.weight = torch.randn(width, size, generator=generator, dtype=torch.float64)
        self.variance, self.size, self.width = 0.7, size, width
        self.marginal = MultivariateNormal(
            torch.zeros(width, dtype=torch.float64),
            self.weight @ self.weight.T + self.variance * torch.eye(width, dtype=torch.float64),
        )

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        return normal_log_prob(x, z @ self.weight.T, torch.tensor(self.variance, dtype=torch.float64).log())

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (N, Z) and covariance (Z, Z)."""
        eye = torch.eye(self.size, dtype=torch.float64)
        covariance = torch.linalg.inv(eye + self.weight.T @ self.weight / self.variance)
        return x @ self.weight @ covariance / self.variance, covariance


def test_importance_weights_give_the_known_likelihood() -> None:
    """With q the posterior every weight is p(x); with another q the bound closes in on it from above."""
    model = LinearGaussian()
    torch.manual_seed(0)
    x = model.marginal.sample((5,))
    truth = -model.marginal.log_prob(x)
    mean, covariance = model.posterior(x)
    exact = MultivariateNormal(mean, covariance)

    def estimate(q: MultivariateNormal, draws: int) -> Tensor:
        z = q.sample((draws,))
        zero = torch.zeros((), dtype=torch.float64)
        weights = model.log_likelihood(x, z) + normal_log_prob(z, 0.0, zero) - q.log_prob(z)
        return importance_weighted_nll(weights)

    assert_close(estimate(exact, 3), truth, 1e-9)
    other = MultivariateNormal(mean + 0.3, 1.5 * torch.diag(covariance.diagonal()))
    one = torch.stack([estimate(other, 1) for _ in range(300)]).mean(0)
    many = estimate(other, 20000)
    assert (one > truth).all(), "K = 1 is the negative evidence lower bound"
    assert_close(many, truth, 0.02)
    assert ((many - truth).abs() < one - truth).all()


def test_one_draw_is_the_negative_evidence_lower_bound() -> None:
    weights = torch.tensor([[-3.0, -5.0]])
    assert importance_weighted_nll(weights).tolist() == [3.0, 5.0]


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0])
def test_mutual_information_of_known_posteriors(spread: float) -> None:
    """Posteriors that are all the same tell nothing; N that never overlap tell log N."""
    n = 16
    means = spread * torch.arange(n, dtype=torch.float64)[:, None].expand(n, 2)
    log_vars = torch.zeros(n, 2, dtype=torch.float64)
    torch.manual_seed(0)
    noise = torch.randn(n, 2, dtype=torch.float64)
    z = means + noise
    found = mutual_information(normal_log_prob(z, means, log_vars), log_aggregate(z, means, log_vars))
    expected = {0.0: 0.0, 30.0: math.log(n)}
    if spread in expected:
        assert found == pytest.approx(expected[spread], abs=1e-9)
    else:
        assert 0.0 < found < math.log(n)


def test_the_aggregate_of_one_posterior_is_that_posterior() -> None:
    z = torch.randn(300, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mean, log_var = torch.full((1, 3), 0.4, dtype=torch.float64), torch.full((1, 3), -0.7, dtype=torch.float64)
    assert_close(log_aggregate(z, mean, log_var), normal_log_prob(z, mean, log_var), 1e-12)


def test_active_units_codes_and_gains_by_hand() -> None:
    means = torch.tensor([[0.0, 1.0, 0.05], [0.0, -1.0, -0.05], [0.0, 0.0, 0.0]])
    assert active_units(means, 0.01) == 1 and active_units(means, 0.001) == 2 and active_units(means, 0.9) == 0
    perplexity, used = code_use(torch.tensor([[0, 1], [1, 0], [3, 3]]), 8)
    assert perplexity == pytest.approx(3.0) and used == 3
    assert code_use(torch.zeros(4, 2, dtype=torch.long), 8) == (pytest.approx(1.0), 1)
    with_z, without = torch.tensor([[1.0, 2.0], [1.0, 0.0]]), torch.tensor([[2.0, 2.5], [4.0, 0.0]])
    valid = torch.tensor([[True, True], [True, False]])
    assert position_gain(with_z, without, valid, 10) == [2.0, 0.5]
    assert position_gain(with_z, without, valid, 1) == [2.0]


class Wired:
    """A sentence model whose words are coin flips that z decides: p(x_t = the sentence's own) = sigmoid(z_0)."""

    def __init__(self, **options: Any):
        self.model = sentence_model(**options)

    def nll(self, z: Tensor, batch: Batch) -> Tensor:
        return torch.nn.functional.softplus(-z[:, :1]) * (batch.labels >= 0)


@pytest.mark.parametrize(("latent", "prior"), KINDS)
def test_what_a_latent_has_is_found_and_what_it_has_not_is_none(latent: str, prior: str) -> None:
    model = sentence_model(latent=latent, prior=prior, dtype=torch.float32)
    found = diagnose(model, tiny_corpus(40), tiny_collator(), CONFIG)
    again = diagnose(model, tiny_corpus(40), tiny_collator(), CONFIG)
    assert found == again
    assert found.sentences == 40 and found.size == SIZE and found.probe is not None
    assert (found.rate is None) == (found.nll is None) == (found.perplexity is None)
    assert (found.codes_used is None) == (model.latent.codebook_size == 0)
    assert found.mutual_information is None or found.mutual_information <= math.log(40) + 1e-6
    assert all(math.isfinite(value) for value in found.numbers().values())
    assert len(list(rows(found))) >= 6 and len(found.gains) == 8


def test_rate_and_distortion_bound_the_likelihood() -> None:
    """NLL with one draw is distortion plus a one-draw estimate of the rate; more draws lower it on average."""
    model = sentence_model(dtype=torch.float64)
    one, many = (diagnose(model, tiny_corpus(60), tiny_collator(), replace(CONFIG, samples=k)) for k in (1, 40))
    assert one.nll is not None and one.rate is not None and many.nll is not None
    assert many.nll < one.nll
    assert one.nll == pytest.approx(one.distortion + one.rate, abs=1.0)
    assert many.perplexity == pytest.approx(math.exp(many.nll * many.sentences / many.words))


def test_a_decoder_that_ignores_z_is_called_collapsed_and_one_that_reads_it_is_not() -> None:
    deaf, hearing = (sentence_model(initial_std=0.01, dtype=torch.float64) for _ in range(2))
    with torch.no_grad():
        deaf.decoder.bridge.weight.zero_()
        deaf.decoder.rnn.weight_ih_l0[:, 6:] = 0.0
        hearing.latent.mean.weight.mul_(20)
        hearing.decoder.bridge.weight.mul_(20)
        hearing.output.linear.weight.mul_(30)
    looks = [diagnose(model, tiny_corpus(60), tiny_collator(), CONFIG) for model in (deaf, hearing)]
    assert looks[0].swapped == pytest.approx(0.0, abs=1e-9) and looks[0].gain == pytest.approx(0.0, abs=1e-9)
    assert abs(looks[1].swapped) > 0.02
    said = warnings(looks[0], CONFIG)
    assert len(said) == 1 and "collapsed" in said[0] and "word_dropout" in said[0]
    assert not any("collapsed" in text for text in warnings(replace(looks[1], swapped=0.5), CONFIG))


def test_dead_codes_and_idle_dimensions_are_told() -> None:
    found = diagnose(sentence_model(dtype=torch.float64), tiny_corpus(30), tiny_collator(), CONFIG)
    well = replace(found, swapped=1.0, active_units=SIZE)
    assert warnings(well, CONFIG) == []
    assert "dimensions of z vary" in warnings(replace(well, active_units=0), CONFIG)[0]
    assert "never chosen" in warnings(replace(well, codebook=64, codes_used=3, code_perplexity=2.0), CONFIG)[0]


def test_the_likelihood_of_a_model_with_a_known_integral() -> None:
    """Words of probability sigmoid(z_0) each: p(x) = ∫ σ(z)^T N(z; 0, 1) dz by quadrature."""
    model, corpus = sentence_model(dtype=torch.float64), tiny_corpus(20)
    object.__setattr__(model, "nll", Wired().nll)
    config = replace(CONFIG, samples=4000)
    looked = Looked()
    batch = tiny_collator()(corpus, torch.arange(20).numpy())
    with torch.inference_mode():
        look(model, batch, NoiseKey(1, 0, 20), config.samples, looked)
    found: Diagnosis = summarise(model, looked, config)
    grid = torch.linspace(-9, 9, 20001, dtype=torch.float64)
    density = normal_log_prob(grid[:, None], 0.0, torch.zeros((), dtype=torch.float64))
    lengths = (batch.labels >= 0).sum(1)
    likely = torch.nn.functional.logsigmoid(grid)
    log_p = [torch.logsumexp(n * likely + density, 0) + math.log(18 / 20000) for n in lengths]
    assert found.nll == pytest.approx(-float(torch.stack(log_p).mean()), abs=0.03)
