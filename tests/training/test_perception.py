"""Laws of the features of a frozen encoder; those of every term on transfers are in test_transfer.py."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.laws import (
    EOS,
    LABELS,
    TWO,
    VOCABULARY,
    assert_close,
    tiny_batch,
    tiny_corpus,
    tiny_model,
    tiny_networks,
    tiny_transfer,
)
from textvae.data.batch import Batch
from textvae.errors import UserError
from textvae.modules.frozen_features import FrozenFeatures, gram, mean_state
from textvae.objectives.config import ObjectivesConfig, Weight
from textvae.objectives.transfer import TRANSFER_OBJECTIVES, TransferOutput, content_features, gram_distance
from textvae.training.perception import PERCEPTUAL_TERMS, Perception, exemplars
from textvae.training.recipe import only_moves
from textvae.training.transfer import TransferRecipe, sentences

every_term = pytest.mark.parametrize("term", sorted(PERCEPTUAL_TERMS))
SHOWN = exemplars(tiny_corpus(40, seed=3), len(LABELS), 4)


def recipe_of(network: FrozenFeatures | None, *terms: str) -> TransferRecipe:
    """Transfers that are looked at by the guide, or by `network`."""
    model, adversaries = tiny_networks()
    objectives = ObjectivesConfig(**{name: Weight(1.0) for name in terms})
    recipe = TransferRecipe(model, adversaries, objectives, tiny_transfer(), 1, Perception(SHOWN, network))
    recipe.guide.double()
    return recipe


def looked(recipe: TransferRecipe, batch: Batch | None = None) -> TransferOutput:
    """A batch's transfers, as phase `vae` sees them."""
    with only_moves(recipe.modules, "model"):
        found = recipe.run(recipe.phases_at(1)[0], recipe.modules, batch or tiny_batch(), None).transfer  # type: ignore[attr-defined]
    assert found is not None
    return found


def frozen_encoder(seed: int = 5) -> FrozenFeatures:
    """The encoder of another model."""
    other = tiny_model(seed)
    return FrozenFeatures(other.embedding, other.sentence_encoder)


# ---------------------------------------------------------------------------------------------- the features
def test_the_gram_matrix_by_hand() -> None:
    states = torch.tensor([[[1.0, 2.0], [3.0, 0.0], [9.0, 9.0]]]).double()
    mask = torch.tensor([[True, True, False]])
    assert_close(gram(states, mask)[0], torch.tensor([[5.0, 1.0], [1.0, 2.0]]), 1e-12)
    assert_close(mean_state(states, mask)[0], torch.tensor([2.0, 1.0]), 1e-12)


def test_the_order_of_the_words_is_not_in_the_gram_matrix() -> None:
    states = torch.randn(2, 5, 3).double()
    mask = torch.ones(2, 5, dtype=torch.bool)
    assert_close(gram(states[:, [4, 2, 0, 1, 3]], mask), gram(states, mask), 1e-12)


def test_the_gram_distance_by_hand() -> None:
    """‖[[1, 0], [0, 3]]‖² = 10, over 4 D² = 16."""
    ours, theirs = torch.tensor([[[2.0, 0.0], [0.0, 3.0]]]), torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    assert_close(gram_distance(ours, theirs), torch.tensor([10 / 16]), 1e-6)


def test_the_content_distance_by_hand() -> None:
    assert_close(content_features(torch.tensor([[1.0, 4.0]]), torch.tensor([[0.0, 2.0]])), torch.tensor([2.5]), 1e-6)


def test_half_precision_is_left_before_the_products() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = gram(torch.full((1, 300, 2), 1.01), torch.ones(1, 300, dtype=torch.bool))
    assert found.dtype == torch.float32
    assert_close(found, torch.full((1, 2, 2), 1.01**2), 1e-5)


# ---------------------------------------------------------------------------------------------- what is looked at
def test_they_are_off_unless_a_weight_says_otherwise() -> None:
    assert all(getattr(ObjectivesConfig(), name).weight == 0 for name in PERCEPTUAL_TERMS)
    assert looked(recipe_of(None, "J_style")).states is None


