"""Words that a network writes on its own, during training: greedy or sampled, without a gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from textvae.modules.noise import NoiseKey
from textvae.modules.relaxations import gumbel, uniform
from textvae.modules.seq2seq import Memory, Seq2Seq
from textvae.tokenization.config import SPECIAL

SAMPLING_STREAM = 1000
"""Number of the noise stream of the first word; word t draws from this one + t."""


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Without dropout for a while."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


@torch.no_grad()
def roll_out(network: Seq2Seq, memory: Memory, lengths: Tensor, longest: int, key: NoiseKey | None = None) -> Tensor:
    """Texts (B, L) for the sources in `memory`, each closed by `</s>` and padded; L ≤ longest + 1.

    lengths: (B,) words wanted, for the countdown. Without a key the likeliest word is taken, with one a sample (by the
    Gumbel-max trick, word t from noise stream SAMPLING_STREAM + t). `<pad>`, `<s>` and `<mask>` are never written, nor
    an empty text. The Python here runs once a word, not once a row.
    """
    with evaluating(network):
        state = network.start(memory, lengths)
        tokens = torch.full((len(memory),), SPECIAL.bos, device=memory.mask.device)
        ended = torch.zeros_like(tokens, dtype=torch.bool)
        words: list[Tensor] = []
        for place in range(longest + 1):
            log_probs, state = network.step(tokens, state)
            log_probs[:, [SPECIAL.pad, SPECIAL.bos, SPECIAL.mask]] = -torch.inf
            if place == 0:
                log_probs[:, SPECIAL.eos] = -torch.inf
            if key is not None:
                log_probs = log_probs + gumbel(uniform(log_probs, key, SAMPLING_STREAM + place))
            tokens = log_probs.argmax(1)
            if place == longest:
                tokens = torch.full_like(tokens, SPECIAL.eos)
            words.append(tokens.masked_fill(ended, SPECIAL.pad))
            ended = ended | (tokens == SPECIAL.eos)
            if bool(ended.all()):
                break
        return torch.stack(words, dim=1)
