"""Laws of every latent space: vectors, draws, ways, arithmetic and scores of raw text."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from random_run import SENTENCES
from torch.distributions import MixtureSameFamily, MultivariateNormal

from textvae.errors import UserError
from textvae.inference.latents.draws import GaussianSum
from textvae.inference.latents.model import prior_centres
from textvae.inference.latents.space import LatentSpace
from textvae.inference.pieces import pad

LINES = [*SENTENCES[::211], "", "zebra and yak", "It was bad. My room is clean!", "good", "the staff is rude ."]


def test_a_line_alone_is_the_line_in_a_batch(space: LatentSpace) -> None:
    together = space.encode(LINES)
    assert together.shape == (len(LINES), space.size) and together.dtype == np.float32
    for line, vector in zip(LINES, together, strict=True):
        np.testing.assert_allclose(space.encode(line), vector, rtol=0, atol=1e-6)
    streamed = [v for _, v in space.encode_stream(iter(LINES), window=3)]
    np.testing.assert_allclose(np.concatenate(streamed), together, rtol=0, atol=1e-6)
    assert len(np.unique(together.round(4), axis=0)) >= len(LINES) - 1, "different sentences, different vectors"


def test_several_sentences_have_the_mean_of_their_vectors(space: LatentSpace) -> None:
    parts = space.encode(["it was bad .", "my room is clean !"])
    np.testing.assert_allclose(space.encode("It was bad. My room is clean!"), parts.mean(0), atol=1e-6)


def test_parts_are_slices_of_z(space: LatentSpace) -> None:
    whole = space.encode(LINES)
    joined = np.concatenate([space.encode(LINES, part) for part in space.parts], axis=1)
    np.testing.assert_array_equal(joined, whole)
    with pytest.raises(UserError, match="this model has: all"):
        space.encode("x", "nonsense")


def test_draws_do_not_depend_on_how_many_are_asked_for(space: LatentSpace) -> None:
    many = space.model.prior(0, 150, None, seed=3)
    assert torch.equal(space.model.prior(40, 70, None, seed=3), many[40:110])
    assert not torch.equal(space.model.prior(0, 150, None, seed=4), many)
    sentences = list(space.generate(12, seed=5, sample=True))
    assert sentences == list(itertools.islice(space.generate(300, seed=5, sample=True, batch_size=7), 12))
    assert len(set(sentences)) > 1 and list(space.generate(12, seed=6, sample=True)) != sentences


def test_draws_have_the_priors_mean_and_spread(space: LatentSpace) -> None:
    draws = space.model.prior(0, 6000, None, seed=0).double()
    if space.model.codebooks:
        entries = space.model.network.latent.entries
        slots = draws.unflatten(1, (len(space.model.codebooks), -1)).flatten(0, 1)
        assert (torch.cdist(slots, entries).amin(1) < 1e-9).all(), "every slot is an entry of the codebook"
        assert len(torch.unique(slots, dim=0)) == len(entries)
        return
    np.testing.assert_allclose(draws.mean(0), space.model.neutral().cpu(), atol=0.12)
    for name, part in space.model.spaces.items():
        centres = prior_centres(part)
        expected = torch.ones(part.size, dtype=torch.float64)
        if centres is not None:
            expected = expected + centres.double().var(0, unbiased=False)
        np.testing.assert_allclose(draws[:, space.parts[name]].var(0), expected, rtol=0.15)


def test_a_label_moves_the_draws_where_the_prior_has_labels(spaces: dict[str, LatentSpace]) -> None:
    for name in ("style-word", "sentence-conditional"):
        model = spaces[name].model
        first, second = (model.prior(0, 500, label, seed=0).mean(0) for label in (0, 1))
        centres = [prior_centres(part) for part in model.spaces.values()]
        moved = torch.cat(
            [
                torch.zeros(p.size) if c is None else c[1] - c[0]
                for c, p in zip(centres, model.spaces.values(), strict=True)
            ]
        )
        torch.testing.assert_close((second - first).double(), moved.double(), atol=1e-4, rtol=0)
    with pytest.raises(UserError, match="same for every label"):
        next(spaces["sentence-gaussian"].generate(1, label="positive"))
    with pytest.raises(UserError, match="this model knows: negative, positive, mixed"):
        next(spaces["style-word"].generate(1, label="neutral"))


def test_labels_of_some_attributes_move_the_draws_and_the_others_are_drawn(spaces: dict[str, LatentSpace]) -> None:
    space = spaces["style-attributes"]
    model, means = space.model, spaces["style-attributes"].model.network.style_latent.prior_means
    place = space.parts["style"]
    chosen = model.label({"tense": "past", "sentiment": "mixed"})
    assert chosen == model.label(["mixed", "tense=past"]) == {1: 0, 0: 2} and model.label(None) == {}
    both, one, free = (model.prior(0, 3000, label, seed=0)[:, place] for label in (chosen, {1: 0}, None))
    expected = torch.cat((means[2], means[3])).detach()
    torch.testing.assert_close(both.mean(0), expected, atol=0.1, rtol=0)
    torch.testing.assert_close(one.mean(0)[4:], expected[4:], atol=0.1, rtol=0)
    torch.testing.assert_close(one.mean(0)[:4], means[:3].mean(0).detach(), atol=0.15, rtol=0)
    noise = both - expected  # the same in all: only the labels differ
    differ = [bool((one[:, :4] - noise[:, :4] - m).abs().amax(1).lt(1e-5).any()) for m in means[:3].detach()]
    assert all(differ) and not torch.equal(one, free)
    assert list(space.generate(3, label=["past", "mixed"])) == list(space.generate(3, label={**MIXED, "tense": "past"}))
    with pytest.raises(UserError, match="two labels of tense"):
        next(space.generate(1, label=["past", "present"]))


def test_near_a_sentence_without_noise_is_its_reconstruction(space: LatentSpace) -> None:
    sentence = SENTENCES[5]
    there = space.decode(space.encode([sentence]), detokenise=False)
    assert list(space.generate(3, like=sentence, noise=0.0)) == there * 3
    assert len(set(space.generate(20, like=sentence, noise=3.0))) > 1


def test_the_gaussian_of_a_corpus_has_its_moments(space: LatentSpace) -> None:
    vectors = space.encode(SENTENCES[:400]).astype(np.float64)
    fitted = GaussianSum(space.size)
    for block in np.array_split(vectors, 7):
        fitted.add(block.astype(np.float32))
    np.testing.assert_allclose(fitted.mean, vectors.mean(0), atol=1e-6)
    covariance = np.cov(vectors.T)
    np.testing.assert_allclose(fitted.covariance(), covariance, atol=1e-5 * covariance.max())
    np.testing.assert_allclose(fitted.factor().T @ fitted.factor(), covariance, atol=1e-5 * covariance.max())
    assert len(list(space.generate(3, corpus=SENTENCES[:50]))) == 3
    with pytest.raises(UserError, match="cannot be fitted to 1 sentences"):
        next(space.generate(1, corpus=["one ."]))


@pytest.mark.parametrize("way", ["lerp", "slerp"])
def test_both_ends_of_a_way_are_reconstructions(space: LatentSpace, way: str) -> None:
    a, b = SENTENCES[3], SENTENCES[500]
    found = space.interpolate(a, b, steps=5, way=way)
    assert len(found) == 5 and [found[0], found[-1]] == space.decode(space.encode([a, b]), detokenise=False)


def test_arithmetic_adds_and_takes_away(space: LatentSpace) -> None:
    a, b, c = SENTENCES[3], SENTENCES[500], SENTENCES[900]
    assert space.arithmetic(a, plus=[b], minus=[b]) == space.arithmetic(a, plus=[c], minus=[c], scale=5.0)
    assert space.arithmetic(a, plus=[b], minus=[a]) == space.decode(space.encode([b]), detokenise=False)[0]
    with pytest.raises(UserError, match="plus"):
        space.arithmetic(a)


def test_nll_is_the_decoders_and_kl_a_bound_on_the_mixtures(space: LatentSpace) -> None:
    ids = pad([piece for piece in space.pieces(SENTENCES[::400])[0]])
    with torch.no_grad():
        posterior = space.model.posterior(ids)
        scored = space.score(SENTENCES[::400])
        nll = -space.model.token_log_probs(posterior.mean, ids).sum(1)
        forward = space.model.network(
            labels=ids.masked_fill(ids == 0, -100)[:1, : int((ids[0] > 0).sum())],
            encoder_outputs=Outputs(space.model.memory(posterior.mean[:1])),
        )
    np.testing.assert_allclose(scored.nll, nll, atol=1e-6)
    np.testing.assert_allclose(float(forward.loss) * scored.tokens[0], scored.nll[0], rtol=1e-6)
    assert (scored.kl > -1e-6).all() and (scored.tokens == (ids > 0).sum(1).numpy()).all()
    if posterior.std is not None:
        estimate = monte_carlo_kl(space, posterior.mean[0], posterior.std[0])
        assert estimate <= scored.kl[0] + 0.2, "−ln of the mean of exp(−KL) bounds the mixture's KL from above"
        if all(prior_centres(part) is None for part in space.model.spaces.values()):
            assert estimate == pytest.approx(scored.kl[0], abs=0.3), "without labels it is the KL itself"
        assert not np.allclose(scored.bound - scored.kl, scored.nll)
    else:
        np.testing.assert_allclose(scored.bound, scored.nll + scored.kl)


MIXED = {"sentiment": "mixed"}


class Outputs:
    """What `forward` reads of an encoder's output."""

    def __init__(self, memory: torch.Tensor):
        self.last_hidden_state = memory


