"""The prior of human text: a proper distribution of the next word, over ids and over points."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.laws import BOS, EOS, assert_close
from textvae.errors import UserError
from textvae.modules.config import LanguageModelConfig
from textvae.modules.language_model import NETWORKS, RecurrentLanguageModel

VOCABULARY, LENGTHS = 19, (5, 1, 7, 3)
ROWS, LONGEST = len(LENGTHS), max(LENGTHS)
every_kind = pytest.mark.parametrize("kind", sorted(NETWORKS))


def build(kind: str, dropout: float = 0.3) -> RecurrentLanguageModel:
    torch.manual_seed(0)
    config = LanguageModelConfig(kind=kind, embedding_size=6, size=8, layers=2, dropout=dropout)  # type: ignore[arg-type]
    return RecurrentLanguageModel(config, VOCABULARY).double().eval()


def texts() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(LONGEST)[None] < torch.tensor(LENGTHS)[:, None]
    return torch.randint(5, VOCABULARY, (ROWS, LONGEST), generator=generator), mask


def points(ids: Tensor) -> Tensor:
    return F.one_hot(ids, VOCABULARY).double()


def test_the_dict_and_the_option_name_the_same_kinds() -> None:
    assert set(get_args(get_type_hints(LanguageModelConfig)["kind"])) == set(NETWORKS)


@every_kind
def test_log_probabilities_are_normalised(kind: str) -> None:
    log_probs = build(kind).next_word(texts()[0])
    assert log_probs.shape == (ROWS, LONGEST, VOCABULARY)
    assert_close(log_probs.logsumexp(-1), torch.zeros(ROWS, LONGEST), 1e-12)


@every_kind
def test_texts_of_two_words_have_probability_one_together(kind: str) -> None:
    model = build(kind)
    every = torch.cartesian_prod(torch.arange(VOCABULARY), torch.arange(VOCABULARY))
    total = model.log_prob(every, torch.ones_like(every, dtype=torch.bool)).sum(1).exp().sum()
    assert total.item() == pytest.approx(1.0, abs=1e-9)


@every_kind
def test_ids_are_their_one_hot_points(kind: str) -> None:
    model, (ids, mask) = build(kind), texts()
    assert_close(model.next_word(points(ids)), model.next_word(ids), 1e-12)
    assert_close(model.log_prob(points(ids), mask), model.log_prob(ids, mask), 1e-12)


@every_kind
def test_the_next_word_cannot_see_itself_or_the_future(kind: str) -> None:
    model, (ids, _) = build(kind), texts()
    for place in range(LONGEST):
        changed = ids.clone()
        changed[:, place:] = (changed[:, place:] - 4) % (VOCABULARY - 5) + 5
        difference = (model.next_word(changed) - model.next_word(ids)).abs().amax(-1)
        assert difference[:, : place + 1].max() == 0
        assert place + 1 == LONGEST or (difference[:, place + 1] > 0).all()


@every_kind
def test_a_gradient_reaches_every_word_that_is_read(kind: str) -> None:
    model, (ids, _) = build(kind), texts()
    sequence = points(ids).requires_grad_()
    (gradient,) = torch.autograd.grad(model.next_word(sequence).square().sum(), sequence)
    reached = gradient.abs().amax(-1) > 0
    assert reached[:, :-1].all() and not reached[:, -1].any()


@every_kind
def test_all_ways_to_a_probability_agree(kind: str) -> None:
    model, (ids, mask) = build(kind), texts()
    gathered = model.next_word(ids).gather(2, ids[..., None])[..., 0].where(mask, 0.0)
    inputs = torch.cat((torch.full((ROWS, 1), BOS), ids[:, :-1]), dim=1)
    assert_close(model.log_prob(ids, mask), gathered, 1e-12)
    assert_close(-model(inputs, ids.where(mask, -100)), gathered, 1e-12)
    assert (gathered[mask] < 0).all() and not gathered[~mask].any()


@every_kind
def test_alone_is_as_in_a_padded_batch(kind: str) -> None:
    model, (ids, mask) = build(kind), texts()
    batch = model.log_prob(ids, mask)
    for row, length in enumerate(LENGTHS):
        alone = model.log_prob(ids[row : row + 1, :length], mask[row : row + 1, :length])
        assert_close(batch[row, :length], alone[0], 1e-12, f"row {row}")


@every_kind
def test_every_parameter_gets_a_gradient_and_dropout_only_in_training(kind: str) -> None:
    model, (ids, mask) = build(kind), texts()
    assert torch.equal(model.log_prob(ids, mask), model.log_prob(ids, mask))
    model.train()
    loss = -model.log_prob(ids, mask).sum()
    assert loss != -model.log_prob(ids, mask).sum()
    loss.backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@every_kind
def test_learns_a_language(kind: str) -> None:
    """Every word is followed by the next number: after training only the first word is uncertain."""
    model = build(kind, dropout=0.0).train()
    first = torch.arange(5, 13)
    ids = torch.cat([first[:, None] + torch.arange(3), torch.full((8, 1), EOS)], dim=1)
    mask = torch.ones_like(ids, dtype=torch.bool)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(120):
        optimizer.zero_grad()
        nll = -model.log_prob(ids, mask)
        nll.sum().backward()
        optimizer.step()
    assert nll[:, 1:].max() < 0.1
    assert nll[:, 0].mean().item() == pytest.approx(torch.tensor(8.0).log().item(), abs=0.1)


@every_kind
def test_exact_under_autocast(kind: str) -> None:
    model, (ids, mask) = build(kind).float(), texts()
    for sequence in (ids, points(ids).float()):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            low = model.next_word(sequence)
            score = model.log_prob(sequence, mask)
        assert low.dtype == score.dtype == torch.float32
        assert_close(low.logsumexp(-1), torch.zeros(ROWS, LONGEST), 1e-5)
        assert_close(score, model.log_prob(sequence, mask), 2e-2)


def test_sizes_are_checked() -> None:
    with pytest.raises(UserError, match="dropout"):
        LanguageModelConfig(dropout=1.0)
    with pytest.raises(UserError, match="at least 1"):
        LanguageModelConfig(layers=0)


def test_an_adaptive_output_is_a_distribution_too() -> None:
    torch.manual_seed(0)
    words = 1500  # more than the head of the adaptive softmax has
    model = RecurrentLanguageModel(LanguageModelConfig(embedding_size=6, size=8, output="adaptive"), words).eval()
    ids, mask = torch.randint(5, words, (ROWS, LONGEST)), texts()[1]
    log_probs = model.next_word(ids)
    assert_close(log_probs.logsumexp(-1), torch.zeros(ROWS, LONGEST), 1e-5)
    assert_close(model.log_prob(ids, mask), log_probs.gather(2, ids[..., None])[..., 0].where(mask, 0.0), 1e-5)