@pytest.mark.parametrize("own", [True, False])
def test_what_is_wanted_is_the_mean_of_the_style_and_of_the_sentence(own: bool) -> None:
    network = None if own else frozen_encoder()
    recipe = recipe_of(network, *PERCEPTUAL_TERMS)
    found, eye = looked(recipe), recipe.guide.states if network is None else network
    assert found.wanted_gram is not None and found.wanted_state is not None
    for row, style in enumerate(found.target.tolist()):
        each = [gram(eye(ids[None], mask[None]), mask[None])[0] for ids, mask in zip(*SHOWN[style], strict=True)]
        assert_close(found.wanted_gram[0][row], torch.stack(each).mean(0), 1e-9)
    ids, mask = sentences(tiny_batch())
    assert_close(found.wanted_state, mean_state(eye(ids, mask), mask), 1e-9)


@every_term
def test_a_sentence_that_is_its_own_example_costs_nothing(term: str) -> None:
    guide = recipe_of(None, term).guide
    ids, mask = (part[:1] for part in SHOWN[1])
    points = nn.functional.one_hot(ids, VOCABULARY).double()
    same = TransferOutput(torch.tensor([1]), ids, mask, points=points)
    seen = Perception([(ids, mask)] * len(LABELS))(same, (ids, mask), guide)
    assert float(TRANSFER_OBJECTIVES[term](seen).detach()) == pytest.approx(0, abs=1e-20)
    other = Perception(SHOWN)(replace(same, target=torch.tensor([2])), sentences(tiny_batch(1)), guide)
    assert float(TRANSFER_OBJECTIVES[term](other).detach()) > 1e-6


@every_term
def test_the_gradient_goes_through_a_frozen_encoder_and_stays_nowhere_in_it(term: str) -> None:
    network = frozen_encoder()
    recipe = recipe_of(network, term)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    found = looked(recipe)
    assert found.points is not None
    (at_points,) = torch.autograd.grad(TRANSFER_OBJECTIVES[term](found).sum(), found.points, retain_graph=True)
    assert bool((at_points.abs().sum(-1) > 0)[found.mask].all()), "every word of x̂ is felt"
    with only_moves(recipe.modules, "model"):
        TRANSFER_OBJECTIVES[term](looked(recipe)).sum().backward()
    assert any(p.grad is not None and p.grad.any() for p in recipe.model.decoder.parameters())
    for name, parameter in network.named_parameters():
        assert parameter.grad is None and torch.equal(parameter, before[name]), name
    assert "features" not in recipe.modules, "what is never trained is no module of the recipe"


def test_exemplars_are_sentences_of_their_style() -> None:
    corpus = tiny_corpus(40, seed=3)
    for style, (ids, mask) in enumerate(exemplars(corpus, len(LABELS), 4)):
        assert len(ids) == 4 and bool(((ids == EOS).sum(1) == 1).all()) and torch.equal(mask, ids != 0)
        known = [tuple(corpus.sentence(i)) for i in range(40) if corpus.labels[i] == style]
        assert all(tuple(row[m][:-1].tolist()) in known for row, m in zip(ids, mask, strict=True))


def test_several_attributes_have_exemplars_and_a_gram_matrix_for_each_of_their_labels() -> None:
    corpus = tiny_corpus(40, seed=3, labels=TWO)
    shown, places = exemplars(corpus, (3, 2), 4), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    for (ids, mask), (attribute, label) in zip(shown, places, strict=True):
        known = [tuple(corpus.sentence(i)) for i in range(40) if corpus.labels[i, attribute] == label]
        assert all(tuple(row[m][:-1].tolist()) in known for row, m in zip(ids, mask, strict=True))
    model, adversaries = tiny_networks(labels=TWO)
    objectives = ObjectivesConfig(J_gram=Weight(1.0))
    recipe = TransferRecipe(model, adversaries, objectives, tiny_transfer(), 1, Perception(shown))
    recipe.guide.double()
    found = looked(recipe, tiny_batch(labels=TWO))
    assert found.wanted_gram is not None and len(found.wanted_gram) == 2
    for attribute, wanted in enumerate(found.wanted_gram):
        for row, label in enumerate(found.target[:, attribute].tolist()):
            ids, mask = shown[places.index((attribute, label))]
            each = [gram(recipe.guide.states(x[None], m[None]), m[None])[0] for x, m in zip(ids, mask, strict=True)]
            assert_close(wanted[row], torch.stack(each).mean(0), 1e-9)
    ours = gram(found.states, found.mask)
    each = [gram_distance(ours, wanted) for wanted in found.wanted_gram]
    assert_close(TRANSFER_OBJECTIVES["J_gram"](found), each[0] + each[1], 1e-12)


def test_a_style_needs_exemplars() -> None:
    with pytest.raises(UserError, match="exemplars"):
        tiny_transfer(exemplars=0)
