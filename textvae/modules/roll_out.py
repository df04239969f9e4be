"""Words that a network writes on its own, during training: greedy or sampled, without a gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from textvae.modules.noise import NoiseKey, exact, gumbel, uniform
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


@contextmanager
def without_dropout(module: nn.Module) -> Iterator[None]:
    """Without dropout for a while, but in training mode, which the recurrent kernels of a GPU need for a gradient."""
    dropouts = [m for m in module.modules() if isinstance(m, nn.Dropout) and m.training]
    for dropout in dropouts:
        dropout.eval()
    try:
        yield
    finally:
        for dropout in dropouts:
            dropout.train()


Step = Callable[[Tensor, Any], tuple[Tensor, Any]]
"""Tokens (B,) and a state to scores (B, V) of the next word, up to a constant per row, and the next state."""


@torch.no_grad()
def free_run(
    step: Step,
    state: Any,
    rows: int,
    longest: int,
    device: torch.device,
    key: NoiseKey | None = None,
    forbidden: Sequence[int] = (),
) -> Tensor:
    """Texts (rows, L), each closed by `</s>` and padded; L ≤ longest + 1.

    Without a key the likeliest word is taken, with one a sample (by the Gumbel-max trick, word t from noise stream
    SAMPLING_STREAM + t). `<pad>`, `<s>`, `<mask>` and what is `forbidden` are never written, nor an empty text. The
    Python here runs once a word, not once a row.
    """
    never = torch.tensor([SPECIAL.pad, SPECIAL.bos, SPECIAL.mask, *forbidden], device=device)
    tokens = torch.full((rows,), SPECIAL.bos, device=device)
    ended = torch.zeros_like(tokens, dtype=torch.bool)
    words: list[Tensor] = []
    for place in range(longest + 1):
        scores, state = step(tokens, state)
        scores = exact(scores)  # the maximum of bf16 costs four times as much on a CPU
        scores.index_fill_(1, never, -torch.inf)
        if place == 0:
            scores[:, SPECIAL.eos] = -torch.inf
        if key is not None:
            scores = scores + gumbel(uniform(scores, key, SAMPLING_STREAM + place))
        tokens = scores.argmax(1)
        if place == longest:
            tokens = torch.full_like(tokens, SPECIAL.eos)
        words.append(tokens.masked_fill(ended, SPECIAL.pad))
        ended = ended | (tokens == SPECIAL.eos)
        if bool(ended.all()):
            break
    return torch.stack(words, dim=1)


@torch.no_grad()
def roll_out(network: Seq2Seq, memory: Memory, lengths: Tensor, longest: int, key: NoiseKey | None = None) -> Tensor:
    """Texts (B, L) for the sources in `memory`, by `free_run`. lengths: (B,) words wanted, for the countdown."""
    with evaluating(network):
        state = network.start(memory, lengths)
        return free_run(network.step, state, len(memory), longest, memory.mask.device, key)
