"""Laws of the style guide."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.modules.config import StyleGuideConfig
from textvae.modules.style_guide import StyleGuide

VOCABULARY = 20


@pytest.fixture
def guide() -> StyleGuide:
    torch.manual_seed(0)
    return StyleGuide(StyleGuideConfig(embedding_size=6, size=5), VOCABULARY, 3).double().eval()


def test_alone_is_as_in_a_padded_batch(guide: StyleGuide) -> None:
    long, short = torch.randint(5, VOCABULARY, (7,)), torch.randint(5, VOCABULARY, (4,))
    batch, mask = torch.stack((long, F.pad(short, (0, 3)))), torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    torch.testing.assert_close(guide(batch, mask)[1], guide(short[None], mask[1:, :4])[0])


def test_points_that_are_words_are_read_as_words(guide: StyleGuide) -> None:
    ids, mask = torch.randint(5, VOCABULARY, (2, 5)), torch.ones(2, 5, dtype=torch.bool)
    torch.testing.assert_close(guide(F.one_hot(ids, VOCABULARY).double(), mask), guide(ids, mask))


def test_the_gradient_reaches_every_word(guide: StyleGuide) -> None:
    points = torch.full((2, 5, VOCABULARY), 1 / VOCABULARY, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    guide(points, mask)[:, 0].sum().backward()
    assert points.grad is not None
    reached = points.grad.abs().sum(2) > 0
    assert torch.equal(reached, mask)


def test_words_are_dropped_in_training_only(guide: StyleGuide) -> None:
    mask = torch.ones(50, 20, dtype=torch.bool)
    assert torch.equal(guide.kept(mask), mask)
    guide.train()
    assert 0.05 < 1 - guide.kept(mask).double().mean() < 0.15


@pytest.mark.parametrize("wrong", [{"size": 0}, {"dropout": 1.0}, {"word_dropout": -0.1}])
def test_impossible_sizes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match="guide"):
        StyleGuideConfig(**wrong)  # type: ignore[arg-type]
