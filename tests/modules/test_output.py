"""Laws of output layers, over every class in OUTPUTS, and of the cross-entropy in low precision."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.laws import assert_close
from textvae.models.configuration import ModelConfig
from textvae.modules.output import OUTPUTS, AdaptiveOutputLayer, OutputLayer, _SoftmaxCrossEntropy, cross_entropy

WIDTH, VOCABULARY, CUTS = 6, 40, (10, 25)


def layers() -> dict[str, OutputLayer]:
    """Every class at its defaults over a vocabulary that has every cluster, and small ones with few clusters."""
    torch.manual_seed(0)
    made: dict[str, OutputLayer] = {name: cls(WIDTH, 4100) for name, cls in OUTPUTS.items()}
    made["adaptive, three clusters"] = AdaptiveOutputLayer(WIDTH, VOCABULARY, *CUTS)
    made["adaptive, two clusters"] = AdaptiveOutputLayer(WIDTH, VOCABULARY, 10, 50)
    made["adaptive, one cluster"] = AdaptiveOutputLayer(WIDTH, VOCABULARY, 50, 60)
    for layer in made.values():
        for parameter in layer.parameters():
            parameter.data.normal_(std=0.7)
    return {name: layer.double() for name, layer in made.items()}


LAYERS = layers()
every_layer = pytest.mark.parametrize("name", sorted(LAYERS))


def case(name: str, rows: int = 30) -> tuple[OutputLayer, Tensor, Tensor]:
    layer, generator = LAYERS[name], torch.Generator().manual_seed(1)
    layer.zero_grad()
    hidden = torch.randn(rows, WIDTH, generator=generator, dtype=torch.float64)
    size = layer.log_probs(hidden[:1]).shape[1]
    edges = torch.tensor([0, size - 1, min(size - 1, 999), min(size - 1, 1000), min(size - 1, 4000), *CUTS, 9, 24])
    return layer, hidden, torch.cat((edges, torch.randint(size, (rows - len(edges),), generator=generator)))


def test_the_dict_and_the_option_name_the_same_kinds() -> None:
    assert set(get_args(get_type_hints(ModelConfig)["output"])) == set(OUTPUTS)


@every_layer
def test_probabilities_sum_to_one(name: str) -> None:
    layer, hidden, _ = case(name)
    log_probs = layer.log_probs(hidden)
    assert_close(log_probs.exp().sum(1), torch.ones(len(hidden)), 1e-5)


@every_layer
def test_nll_is_minus_the_log_probability_of_the_target(name: str) -> None:
    layer, hidden, targets = case(name)
    expected = -layer.log_probs(hidden).gather(1, targets[:, None])[:, 0]
    assert_close(layer.nll(hidden, targets), expected, 1e-5)


@every_layer
def test_logits_normalise_to_the_log_probabilities(name: str) -> None:
    layer, hidden, _ = case(name)
    expected = layer.log_probs(hidden)
    assert_close(layer.logits(hidden).log_softmax(-1), expected, 1e-5)
    deep = layer.logits(hidden.unflatten(0, (2, 3, 5)))
    assert_close(deep.log_softmax(-1), expected.unflatten(0, (2, 3, 5)), 1e-5)


@every_layer
def test_nll_and_log_probs_have_the_same_gradients(name: str) -> None:
    layer, hidden, targets = case(name)
    hidden.requires_grad_()
    inputs = [hidden, *layer.parameters()]
    fast = torch.autograd.grad(layer.nll(hidden, targets).sum(), inputs)
    dense = torch.autograd.grad(-layer.log_probs(hidden).gather(1, targets[:, None]).sum(), inputs)
    for a, b in zip(fast, dense, strict=True):
        assert_close(a, b, 1e-4)


@every_layer
def test_a_batch_without_rare_words_still_gives_every_gradient(name: str) -> None:
    """Data-parallel training waits for the gradient of every parameter."""
    layer, hidden, _ = case(name)
    layer.nll(hidden, torch.zeros(len(hidden), dtype=torch.long)).sum().backward()
    assert [n for n, p in layer.named_parameters() if p.grad is None] == []


@every_layer
def test_log_probs_are_at_least_fp32(name: str) -> None:
    layer, hidden, _ = case(name)
    try:
        layer.float()
        with torch.autocast("cpu", torch.bfloat16):
            assert layer.log_probs(hidden.float()).dtype == torch.float32
    finally:
        layer.double()
    assert layer.nll(hidden, torch.zeros(len(hidden), dtype=torch.long)).dtype == torch.float64


def test_a_rare_word_only_pays_for_its_own_cluster() -> None:
    layer, hidden, _ = case("adaptive, three clusters")
    for target, own in ((3, None), (CUTS[0], 0), (CUTS[1] - 1, 0), (CUTS[1], 1), (VOCABULARY - 1, 1)):
        layer.zero_grad()
        layer.nll(hidden[:1], torch.tensor([target])).sum().backward()
        paying = [i for i, tail in enumerate(layer.tails) if any(p.grad.any() for p in tail.parameters())]
        assert paying == ([] if own is None else [own]), target


def test_words_below_a_bound_may_be_left_out_and_no_other() -> None:
    layer, hidden, _ = case("adaptive, three clusters")
    whole = layer.log_probs(hidden)
    for nats in (0.5, 2.0, 6.0):
        least = whole.amax(1) - nats
        found = layer.log_probs(hidden, lambda words, least=least: least)  # type: ignore[misc]
        same = found == whole[:, : found.shape[1]]
        assert (whole[:, found.shape[1] :] < least[:, None]).all()
        assert (same | (found.isneginf() & (whole[:, : found.shape[1]] < least[:, None]))).all()
    assert layer.log_probs(hidden, lambda words: words.new_full((len(words),), 1.0)).shape[1] == CUTS[0]
    full, hidden, _ = case("full")
    assert torch.equal(full.log_probs(hidden, lambda words: words[:, 0]), full.log_probs(hidden))


# ---------------------------------------------------------------------------------------------- cross-entropy
def logits_and_targets(scale: float = 3.0, rows: int = 64, classes: int = 500) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    return scale * torch.randn(rows, classes, generator=generator), torch.randint(classes, (rows,), generator=generator)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cross_entropy_is_torchs(dtype: torch.dtype) -> None:
    logits, targets = logits_and_targets()
    logits = logits.to(dtype)
    loss = cross_entropy(logits, targets)
    assert loss.dtype == dtype and loss.shape == targets.shape
    assert_close(loss, F.cross_entropy(logits, targets, reduction="none"), 1e-6)


def test_the_custom_gradient_is_exact_in_full_precision() -> None:
    logits, targets = logits_and_targets()
    upstream = torch.linspace(-1, 2, len(targets))
    ours, theirs = (logits.clone().requires_grad_() for _ in range(2))
    loss = _SoftmaxCrossEntropy.apply(ours, targets)
    expected = F.cross_entropy(theirs, targets, reduction="none")
    assert_close(loss, expected, 1e-5)
    (loss * upstream).sum().backward()
    (expected * upstream).sum().backward()
    assert_close(ours.grad, theirs.grad, 1e-6)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_is_near_fp32(dtype: torch.dtype) -> None:
    logits, targets = logits_and_targets()
    low = logits.to(dtype).requires_grad_()
    exact = logits.to(dtype).float().requires_grad_()  # the same rounded logits: only the loss may differ
    loss, expected = cross_entropy(low, targets), F.cross_entropy(exact, targets, reduction="none")
    assert loss.dtype == torch.float32
    assert_close(loss, expected, 0.005)
    assert (loss - expected).mean().abs() < 0.002, "the rounding must not be biased"
    loss.mean().backward()
    expected.mean().backward()
    assert low.grad is not None and exact.grad is not None and low.grad.dtype == dtype
    error = (low.grad.float() - exact.grad).norm() / exact.grad.norm()
    assert error < 0.01


def test_low_precision_stays_finite_where_the_target_is_hopeless() -> None:
    logits = torch.zeros(1, 8, dtype=torch.bfloat16)
    logits[0, 0] = 1000.0
    logits.requires_grad_()
    loss = cross_entropy(logits, torch.tensor([3]))
    loss.sum().backward()
    assert 80 < loss.item() < float("inf")
    assert logits.grad is not None
    assert logits.grad[0].tolist() == [1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0]
