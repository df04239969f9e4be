"""Heads and adversaries: logits, not probabilities."""

from __future__ import annotations

import torch

from tests.laws import assert_close
from textvae.modules.style_guide import Classifier


def test_a_linear_classifier_is_one_affine_map() -> None:
    torch.manual_seed(0)
    classifier = Classifier(4, 3)
    z = 100 * torch.randn(5, 4)
    (weight, bias) = classifier.parameters()
    assert_close(classifier(z), z @ weight.T + bias, 1e-4)
    assert classifier(z).abs().max() > 1, "a softmax inside would keep it below 1"


def test_a_hidden_layer_bends_it() -> None:
    torch.manual_seed(0)
    classifier = Classifier(4, 3, hidden=9)
    z = torch.randn(5, 4)
    w1, b1, w2, b2 = classifier.parameters()
    assert_close(classifier(z), (z @ w1.T + b1).clamp(min=0) @ w2.T + b2, 1e-5)
    assert w1.shape == (9, 4)
