"""Laws of encoders, over every class in ENCODERS."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor

from tests.laws import OWN_ENCODERS, assert_close
from textvae.errors import UserError
from textvae.modules.config import EncoderConfig
from textvae.modules.encoders import ENCODERS, Encoder, build_encoder

WIDTH, LENGTHS = 6, (5, 1, 7, 3, 7)
SHAPES = [(kind, layers, both, 0) for kind in OWN_ENCODERS for layers, both in ((1, True), (2, True), (2, False))]
SHAPES += [(kind, 1, True, places) for kind in ("gru", "lstm") for places in (4, 9)]
every_encoder = pytest.mark.parametrize(("kind", "layers", "both_ways", "places"), SHAPES)


def build(kind: str, layers: int = 2, both_ways: bool = True, places: int = 0) -> Encoder:
    torch.manual_seed(0)
    config = EncoderConfig(kind, 8, layers, both_ways, places, heads=2)  # type: ignore[arg-type]
    return build_encoder(config, WIDTH).double().eval()


def sentences(lengths: tuple[int, ...] = LENGTHS, longest: int = 0) -> tuple[Tensor, Tensor]:
    """Random embeddings (padding included: it must not matter what stands there) and their mask."""
    longest = longest or max(lengths)
    mask = torch.arange(longest)[None] < torch.tensor(lengths)[:, None]
    generator = torch.Generator().manual_seed(2)
    embedded = torch.zeros(len(lengths), longest, WIDTH, dtype=torch.float64)
    for row, length in enumerate(lengths):
        embedded[row, :length] = torch.randn(length, WIDTH, generator=generator, dtype=torch.float64)
    return embedded, mask


def test_the_dict_and_the_option_name_the_same_kinds() -> None:
    assert set(get_args(get_type_hints(EncoderConfig)["kind"])) == set(ENCODERS) | {"pretrained"}


@every_encoder
def test_alone_is_as_in_a_padded_batch(kind: str, layers: int, both_ways: bool, places: int) -> None:
    encoder, (embedded, mask) = build(kind, layers, both_ways, places), sentences()
    batch = encoder(embedded, mask)
    assert batch.states.shape == (len(LENGTHS), max(LENGTHS), encoder.output_size)
    assert batch.summary.shape == (len(LENGTHS), encoder.output_size)
    for row, length in enumerate(LENGTHS):
        alone = encoder(embedded[row : row + 1, :length], mask[row : row + 1, :length])
        assert_close(batch.summary[row], alone.summary[0], 1e-12, f"summary {row}")
        assert_close(batch.states[row, :length], alone.states[0], 1e-12, f"states {row}")


@every_encoder
def test_what_stands_at_padding_does_not_matter(kind: str, layers: int, both_ways: bool, places: int) -> None:
    encoder, (embedded, mask) = build(kind, layers, both_ways, places), sentences()
    clean = encoder(embedded, mask)
    noisy = encoder(torch.where(mask[..., None], embedded, 50.0), mask)
    assert_close(noisy.summary, clean.summary, 1e-12)
    assert_close(noisy.states, clean.states, 1e-12)
    assert not clean.states[~mask].any()


@every_encoder
def test_permuting_the_batch_permutes_the_output(kind: str, layers: int, both_ways: bool, places: int) -> None:
    encoder, (embedded, mask) = build(kind, layers, both_ways, places), sentences()
    order = torch.tensor([3, 0, 4, 1, 2])
    assert_close(encoder(embedded[order], mask[order]).summary, encoder(embedded, mask).summary[order], 1e-12)


@every_encoder
def test_every_word_and_its_place_count(kind: str, layers: int, both_ways: bool, places: int) -> None:
    encoder, (embedded, mask) = build(kind, layers, both_ways, places), sentences()
    embedded.requires_grad_()
    encoder(embedded, mask).summary.square().sum().backward()
    reached = embedded.grad.abs().sum(-1) > 0  # type: ignore[union-attr]
    assert torch.equal(reached, mask)
    turned = embedded.detach()[2:3].flip(1)
    full = torch.ones(1, max(LENGTHS), dtype=torch.bool)
    difference = encoder(turned, full).summary - encoder(embedded.detach()[2:3], full).summary
    assert difference.abs().max() > 1e-3, "the order of words is not seen"


@every_encoder
def test_every_parameter_gets_a_gradient(kind: str, layers: int, both_ways: bool, places: int) -> None:
    encoder = build(kind, layers, both_ways, places)
    encoder(*sentences()).summary.square().sum().backward()
    assert [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("kind", OWN_ENCODERS)
def test_a_mask_of_integers_does_the_same(kind: str) -> None:
    encoder, (embedded, mask) = build(kind), sentences()
    assert_close(encoder(embedded, mask.long()).summary, encoder(embedded, mask).summary, 1e-12)


def test_transformer_width_must_be_a_multiple_of_its_heads() -> None:
    with pytest.raises(UserError, match="heads"):
        EncoderConfig(kind="transformer", size=10, heads=4)