def monte_carlo_kl(space: LatentSpace, mean: torch.Tensor, std: torch.Tensor, draws: int = 40_000) -> float:
    """KL(q ‖ mixture over labels) of one sentence by sampling."""
    torch.manual_seed(0)
    total = 0.0
    for name, part in space.model.spaces.items():
        place = space.parts[name]
        centres = prior_centres(part)
        centres = torch.zeros(1, part.size).double() if centres is None else centres.double()
        components = MultivariateNormal(centres, torch.eye(part.size).double())
        prior = MixtureSameFamily(torch.distributions.Categorical(torch.ones(len(centres)).double()), components)
        q = MultivariateNormal(mean[place].double(), torch.diag(std[place].double() ** 2))
        z = q.sample((draws,))
        total += float((q.log_prob(z) - prior.log_prob(z)).mean())
    return total


def test_a_sentence_has_one_noise_of_its_own(space: LatentSpace) -> None:
    together = space.score(LINES)
    alone = space.score(LINES[2:3])
    for name in ("nll", "kl", "bound"):
        np.testing.assert_allclose(getattr(alone, name)[0], getattr(together, name)[2], rtol=1e-6)
    ids = pad(space.pieces(LINES)[0])
    posterior = space.model.posterior(ids)
    if posterior.std is not None:
        assert not torch.equal(posterior.draw(ids, 0), posterior.draw(ids, 1))
        whiten = (posterior.draw(ids, 0) - posterior.mean) / posterior.std
        assert len(torch.unique(whiten[:, 0])) == len(torch.unique(ids, dim=0))


