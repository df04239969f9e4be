"""Fitting a prior to codes: it finds their shape, on held-out codes, and repeats bit by bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.laws import assert_close, tiny_batch, tiny_corpus
from tests.sentence_laws import sentence_model
from textvae.errors import UserError
from textvae.experiment.prior_fitting import Codes, PriorSettings, codes_of, fit, gaussian, nll
from textvae.inference.latents.fitted import FOLDER, Fitted, load_fitted, save_fitted
from textvae.inference.latents.model import Sentence
from textvae.modules.latents.base import normal_log_prob
from textvae.modules.noise import NoiseKey

QUICK = PriorSettings(epochs=25, hidden=24, batch_size=64, learning_rate=5e-3, patience=25)


def bent(rows: int, seed: int, noise: float = 0.1) -> Codes:
    """A parabola for label 0 and its mirror image for label 1, far from the origin: no Gaussian."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(rows) % 2
    x = torch.randn(rows, generator=generator)
    mean = torch.stack((3 + x, 1 + (1.0 - 2.0 * label) * x.square()), dim=1)
    return Codes(mean, torch.full((rows, 2), noise), label)


def test_the_fitted_prior_beats_the_standard_normal_and_any_gaussian_on_held_out_codes() -> None:
    train, held_out, test = bent(1200, 0), bent(200, 1), bent(400, 2)
    prior, epoch = fit(train, held_out, 0, QUICK)
    own = nll(lambda z, _: normal_log_prob(z, 0.0, z.new_zeros(())), test)
    found, single = nll(prior.log_prob, test), nll(gaussian(train), test)
    assert epoch > 1 and found < single - 0.2 < own - 1.0
    conditional, _ = fit(train, held_out, 2, QUICK)
    assert nll(conditional.log_prob, test) < found - 0.1, "knowing the label helps"
    drawn = conditional.sample(torch.zeros(2000, dtype=torch.long), NoiseKey(1, 0, 2000))
    assert_close(drawn.mean(0), torch.tensor([3.0, 2.0]), 0.2)


def test_two_attributes_tell_more_than_one() -> None:
    """A parabola that one attribute mirrors and the other lifts."""

    def two(rows: int, seed: int) -> Codes:
        one, lifted = bent(rows, seed), torch.arange(rows) // 2 % 2
        mean = one.mean + torch.stack((torch.zeros(rows), 4.0 * lifted), dim=1)
        return Codes(mean, one.std, torch.stack((one.label, lifted), dim=1))

    train, held_out, test = two(1200, 0), two(200, 1), two(400, 2)
    prior, _ = fit(train, held_out, (2, 2), QUICK)
    first, _ = fit(*(Codes(x.mean, x.std, x.label[:, 0]) for x in (train, held_out)), 2, QUICK)
    assert prior.shape.labels == 4 and prior.shape.attributes == (2, 2) and first.shape.attributes == ()
    assert nll(prior.log_prob, test) < nll(first.log_prob, Codes(test.mean, test.std, test.label[:, 0])) - 0.1
    drawn = prior.sample(torch.tensor([[1, 1]]).expand(2000, -1), NoiseKey(1, 0, 2000))
    assert_close(drawn.mean(0), torch.tensor([3.0, 4.0]), 0.25)


def test_the_gaussian_beside_it_is_that_of_the_draws() -> None:
    train = bent(4000, 0, noise=0.7)
    covariance = train.draws(1).T.cov()
    normal = torch.distributions.MultivariateNormal(train.draws(1).mean(0), covariance)
    z = train.draws(2)[:50]
    assert_close(gaussian(train)(z, train.label), normal.log_prob(z).double(), 0.05)
    mean, std = train.spread()
    assert_close(std, train.draws(3).std(0), 0.05)
    assert_close(mean, train.mean.mean(0), 1e-6)


