"""The adversaries read the *other* space and end in logits."""

from __future__ import annotations

import torch

from tests.laws import BAG, CONTENT_SIZE, LABELS, STYLE_SIZE, assert_close
from textvae.models.adversaries import Adversaries


def test_the_style_is_read_from_content_and_the_words_from_style() -> None:
    torch.manual_seed(0)
    adversaries = Adversaries(STYLE_SIZE, CONTENT_SIZE, len(LABELS), BAG)
    z_s, z_c = torch.randn(4, STYLE_SIZE), torch.randn(4, CONTENT_SIZE)
    output = adversaries(z_s, z_c)
    assert output.style_logits[0].shape == (4, len(LABELS)) and output.bag_logits.shape == (4, BAG)
    other = adversaries(z_s + 1, z_c)
    assert torch.equal(other.style_logits[0], output.style_logits[0])
    assert not torch.equal(other.bag_logits, output.bag_logits)
    other = adversaries(z_s, z_c + 1)
    assert not torch.equal(other.style_logits[0], output.style_logits[0])
    assert torch.equal(other.bag_logits, output.bag_logits)


def test_logits_grow_with_the_latent() -> None:
    torch.manual_seed(0)
    adversaries = Adversaries(STYLE_SIZE, CONTENT_SIZE, len(LABELS), BAG)
    z_s, z_c = torch.randn(4, STYLE_SIZE), torch.randn(4, CONTENT_SIZE)
    zero, once, far = (adversaries(k * z_s, k * z_c) for k in (0.0, 1.0, 1000.0))
    for start, one, much in (
        (zero.style_logits[0], once.style_logits[0], far.style_logits[0]),
        (zero.bag_logits, once.bag_logits, far.bag_logits),
    ):
        assert_close((much - start) / 1000, one - start, 1e-3)


def test_only_the_style_adversary_takes_a_hidden_layer() -> None:
    adversaries = Adversaries(STYLE_SIZE, CONTENT_SIZE, len(LABELS), BAG, "mlp", hidden=9)
    shapes = {name: tuple(p.shape) for name, p in adversaries.named_parameters() if name.endswith("weight")}
    assert shapes == {
        "style_from_content.layers.0.weight": (9, CONTENT_SIZE),
        "style_from_content.layers.2.weight": (len(LABELS), 9),
        "bag_from_style.layers.0.weight": (BAG, STYLE_SIZE),
    }
