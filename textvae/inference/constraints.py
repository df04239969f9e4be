"""What a decoder may not write, as in-place edits of log-probabilities."""

from __future__ import annotations

import torch
from torch import Tensor

from textvae.inference.config import DecodingConfig
from textvae.tokenization.config import SpecialIds

NEVER = float("-inf")


class Constraints:
    """Sets the log-probability of forbidden tokens to -inf. Allowed ones keep the model's own value."""

    def __init__(self, config: DecodingConfig, ids: SpecialIds, device: torch.device):
        self.config, self.eos = config, ids.eos
        forbidden = [ids.pad, ids.bos, ids.mask] + ([] if config.allow_unk else [ids.unk])
        self.forbidden = torch.tensor(forbidden, device=device)

    @property
    def needs_history(self) -> bool:
        """Whether `history` is read at all."""
        return self.config.no_repeat_ngram > 0

    def __call__(self, log_probs: Tensor, step: int, history: Tensor | None) -> Tensor:
        """Edit and return (N, V) for position `step`, the rows having written `history` (N, step) so far."""
        if step == self.config.max_length:  # the end is all that is left
            ends = log_probs[:, self.eos].clone()
            log_probs.fill_(NEVER)
            log_probs[:, self.eos] = ends
            return log_probs
        log_probs.index_fill_(1, self.forbidden, NEVER)
        ends = log_probs[:, self.eos].clone()
        if step < self.config.min_length:
            log_probs[:, self.eos] = NEVER
        if history is not None and step >= self.config.no_repeat_ngram > 0:
            log_probs.scatter_(1, repeating(history, self.config.no_repeat_ngram, self.forbidden[0]), NEVER)
            dead = log_probs.amax(1) == NEVER  # every word would repeat: better short than ungrammatical
            log_probs[:, self.eos] = torch.where(dead, ends, log_probs[:, self.eos])
        return log_probs


def repeating(history: Tensor, n: int, filler: Tensor) -> Tensor:
    """Tokens (N, t - n + 1) that would complete an n-gram of `history` (N, t); `filler` where none would."""
    windows = history.unfold(1, n, 1)  # (N, t - n + 1, n)
    prefix = history[:, history.shape[1] - n + 1 :]  # the last n - 1 tokens
    seen = (windows[:, :, : n - 1] == prefix[:, None, :]).all(-1)
    return torch.where(seen, windows[:, :, n - 1], filler)