def test_fingerprints_tell_models_apart(spaces: dict[str, LatentSpace]) -> None:
    assert len({space.fingerprint for space in spaces.values()}) == len(spaces)


def test_a_decoder_that_looks_back_needs_more_than_a_vector(looking_back: LatentSpace) -> None:
    space = looking_back
    assert space.encode(LINES).shape == (len(LINES), space.size)
    scored = space.score(LINES)
    assert np.isnan(scored.nll).all() and np.isnan(scored.bound).all() and np.isfinite(scored.kl).all()
    for use in (
        lambda: next(space.generate(1)),
        lambda: space.interpolate("good", "bad"),
        lambda: space.arithmetic("good", plus=["bad"]),
        lambda: space.decode(space.encode(["good"])),
    ):
        with pytest.raises(UserError, match="memory.kind none"):
            use()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.decode(np.zeros((2, 3), np.float32)), "this model decodes"),
        (lambda s: s.decode(s.encode(["a"]), nonsense=1), "no such option: nonsense"),
        (lambda s: s.decode(s.encode(["a"]), target="positive"), "no such option: target"),
        (lambda s: s.interpolate("a", "b", steps=1), "at least 2 steps"),
        (lambda s: s.interpolate("a", "b", way="arc"), "lerp, slerp"),
        (lambda s: next(s.generate(1, like="a", corpus=["b"])), "exclude each other"),
        (lambda s: next(s.generate(-1)), "may not be negative"),
        (lambda s: next(s.generate(1, like="a", noise=float("nan"))), "may not be negative"),
    ],
)
def test_what_cannot_be_is_told(spaces: dict[str, LatentSpace], call: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        call(spaces["style-word"])  # type: ignore[operator]