def test_the_same_seed_gives_the_same_prior_and_moves_nobodys_generator() -> None:
    torch.manual_seed(5)
    expected = torch.randn(3, generator=torch.Generator().manual_seed(5))
    few = PriorSettings(epochs=2, hidden=4)
    first, second = (fit(bent(200, 0), bent(50, 1), 0, few)[0].state_dict() for _ in range(2))
    assert torch.equal(torch.randn(3), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = fit(bent(200, 0), bent(50, 1), 0, PriorSettings(epochs=2, hidden=4, seed=1))[0].state_dict()
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_the_best_epoch_is_kept_and_patience_ends_the_fit() -> None:
    train, held_out = bent(64, 0), bent(64, 1)
    wild = PriorSettings(epochs=40, hidden=24, batch_size=8, learning_rate=0.3, patience=2)
    prior, epoch = fit(train, held_out, 0, wild)
    untrained, none = fit(train, held_out, 0, PriorSettings(epochs=1, hidden=24, learning_rate=1e-12))
    assert epoch < 40 and nll(prior.log_prob, held_out) <= nll(untrained.log_prob, held_out)
    assert none in (0, 1)


@pytest.mark.parametrize("kind", ["gaussian", "deterministic", "flow"])
def test_codes_are_the_posteriors_of_the_sentences(kind: str) -> None:
    model = Sentence(sentence_model(latent=kind, dtype=torch.float32))
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    found, batch = codes_of(model, "z", tiny_corpus(6)), tiny_batch(6)
    with torch.no_grad():
        output = model.network.encode(batch.input_ids, batch.attention_mask)
    assert_close(found.mean, output.mean, 1e-5)
    std = torch.zeros_like(output.mean) if output.log_var is None else (0.5 * output.log_var).exp()
    assert_close(found.std, std, 1e-5)
    assert found.label.tolist() == batch.style.tolist() and len(found[::2]) == 3
    assert not torch.equal(found.draws(1), found.draws(2)) or output.log_var is None
    fit(found, found, 0, PriorSettings(epochs=1, hidden=4))
    assert all(torch.equal(before[name], value) for name, value in model.network.state_dict().items()), "frozen"


def test_saved_and_loaded_it_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    model = Sentence(sentence_model(dtype=torch.float32))
    prior, _ = fit(codes_of(model, "z", tiny_corpus(40)), codes_of(model, "z", tiny_corpus(9, 1)), 0, QUICK)
    save_fitted(tmp_path, Fitted(prior, "z", {"epoch": 3}))
    assert sorted(path.suffix for path in (tmp_path / FOLDER).iterdir()) == [".json", ".safetensors"]
    loaded = load_fitted(tmp_path, model)
    assert loaded.part == "z" and loaded.facts == {"epoch": 3}
    assert all(torch.equal(value, loaded.prior.state_dict()[name]) for name, value in prior.state_dict().items())
    label, key = torch.zeros(5, dtype=torch.long), NoiseKey(1, 0, 5)
    assert torch.equal(loaded.prior.sample(label, key), prior.sample(label, key))
    drawn = model.prior(0, 5, None, 3, {"z": loaded.prior})
    assert torch.equal(drawn, model.prior(0, 9, None, 3, {"z": prior})[:5])
    assert not torch.equal(drawn, model.prior(0, 5, None, 3))


def test_what_is_missing_damaged_or_of_another_model_is_told(tmp_path: Path) -> None:
    model = Sentence(sentence_model(dtype=torch.float32))
    with pytest.raises(UserError, match="textvae fit-prior"):
        load_fitted(tmp_path, model)
    prior, _ = fit(bent(100, 0), bent(20, 1), 0, PriorSettings(epochs=1, hidden=4))
    save_fitted(tmp_path, Fitted(prior, "z"))
    with pytest.raises(UserError, match="another model: it has 2 numbers"):
        load_fitted(tmp_path, model)
    weights = tmp_path / FOLDER / "prior.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    with pytest.raises(UserError, match="damaged"):
        load_fitted(tmp_path, model)
    (tmp_path / FOLDER / "prior.json").write_text("{}")
    with pytest.raises(UserError, match="damaged"):
        load_fitted(tmp_path, model)


@pytest.mark.parametrize("settings", [{"epochs": 0}, {"hidden": 0}, {"learning_rate": 0.0}, {"sentences": 0}])
def test_settings_that_cannot_be(settings: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(settings))):
        PriorSettings(**settings)  # type: ignore[arg-type]
