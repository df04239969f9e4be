"""A random decoder of every kind, in float64, peaked enough that its sentences differ in words and length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from tests.laws import OWN_DECODERS
from textvae.inference.decoding import Decoded, DecodingConfig, decode
from textvae.modules.config import DecoderConfig
from textvae.modules.decoders import Decoder, build_decoder
from textvae.modules.output import OutputLayer

VOCABULARY, MEMORY, PAD, BOS, EOS, UNK, MASK = 40, 12, 0, 1, 2, 3, 4


@dataclass
class Writer:
    """Everything `decode` takes."""

    decoder: Decoder
    output: OutputLayer
    embedding: nn.Embedding

    def write(self, memory: Tensor, keys: Tensor | None = None, scored: bool = True, **options: object) -> Decoded:
        config = DecodingConfig(**{"max_length": 12, **options})  # type: ignore[arg-type]
        return decode(self.decoder, self.output, self.embedding, memory, config, keys=keys, scored=scored)

    @torch.no_grad()
    def teacher_forced(self, memory: Tensor, tokens: Tensor) -> Tensor:
        """log p (T,) of each token of one sentence (T,) by the full forward pass."""
        inputs = torch.cat((tokens.new_tensor([BOS]), tokens[:-1]))
        hidden = self.decoder(memory[None], self.embedding(inputs)[None])
        return self.output.log_probs(hidden[0]).gather(1, tokens[:, None])[:, 0]


def build(kind: str) -> Writer:
    torch.manual_seed(3)
    embedding = nn.Embedding(VOCABULARY, 16)
    decoder = build_decoder(DecoderConfig(kind=kind, size=24, layers=2, heads=2), 16, MEMORY)  # type: ignore[arg-type]
    output = OutputLayer(24, VOCABULARY)
    with torch.no_grad():
        output.linear.weight.normal_(std=1.2 if kind != "transformer" else 0.8)
        output.linear.bias.zero_()
        output.linear.bias[EOS] = 1.0
        for name, parameter in decoder.named_parameters():
            if "weight" in name and "norm" not in name:
                parameter.mul_(2.0)
        if kind == "transformer":  # left alone, its sentences all run to the limit
            decoder.get_parameter("latent.weight").mul_(3.0)
            output.linear.weight[EOS] *= 2.0
    return Writer(decoder.double().eval(), output.double(), embedding.double())


@pytest.fixture(params=OWN_DECODERS)
def writer(request: pytest.FixtureRequest) -> Iterator[Writer]:
    torch.set_num_threads(1)
    yield build(request.param)


@pytest.fixture
def memory() -> Tensor:
    return torch.randn(9, 1, MEMORY, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
