"""Laws of decoders over a whole source, over every class in ATTENTIVE_DECODERS; tests/modules/test_seq2seq.py has the
rest, with attention and words around them."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor

from tests.laws import assert_close
from textvae.modules.attentive_decoders import ATTENTIVE_DECODERS, AttentiveDecoder, build_attentive_decoder
from textvae.modules.config import DecoderConfig
from textvae.modules.decoders import DecoderState

ROWS, LENGTH, SOURCE, WIDTH, MEMORY = 4, 6, 5, 3, 7
SHAPES = [(kind, layers) for kind in sorted(ATTENTIVE_DECODERS) for layers in (1, 2)]
every_decoder = pytest.mark.parametrize(("kind", "layers"), SHAPES)


def build(kind: str, layers: int) -> AttentiveDecoder:
    torch.manual_seed(0)
    config = DecoderConfig(kind=kind, size=8, layers=layers, heads=2)  # type: ignore[arg-type]
    return build_attentive_decoder(config, WIDTH, MEMORY).double().eval()


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def inputs() -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """Words (B, L, E), and states, mask and summary of the source."""
    mask = torch.arange(SOURCE) < torch.tensor([5, 1, 3, 4])[:, None]
    return normal(ROWS, LENGTH, WIDTH), (normal(ROWS, SOURCE, MEMORY, seed=1), mask, normal(ROWS, MEMORY, seed=2))


def steps(decoder: AttentiveDecoder, words: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
    made = []
    for word in words.unbind(1):
        hidden, state = decoder.step(word, state)
        made.append(hidden)
    return torch.stack(made, dim=1), state


def test_the_dict_and_the_option_name_the_same_kinds() -> None:
    kinds = set(get_args(get_type_hints(DecoderConfig)["kind"]))
    assert kinds - {"pretrained"} == set(ATTENTIVE_DECODERS), "a pretrained decoder attends in its own way"


@every_decoder
def test_steps_are_the_full_pass_with_its_gradients(kind: str, layers: int) -> None:
    decoder, (words, (states, mask, summary)), gradients = build(kind, layers), inputs(), []
    leaves = [x.requires_grad_() for x in (words, states, summary)]
    full = decoder(words, states, mask, summary)
    stepwise, _ = steps(decoder, words, decoder.start(states, mask, summary))
    assert full.shape == (ROWS, LENGTH, decoder.output_size)
    assert_close(stepwise, full, 1e-12)
    weight = normal(*full.shape, seed=3)
    for made in (full, stepwise):
        used = [*leaves, *decoder.parameters()]
        gradients.append(torch.autograd.grad((made * weight).sum(), used, allow_unused=True))
    for a, b in zip(*gradients, strict=True):
        assert (a is None) == (b is None) and (a is None or assert_close(b, a, 1e-10) is None)


@every_decoder
@pytest.mark.parametrize("rows", [[2, 0, 3, 1], [1, 1, 1], [3]])
def test_select_reorders_repeats_and_drops_rows(kind: str, layers: int, rows: list[int]) -> None:
    decoder, (words, source), picked = build(kind, layers), inputs(), torch.tensor(rows)
    _, state = steps(decoder, words[:, :2], decoder.start(*source))
    rest, _ = steps(decoder, words[picked, 2:], state.select(picked))
    assert_close(rest, decoder(words, *source)[picked, 2:], 1e-12)


@every_decoder
def test_padding_of_the_source_is_not_read(kind: str, layers: int) -> None:
    decoder, (words, (states, mask, summary)) = build(kind, layers), inputs()
    rubbish = torch.where(mask[:, :, None], states, 100.0)
    expected = decoder(words, states, mask, summary)
    assert_close(decoder(words, rubbish, mask, summary), expected, 1e-12)
    assert_close(steps(decoder, words, decoder.start(rubbish, mask, summary))[0], expected, 1e-12)
    short = decoder(words[2:3], states[2:3, :3], mask[2:3, :3], summary[2:3])
    assert_close(short, expected[2:3], 1e-12, "alone = in a padded batch")


@every_decoder
def test_every_word_reads_the_source(kind: str, layers: int) -> None:
    decoder, (words, (states, mask, summary)) = build(kind, layers), inputs()
    other = decoder(words, states + 1.0, mask, summary + 1.0)
    assert ((other - decoder(words, states, mask, summary)).abs().amax((0, 2)) > 1e-3).all()


@every_decoder
def test_nothing_is_saved_but_parameters(kind: str, layers: int) -> None:
    decoder = build(kind, layers)
    assert set(decoder.state_dict()) == {n for n, _ in decoder.named_parameters()}
